using System.Net;
using Gateway.Ike.Sa;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>A NAT between the peers (RFC 7296 §2.23, RFC 3948).</summary>
public sealed class Nat
{
    private static readonly IPAddress _outside = IPAddress.Parse("203.0.113.7");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "2.23")]
    public void A_peer_behind_a_nat_moves_to_port_4500_and_encapsulates(bool rekeyedByOutside)
    {
        using var lab = Behind(out _);
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        var (left, right) = (lab.Left.Sas[0], lab.Right.Sas[0]);
        Assert.True(left is { NatLocal: true, NatRemote: false } && right is { NatLocal: false, NatRemote: true });
        Assert.Equal((4500, 4500), (left.Local.Port, left.Remote.Port));
        Assert.Equal((4500, 24500), (right.Local.Port, right.Remote.Port));
        var sa = Assert.Single(lab.Right.Installed.Values).Parameters;
        Assert.Equal(new(4500, 24500), sa.Encapsulation);
        Assert.Equal(_outside, sa.RemoteAddress);

        (rekeyedByOutside ? lab.Right : lab.Left).Rekey("net");
        lab.Deliver();
        (rekeyedByOutside ? lab.Right : lab.Left).Rekey();
        lab.Deliver();
        lab.AssertUp();
        Assert.True(lab.Left.Sas[0].NatLocal);
    }

    [Fact]
    [Rfc("3948", "4")]
    public void Who_is_behind_the_nat_keeps_its_mapping_alive()
    {
        using var lab = Behind(out _);
        lab.Left.Initiate();
        lab.Deliver();
        var before = lab.Sent.Count;
        lab.Run(100);
        Assert.Equal(5, lab.Sent.Skip(before).Count(p => p.Payload is [0xff] && p.From.Address.Equals(lab.Left.Address)));
        Assert.Equal(5, lab.Right.Engine.Drops(IkeDrop.NotIke));
    }

    [Fact]
    [Rfc("7296", "2.23")]
    public void A_new_mapping_of_the_nat_is_followed_by_authenticated_messages_and_packets()
    {
        using var lab = Behind(out var shift);
        lab.Left.Initiate();
        lab.Deliver();
        shift.Value = 30_000;
        lab.Left.Rekey("net");
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(34500, lab.Right.Sas[0].Remote.Port);
        Assert.Equal(34500, (int?)Assert.Single(lab.Right.Installed.Values).Parameters.Encapsulation?.RemotePort);
        Assert.Equal(34500, Assert.Single(lab.Right.FactsOf<IkeSaEndpointChanged>()).RemotePort);

        // And what ESP shows before any IKE message comes.
        var child = Assert.Single(lab.Right.Installed.Keys);
        lab.Right.Do((now, outputs) => lab.Right.Engine.NewAddress(child, new IPEndPoint(_outside, 40000), now, outputs));
        Assert.Equal(40000, (int?)Assert.Single(lab.Right.Installed.Values).Parameters.Encapsulation?.RemotePort);
        // A stranger who copies a datagram from elsewhere moves nothing.
        var copy = lab.Sent.Last(p => p.From.Address.Equals(lab.Left.Address));
        lab.Arrive(copy with { From = new IPEndPoint(_outside, 666), To = new IPEndPoint(lab.Right.Address, 4500) });
        Assert.Equal(40000, lab.Right.Sas[0].Remote.Port);
    }

    [Fact]
    public void Encapsulation_can_be_forced_without_a_nat()
    {
        using var lab = Lab.Configured(s => s with { Encap = true });
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(new(4500, 4500), Assert.Single(lab.Left.Installed.Values).Parameters.Encapsulation);
        Assert.Equal(new(4500, 4500), Assert.Single(lab.Right.Installed.Values).Parameters.Encapsulation);
    }

    [Fact]
    public void Without_a_nat_esp_goes_native()
    {
        // RFC 4555 §3.3: who may move goes to port 4500 all the same.
        using var lab = Lab.Up(s => s with { Mobike = false });
        Assert.Null(Assert.Single(lab.Left.Installed.Values).Parameters.Encapsulation);
        Assert.Equal(500, lab.Left.Sas[0].Local.Port);
    }

    // The left side's packets leave with the NAT's address and a port that is shifted.
    private static Lab Behind(out StrongBox<int> shift)
    {
        var lab = Lab.Configured(s => s with { DpdDelay = new SwanDuration(0) }, s => s with { RemoteAddrs = ["%any"] });
        var by = shift = new StrongBox<int>(20_000);
        lab.Path = p => p.From.Address.Equals(lab.Left.Address)
            ? [p with { From = new IPEndPoint(_outside, p.From.Port + by.Value) }]
            : p.To.Address.Equals(_outside) ? p.To.Port - by.Value is 500 or 4500 ? [p with { To = new IPEndPoint(lab.Left.Address, p.To.Port - by.Value) }] : [] : [p];
        return lab;
    }

    private sealed class StrongBox<T>(T value)
    {
        public T Value { get; set; } = value;
    }
}
