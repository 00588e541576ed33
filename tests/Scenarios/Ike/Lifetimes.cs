using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Rekeying, deleting, liveness, and the ends of lifetimes.</summary>
public sealed class Lifetimes
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "1.3.3")]
    [Rfc("7296", "2.8")]
    public void Either_side_rekeys_a_child_and_deletes_the_old_one(bool byInitiator)
    {
        using var lab = Lab.Up();
        var old = Assert.Single(lab.Left.Installed.Keys);
        var (one, other) = byInitiator ? (lab.Left, lab.Right) : (lab.Right, lab.Left);
        Assert.True(one.Rekey("net"));

        // one --> other  CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, KEi, TSi, TSr }
        Assert.True(lab.Step());
        // Until the old one is deleted the responder goes on sending with it.
        Assert.Equal(2, other.Installed.Count);
        Assert.True(other.Installed.Values.Single(s => s.OutboundHeld).Parameters.Id.Value > 0);
        // one <-- other  CREATE_CHILD_SA { SA, Nr, KEr, TSi, TSr }
        Assert.True(lab.Step());
        Assert.Equal(2, one.Installed.Count);
        Assert.DoesNotContain(one.Installed.Values, s => s.OutboundHeld);
        // one --> other  INFORMATIONAL { D(old) }
        Assert.True(lab.Step());
        Assert.False(Assert.Single(other.Installed.Values).OutboundHeld);
        // one <-- other  INFORMATIONAL { D(old) }
        Assert.True(lab.Step());

        lab.AssertUp();
        Assert.NotEqual(old, Assert.Single(lab.Left.Installed.Keys));
        Assert.Equal(old, lab.Left.FactsOf<ChildSaInstalled>().Last().Replaces);
        Assert.Equal("rekeyed", Assert.Single(lab.Left.FactsOf<ChildSaClosed>()).Reason);
        Assert.Equal("rekeyed", Assert.Single(lab.Right.FactsOf<ChildSaClosed>()).Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "1.3.2")]
    [Rfc("7296", "2.18")]
    public void Either_side_rekeys_the_ike_sa_and_the_children_go_over(bool byInitiator)
    {
        using var lab = Lab.Up();
        var (child, id) = (Assert.Single(lab.Left.Installed.Keys), lab.Left.Sas[0].Id);
        Assert.True((byInitiator ? lab.Left : lab.Right).Rekey());
        // one --> other  CREATE_CHILD_SA { SA(SPI), Ni, KEi }
        // one <-- other  CREATE_CHILD_SA { SA(SPI), Nr, KEr }
        // one --> other  INFORMATIONAL { D(IKE) }
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(child, Assert.Single(lab.Left.Installed.Keys));
        Assert.Equal(id, lab.Left.FactsOf<IkeSaEstablished>().Last().Replaces);
        Assert.Equal("rekeyed", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);
        Assert.Equal("rekeyed", Assert.Single(lab.Right.FactsOf<IkeSaClosed>()).Reason);
        Assert.Single(lab.Left.FactsOf<ChildSasInherited>());

        // The new one works: children can be rekeyed in it, by both sides.
        lab.Left.Rekey("net");
        lab.Deliver();
        lab.Right.Rekey("net");
        lab.Deliver();
        lab.AssertUp();
        lab.AssertNoNonceTwice();
    }

    [Fact]
    public void Time_rekeys_children_and_ike_sas_for_days_without_a_gap()
    {
        using var lab = Lab.Up(s => Lab.WithChild(s with { RekeyTime = SwanDuration.Hours(4) }, c => c with { RekeyTime = SwanDuration.Hours(1) }));
        for (var hour = 0; hour < 48; hour++)
        {
            lab.Run(TimeSpan.FromHours(1));
            lab.AssertUp();
        }

        Assert.InRange(lab.Left.FactsOf<IkeSaEstablished>().Count(), 12, 16);
        Assert.InRange(lab.Left.FactsOf<ChildSaInstalled>().Count(), 47, 60);
        Assert.All(lab.Left.FactsOf<IkeSaClosed>(), c => Assert.Equal("rekeyed", c.Reason));
        Assert.All(lab.Left.FactsOf<ChildSaClosed>(), c => Assert.Contains(c.Reason, (string[])["rekeyed", "deleted-by-peer"]));
        lab.AssertNoNonceTwice();
    }

    [Fact]
    public void The_end_of_bytes_or_sequence_numbers_rekeys_and_then_closes_a_child()
    {
        using var lab = Lab.Up();
        var old = Assert.Single(lab.Left.Installed.Keys);
        lab.Left.Do((now, outputs) => lab.Left.Engine.Lifetime(old, hard: false, now, outputs));
        lab.Deliver();
        lab.AssertUp();
        var young = Assert.Single(lab.Left.Installed.Keys);
        Assert.NotEqual(old, young);
        lab.Left.Do((now, outputs) => lab.Left.Engine.Lifetime(young, hard: true, now, outputs));
        lab.Deliver();
        lab.AssertUp(children: 0);
        Assert.Equal("expired", lab.Left.FactsOf<ChildSaClosed>().Last().Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "1.4.1")]
    public void Either_side_deletes_a_child_or_the_ike_sa(bool byInitiator)
    {
        using var lab = Lab.Up();
        var (one, other) = byInitiator ? (lab.Left, lab.Right) : (lab.Right, lab.Left);
        // one --> other  INFORMATIONAL { D(child) }
        // one <-- other  INFORMATIONAL { D(child) }
        Assert.True(one.Terminate("net"));
        lab.Deliver();
        lab.AssertUp(children: 0);
        Assert.Equal("deleted-by-peer", Assert.Single(other.FactsOf<ChildSaClosed>()).Reason);

        // one --> other  INFORMATIONAL { D(IKE) }
        // one <-- other  INFORMATIONAL { }
        Assert.True(one.Terminate());
        lab.Deliver();
        lab.AssertDown();
        Assert.Equal("terminated", Assert.Single(one.FactsOf<IkeSaClosed>()).Reason);
        Assert.Equal("deleted-by-peer", Assert.Single(other.FactsOf<IkeSaClosed>()).Reason);
        Assert.False(one.Terminate());
    }

    [Fact]
    [Rfc("7296", "2.25.1")]
    public void Both_sides_close_the_same_child_at_once()
    {
        using var lab = Lab.Up();
        lab.Left.Terminate("net");
        lab.Right.Terminate("net");
        lab.Deliver();
        lab.AssertUp(children: 0);
    }

    [Fact]
    [Rfc("7296", "2.25.2")]
    public void Peer_forgets_its_own_close_when_both_close_the_ike_sa()
    {
        using var lab = Lab.Up();
        lab.Left.Terminate();
        lab.Right.Terminate();
        lab.Deliver();
        lab.AssertDown();
    }

    [Fact]
    public void A_closed_child_starts_again_when_the_close_action_says_so()
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s, c => c with { CloseAction = LossAction.Start }));
        lab.Left.Initiate();
        lab.Deliver();
        lab.Right.Terminate("net");
        lab.Deliver();
        lab.AssertUp();
        lab.Right.Terminate();
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    [Rfc("7296", "2.4")]
    public void A_silent_peer_is_asked_and_answers()
    {
        using var lab = Lab.Up(s => s with { DpdDelay = new SwanDuration(30) });
        var before = lab.Sent.Count;
        // left --> right  INFORMATIONAL { }
        // left <-- right  INFORMATIONAL { }
        lab.Run(31);
        Assert.True(lab.Sent.Count > before);
        lab.Run(TimeSpan.FromMinutes(10));
        lab.AssertUp();
    }

    [Fact]
    [Rfc("7296", "2.4")]
    public void Traffic_of_a_child_proves_that_the_peer_lives()
    {
        using var lab = Lab.Configured(s => s with { DpdDelay = new SwanDuration(30) });
        lab.Left.Initiate();
        lab.Deliver();
        var before = lab.Sent.Count;
        var child = Assert.Single(lab.Left.Installed.Keys);
        for (var i = 0; i < 20; i++)
        {
            lab.Run(10);
            lab.Left.Do((now, outputs) => lab.Left.Engine.LastUsed(child, lab.Now, now, outputs));
        }

        Assert.Equal(before, lab.Sent.Count);
    }

    [Fact]
    [Rfc("7296", "2.4")]
    public void A_vanished_peer_is_given_up_after_all_retransmissions()
    {
        using var lab = Lab.Up(s => s with { DpdDelay = new SwanDuration(30) });
        lab.Path = p => p.From.Address.Equals(lab.Right.Address) ? [] : [p];
        lab.Right.Reset();
        // 30 s of silence, then 4 + 7.2 + 13 + 23.3 + 42 + 75.6 s of asking.
        lab.Run(190);
        Assert.Single(lab.Left.Sas);
        lab.Run(10);
        Assert.Equal("dpd-timeout", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);
        Assert.Equal("dpd-timeout", Assert.Single(lab.Left.FactsOf<ChildSaClosed>()).Reason);
        lab.AssertDown();
    }

    [Fact]
    public void A_vanished_peer_is_dialled_again_when_the_dpd_action_says_so()
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s with { DpdDelay = new SwanDuration(30), Keyingtries = 0 }, c => c with { DpdAction = LossAction.Start }));
        lab.Left.Initiate();
        lab.Deliver();
        lab.Right.Reset();
        lab.Path = p => p.To.Address.Equals(lab.Right.Address) ? [] : [p];
        lab.Run(TimeSpan.FromMinutes(10));
        Assert.Equal("CONNECTING", Assert.Single(lab.Left.Sas).State);
        lab.Path = p => [p];
        lab.Run(TimeSpan.FromMinutes(10));
        lab.AssertUp();
    }

    [Fact]
    [Rfc("7296", "2.1")]
    public void A_retransmission_is_the_same_octets_and_so_is_its_answer()
    {
        using var lab = Lab.Up();
        var lost = 0;
        lab.Path = p => p.From.Address.Equals(lab.Right.Address) && lost++ < 2 ? [] : [p];
        var before = lab.Sent.Count;
        lab.Left.Rekey("net");
        lab.Run(30);
        lab.AssertUp();
        var requests = lab.Sent.Skip(before).Where(p => p.Header is { IsRequest: true, MessageId.Value: 2 } && p.From.Address.Equals(lab.Left.Address)).ToList();
        var answers = lab.Sent.Skip(before).Where(p => p.Header is { IsResponse: true, MessageId.Value: 2 }).ToList();
        Assert.Equal((3, 3), (requests.Count, answers.Count));
        Assert.Single(requests.Select(p => new Octets(p.Payload)).Distinct());
        Assert.Single(answers.Select(p => new Octets(p.Payload)).Distinct());
        lab.AssertNoNonceTwice();
    }

    [Fact]
    public void Set_up_survives_the_loss_of_each_of_its_messages()
    {
        for (var which = 0; which < 4; which++)
        {
            using var lab = Lab.Configured();
            var (count, lose) = (0, which);
            lab.Path = p => count++ == lose ? [] : [p];
            lab.Left.Initiate();
            lab.Run(20);
            lab.AssertUp();
        }
    }

    [Fact]
    public void An_initiator_gives_up_after_165_seconds_and_tries_again_as_often_as_it_should()
    {
        using var lab = Lab.Configured(s => s with { Keyingtries = 2 });
        lab.Path = _ => [];
        lab.Left.Initiate();
        lab.Run(164);
        Assert.Empty(lab.Left.FactsOf<IkeSaFailed>());
        Assert.Equal(6, lab.Sent.Count);
        lab.Run(2);
        Assert.Equal("timeout", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Reason);
        Assert.Single(lab.Left.Sas);
        lab.Run(170);
        Assert.Equal(2, lab.Left.FactsOf<IkeSaFailed>().Count());
        lab.AssertDown();
    }

    [Fact]
    public void Removing_a_connection_closes_its_ike_sas()
    {
        using var lab = Lab.Up();
        lab.Left.Connections.Clear();
        lab.Left.Load();
        lab.Deliver();
        lab.AssertDown();
        Assert.Equal("configuration-removed", Assert.Single(lab.Left.FactsOf<ChildSaClosed>()).Reason);
        Assert.Equal("configuration-removed", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);
    }
}
