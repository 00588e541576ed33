using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>USE_TRANSPORT_MODE between two peers.</summary>
public sealed class TransportMode
{
    [Fact]
    [Rfc("7296", "1.3.1")]
    public void Both_sides_carry_what_both_want_and_a_rekey_keeps_it()
    {
        using var lab = Lab.Up(s => Hosts(s, SaMode.Transport));
        AssertMode(lab, SaMode.Transport);
        Assert.True(lab.Right.Rekey("net"));
        lab.Deliver();
        lab.AssertUp();
        AssertMode(lab, SaMode.Transport);
    }

    [Theory]
    [InlineData(SaMode.Transport, SaMode.Tunnel)]
    [InlineData(SaMode.Tunnel, SaMode.Transport)]
    [Rfc("7296", "1.3.1")]
    public void What_one_side_does_not_want_becomes_a_tunnel(SaMode left, SaMode right)
    {
        using var lab = Lab.Configured(s => Hosts(s, left), s => Hosts(s, right));
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        AssertMode(lab, SaMode.Tunnel);
    }

    private static ConnectionSpec Hosts(ConnectionSpec spec, SaMode mode) => Lab.WithChild(spec, c => c with { LocalTs = ["dynamic"], RemoteTs = ["dynamic"], Mode = mode });

    private static void AssertMode(Lab lab, SaMode mode)
    {
        Assert.All(lab.Left.Installed.Values, sa => Assert.Equal(mode, sa.Parameters.Mode));
        Assert.All(lab.Right.Installed.Values, sa => Assert.Equal(mode, sa.Parameters.Mode));
    }
}
