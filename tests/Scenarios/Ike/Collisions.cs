using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Requests that cross on the wire (RFC 7296 §2.8 and §2.25). Seeds give both outcomes of every comparison of nonces.</summary>
public sealed class Collisions
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.8.1")]
    public void Both_sides_rekey_the_same_child_at_once_and_one_new_child_is_left(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        var old = Assert.Single(lab.Left.Installed.Keys);
        // left  --> right  CREATE_CHILD_SA { N(REKEY_SA), SA, Ni1, KEi1, TSi, TSr }
        // left <--  right  CREATE_CHILD_SA { N(REKEY_SA), SA, Ni2, KEi2, TSi, TSr }
        lab.Left.Rekey("net");
        lab.Right.Rekey("net");
        // Both answer. Whoever made the SA with the lowest nonce deletes it, the other one deletes the old one.
        lab.Deliver();
        lab.AssertUp();
        Assert.False(Assert.Single(lab.Left.Installed.Values).OutboundHeld);
        Assert.False(Assert.Single(lab.Right.Installed.Values).OutboundHeld);
        Assert.DoesNotContain(old, lab.Left.Installed.Keys);
        lab.AssertNoNonceTwice();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.8.1")]
    public void A_rekeying_that_arrives_after_the_peers_own_is_done_changes_nothing(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        lab.Left.Rekey("net");
        // The left side's request is late.
        var late = lab.Take(lab.Right);
        lab.Right.Rekey("net");
        lab.Deliver();
        // The right side has rekeyed and deleted the old child: CHILD_SA_NOT_FOUND.
        lab.Arrive(late);
        lab.Deliver();
        lab.AssertUp();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.25.1")]
    public void A_rekeying_that_arrives_while_the_old_child_is_being_closed_is_put_off(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        lab.Left.Rekey("net");
        var late = lab.Take(lab.Right);
        lab.Right.Rekey("net");
        // right --> left  CREATE_CHILD_SA request; left --> right its answer; the delete is on its way.
        lab.Step(lab.Left);
        lab.Step(lab.Right);
        lab.Arrive(late);
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.8.2")]
    public void Both_sides_rekey_the_ike_sa_at_once_and_one_new_ike_sa_is_left(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        var child = Assert.Single(lab.Left.Installed.Keys);
        // left  --> right  CREATE_CHILD_SA { SA, Ni1, KEi1 }
        // left <--  right  CREATE_CHILD_SA { SA, Ni2, KEi2 }
        lab.Left.Rekey();
        lab.Right.Rekey();
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(child, Assert.Single(lab.Left.Installed.Keys));
        lab.Left.Rekey("net");
        lab.Right.Rekey();
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp();
        lab.AssertNoNonceTwice();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.25.2")]
    public void An_ike_rekeying_that_arrives_late_loses_against_one_that_is_done(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        lab.Left.Rekey();
        var late = lab.Take(lab.Right);
        lab.Right.Rekey();
        // right --> left  CREATE_CHILD_SA { SA, Ni, KEi }
        // left --> right  CREATE_CHILD_SA { SA, Nr, KEr }
        // right --> left  INFORMATIONAL { D(IKE) }
        lab.Step(lab.Left);
        lab.Step(lab.Right);
        if (seed % 2 == 0) lab.Deliver();
        lab.Arrive(late);
        lab.Deliver();
        lab.Run(200);
        lab.AssertUp();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.25.2")]
    public void A_child_and_the_ike_sa_are_rekeyed_from_both_sides_at_once(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        // left  --> right  CREATE_CHILD_SA { N(REKEY_SA), … }      is answered TEMPORARY_FAILURE
        // left <--  right  CREATE_CHILD_SA { SA, Ni, KEi }         is answered TEMPORARY_FAILURE
        lab.Left.Rekey("net");
        lab.Right.Rekey();
        lab.Deliver();
        lab.AssertUp();
        lab.Run(120);
        lab.AssertUp();
        Assert.True(lab.Left.FactsOf<ChildSaInstalled>().Count() > 1);
        Assert.True(lab.Left.FactsOf<IkeSaEstablished>().Count() > 1);
    }

    [Fact]
    [Rfc("7296", "2.25.1")]
    public void A_child_that_one_side_closes_and_the_other_rekeys_is_closed()
    {
        using var lab = Lab.Up();
        lab.Left.Rekey("net");
        lab.Right.Terminate("net");
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp(children: 0);
    }

    [Fact]
    [Rfc("7296", "2.25.2")]
    public void An_ike_sa_that_one_side_closes_and_the_other_rekeys_is_closed()
    {
        using var lab = Lab.Up();
        lab.Left.Rekey();
        lab.Right.Terminate();
        lab.Deliver();
        lab.Run(200);
        lab.AssertDown();
    }

    private static ConnectionSpec Two(ConnectionSpec spec)
    {
        var isLeft = spec.LocalAddrs[0] == "192.0.2.1";
        var (here, there) = isLeft ? ("10.1.9.0/24", "10.2.9.0/24") : ("10.2.9.0/24", "10.1.9.0/24");
        return spec with
        {
            Children = new Dictionary<string, ChildSpec> { ["net"] = spec.Children["net"], ["dmz"] = spec.Children["net"] with { LocalTs = [here], RemoteTs = [there] } },
        };
    }

    [Fact]
    [Rfc("7296", "2.25.1")]
    public void Deletes_of_the_same_child_that_cross_are_answered_without_naming_it()
    {
        using var lab = Lab.Up();
        // left  --> right  INFORMATIONAL { D(child) }     left <-- right  INFORMATIONAL { D(child) }
        lab.Left.Terminate("net");
        lab.Right.Terminate("net");
        var whole = lab.Sent.Last().Payload.Length;
        var sent = lab.Sent.Count;
        lab.Deliver();
        // Both answers are empty: shorter than a message with a Delete payload.
        Assert.Equal(2, lab.Sent.Count - sent);
        Assert.All(lab.Sent.Skip(sent), p => Assert.True(p.Payload.Length < whole));
        lab.AssertUp(children: 0);
        Assert.Single(lab.Left.FactsOf<ChildSaClosed>());
        Assert.Single(lab.Right.FactsOf<ChildSaClosed>());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.25.1")]
    public void A_child_that_is_deleted_while_it_is_being_rekeyed_is_gone_for_good(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        // right --> left  INFORMATIONAL { D(child) } arrives while left --> right  CREATE_CHILD_SA { N(REKEY_SA), … } is on its way.
        lab.Left.Rekey("net");
        var rekeying = lab.Take(lab.Right);
        lab.Right.Terminate("net");
        lab.Step(lab.Left);
        Assert.Empty(lab.Left.Installed);
        // The rekeying finds the child closing (TEMPORARY_FAILURE) or gone (CHILD_SA_NOT_FOUND).
        if (seed % 2 == 0) lab.Deliver();
        lab.Arrive(rekeying);
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp(children: 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "2.25.2")]
    public void An_ike_sa_is_not_rekeyed_while_its_child_is_being_closed(bool byInitiator)
    {
        using var lab = Lab.Up();
        var (one, other) = byInitiator ? (lab.Left, lab.Right) : (lab.Right, lab.Left);
        one.Terminate("net");
        other.Rekey();
        // other --> one  CREATE_CHILD_SA { SA, Ni, KEi }       is answered TEMPORARY_FAILURE
        lab.Deliver();
        Assert.Single(other.FactsOf<IkeSaEstablished>());
        lab.AssertUp(children: 0);
        // RFC 7296 §2.25: after a while it is tried again.
        lab.Run(30);
        Assert.Equal(2, other.FactsOf<IkeSaEstablished>().Count());
        lab.AssertUp(children: 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "2.25.2")]
    public void A_child_may_be_closed_while_the_ike_sa_is_being_rekeyed(bool byInitiator)
    {
        using var lab = Lab.Up();
        var (one, other) = byInitiator ? (lab.Left, lab.Right) : (lab.Right, lab.Left);
        one.Rekey();
        var rekeying = lab.Take(other);
        other.Terminate("net");
        // other --> one  INFORMATIONAL { D(child) }             is answered as usual, with D(child)
        lab.Step(one);
        Assert.Empty(one.Installed);
        lab.Deliver();
        lab.Arrive(rekeying);
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp(children: 0);
        Assert.Equal(2, one.FactsOf<IkeSaEstablished>().Count());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "2.25.2")]
    public void Nothing_new_begins_in_an_ike_sa_that_is_being_closed(bool byInitiator)
    {
        using var lab = Lab.Up(Two);
        var (one, other) = byInitiator ? (lab.Left, lab.Right) : (lab.Right, lab.Left);
        one.Terminate();
        var closing = lab.Take(other);
        // other --> one  CREATE_CHILD_SA { SA, Ni, KEi, TSi, TSr }  TEMPORARY_FAILURE, whatever it is about
        other.Initiate("dmz");
        lab.Deliver();
        Assert.Empty(one.Installed);
        Assert.Empty(one.FactsOf<ChildSaFailed>());
        lab.Arrive(closing);
        lab.Deliver();
        lab.Run(60);
        lab.AssertDown();
    }

    [Fact]
    [Rfc("7296", "2.25.2")]
    public void A_delete_of_a_child_in_an_ike_sa_that_is_being_closed_is_answered()
    {
        using var lab = Lab.Up();
        lab.Left.Terminate();
        var closing = lab.Take(lab.Right);
        lab.Right.Terminate("net");
        lab.Deliver();
        Assert.Empty(lab.Right.Installed);
        lab.Arrive(closing);
        lab.Deliver();
        lab.AssertDown();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.8.1")]
    public void A_new_child_whose_delete_overtakes_the_answer_that_made_it_is_not_kept(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        // left  --> right  CREATE_CHILD_SA { N(REKEY_SA), … };  the answer is late, and the right side closes the new child meanwhile.
        lab.Left.Rekey("net");
        lab.Step(lab.Right);
        var answer = lab.Take(lab.Left);
        lab.Right.Terminate("net");
        lab.Deliver();
        lab.Arrive(answer);
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp(children: 0);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.25")]
    public void Two_children_rekeyed_crosswise_are_both_rekeyed(int seed)
    {
        using var lab = Lab.Up(Two, seed: seed);
        lab.Left.Initiate("dmz");
        lab.Deliver();
        lab.AssertUp(children: 2);
        lab.Left.Rekey("net");
        lab.Left.Rekey("dmz");
        lab.Right.Rekey("dmz");
        lab.Right.Rekey("net");
        lab.Deliver();
        lab.Run(60);
        lab.AssertUp(children: 2);
        Assert.Equal(["dmz", "net"], lab.Left.Installed.Values.Select(s => s.Parameters.Child.Value).Order());
        lab.AssertNoNonceTwice();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.8.2")]
    public void Ike_rekeyings_that_cross_and_of_which_one_message_is_lost_leave_one_ike_sa(int seed)
    {
        using var lab = Lab.Up(seed: seed);
        lab.Left.Rekey();
        lab.Right.Rekey();
        lab.Step(lab.Right);
        // The right side's request or its answer is lost, and comes again with the retransmission.
        if (seed % 2 == 0) lab.Step(lab.Left);
        _ = lab.Take(lab.Left);
        lab.Deliver();
        // What only one side knows of is closed after a minute, and given up when nobody answers.
        lab.Run(400);
        lab.AssertUp();
        lab.AssertJournalsAreTrue();
        lab.AssertNoNonceTwice();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Rfc("7296", "2.8.3")]
    public void Authenticating_anew_by_command_replaces_the_ike_sa_also_when_both_ask_for_it(bool makeBeforeBreak)
    {
        using var lab = Lab.Up(settings: new Gateway.Ike.Sa.IkeSettings { MakeBeforeBreak = makeBeforeBreak });
        var before = lab.Left.Sas[0].InitiatorSpi;
        lab.Left.Do((now, outputs) => lab.Left.Engine.Reauthenticate(new ConnectionName("lab"), now, outputs));
        lab.Deliver();
        lab.AssertUp();
        Assert.NotEqual(before, lab.Left.Sas[0].InitiatorSpi);
        Assert.Equal("reauthenticated", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);

        lab.Left.Do((now, outputs) => lab.Left.Engine.Reauthenticate(new ConnectionName("lab"), now, outputs));
        lab.Right.Do((now, outputs) => lab.Right.Engine.Reauthenticate(new ConnectionName("lab"), now, outputs));
        lab.Deliver();
        lab.Run(60);
        lab.AssertJournalsAreTrue();
        Assert.NotEmpty(lab.Left.Installed);
        lab.AssertCrossed();
    }

    [Fact]
    public void A_child_created_while_the_peer_rekeys_the_ike_sa_comes_up_in_the_new_one()
    {
        using var lab = Lab.Up(Two);
        lab.Left.Initiate("dmz");
        lab.Right.Rekey();
        lab.Deliver();
        lab.Run(120);
        lab.AssertUp(children: 2);
    }
}
