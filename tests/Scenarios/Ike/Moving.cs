using System.Net;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>IKE SAs that move to other addresses (RFC 4555).</summary>
public sealed class Moving
{
    private static readonly IPAddress _leftOther = IPAddress.Parse("192.0.2.99");
    private static readonly IPAddress _rightOther = IPAddress.Parse("198.51.100.77");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Rfc("4555", "3.5")]
    public void Who_began_moves_both_sides_to_its_new_address(bool rekeyedByOther)
    {
        using var lab = TwoEach();
        // RFC 4555 §2: who began the first IKE SA stays its initiator, whoever rekeys it.
        if (rekeyedByOther) lab.Right.Rekey();
        lab.Deliver();
        var spis = Spis(lab);
        lab.Left.Way = _leftOther;
        lab.Left.Do((now, outputs) => lab.Left.Engine.WaysChanged(now, outputs));
        // A' --> B  INFORMATIONAL { N(UPDATE_SA_ADDRESSES), N(COOKIE2), N(NAT_DETECTION_*), N(ADDITIONAL_IP4_ADDRESS) }
        // A' <-- B  INFORMATIONAL { N(COOKIE2), N(NAT_DETECTION_*) }
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(_leftOther, lab.Left.Sas[0].Local.Address);
        Assert.Equal(_leftOther, lab.Right.Sas[0].Remote.Address);
        Assert.Equal(_leftOther, Assert.Single(lab.Left.Installed.Values).Parameters.LocalAddress);
        Assert.Equal(_leftOther, Assert.Single(lab.Right.Installed.Values).Parameters.RemoteAddress);
        Assert.Equal(spis, Spis(lab));
        Assert.Equal(_leftOther, Assert.Single(lab.Right.FactsOf<IkeSaEndpointChanged>()).RemoteAddress);

        lab.Right.Rekey("net");
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(_leftOther, Assert.Single(lab.Left.Installed.Values).Parameters.LocalAddress);
    }

    [Fact]
    [Rfc("4555", "3.3")]
    public void Who_may_move_speaks_on_port_4500_without_a_nat_too()
    {
        using var lab = TwoEach();
        Assert.Equal((4500, 4500), (lab.Left.Sas[0].Local.Port, lab.Left.Sas[0].Remote.Port));
        Assert.Null(Assert.Single(lab.Left.Installed.Values).Parameters.Encapsulation);
    }

    [Fact]
    [Rfc("4555", "3.5")]
    public void A_peer_that_is_not_reached_any_more_is_looked_for_at_its_other_address()
    {
        using var lab = TwoEach(dpd: true);
        lab.Path = p => p.To.Address.Equals(lab.Right.Address) || p.From.Address.Equals(lab.Right.Address) ? [] : [p];
        lab.Run(TimeSpan.FromSeconds(60));
        lab.AssertUp();
        Assert.Equal(_rightOther, lab.Left.Sas[0].Remote.Address);
        Assert.Equal(_rightOther, lab.Right.Sas[0].Local.Address);
        Assert.Equal(_rightOther, Assert.Single(lab.Right.Installed.Values).Parameters.LocalAddress);
    }

    [Fact]
    [Rfc("7296", "2.11")]
    public void A_question_from_elsewhere_is_answered_there_and_moves_nothing()
    {
        using var lab = TwoEach(dpd: true);
        lab.Run(TimeSpan.FromSeconds(11));
        var asked = 0;
        lab.Path = p =>
        {
            // The answer goes to the other address; something on the way brings it home.
            if (!p.From.Address.Equals(lab.Left.Address)) return [p.To.Address.Equals(_leftOther) ? p with { To = new IPEndPoint(lab.Left.Address, p.To.Port) } : p];
            asked++;
            return [p with { From = new IPEndPoint(_leftOther, p.From.Port) }];
        };
        lab.Run(TimeSpan.FromSeconds(11));
        Assert.True(asked > 0);
        Assert.Equal(_leftOther, lab.Sent[^1].To.Address);
        Assert.Equal(lab.Left.Address, lab.Right.Sas[0].Remote.Address);
    }

    [Fact]
    [Rfc("4555", "3.1")]
    public void Without_the_consent_of_both_nobody_moves()
    {
        using var lab = Lab.Configured(s => Two(s, "192.0.2.1", "192.0.2.99"), s => Two(s, "198.51.100.2", "198.51.100.77") with { Mobike = false });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Left.Way = _leftOther;
        lab.Left.Do((now, outputs) => lab.Left.Engine.WaysChanged(now, outputs));
        lab.Deliver();
        Assert.Equal(lab.Left.Address, lab.Left.Sas[0].Local.Address);
        Assert.Equal(lab.Left.Address, lab.Right.Sas[0].Remote.Address);
    }

    [Fact]
    public void A_move_survives_lost_messages_and_crashes_of_both()
    {
        using var lab = TwoEach();
        lab.Left.Way = _leftOther;
        lab.Left.Do((now, outputs) => lab.Left.Engine.WaysChanged(now, outputs));
        lab.LoseAll();
        lab.Left.KillAndResume();
        lab.Right.KillAndResume();
        lab.Run(TimeSpan.FromSeconds(30));
        lab.AssertUp();
        Assert.Equal(_leftOther, Assert.Single(lab.Right.Installed.Values).Parameters.RemoteAddress);
        Assert.Equal(_leftOther, Assert.Single(lab.Left.Installed.Values).Parameters.LocalAddress);
    }

    private static Lab TwoEach(bool dpd = false)
    {
        var lab = Lab.Configured(
            s => Two(s, "192.0.2.1", "192.0.2.99") with { DpdDelay = new SwanDuration(dpd ? 10 : 0) },
            s => Two(s, "198.51.100.2", "198.51.100.77"));
        lab.Left.Others.Add(_leftOther);
        lab.Right.Others.Add(_rightOther);
        Assert.True(lab.Left.Initiate());
        lab.Deliver();
        lab.AssertUp();
        return lab;
    }

    private static ConnectionSpec Two(ConnectionSpec spec, string first, string second) => spec with { LocalAddrs = [first, second], RemoteAddrs = spec.RemoteAddrs };

    private static IEnumerable<Spi> Spis(Lab lab) => [.. lab.Left.Installed.Values.SelectMany(s => new[] { s.Parameters.InboundSpi, s.Parameters.OutboundSpi })];
}
