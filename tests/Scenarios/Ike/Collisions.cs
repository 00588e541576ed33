using Gateway.Policy.Events;
using Gateway.Policy.Items;
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

    [Fact]
    public void A_child_created_while_the_peer_rekeys_the_ike_sa_comes_up_in_the_new_one()
    {
        static ConnectionSpec Two(ConnectionSpec spec) => spec with
        {
            Children = new Dictionary<string, ChildSpec>
            {
                ["net"] = spec.Children["net"],
                ["dmz"] = spec.Children["net"] with { LocalTs = [spec.LocalAddrs[0] == "192.0.2.1" ? "10.1.9.0/24" : "10.2.9.0/24"], RemoteTs = [spec.LocalAddrs[0] == "192.0.2.1" ? "10.2.9.0/24" : "10.1.9.0/24"] },
            },
        };

        using var lab = Lab.Up(Two);
        lab.Left.Initiate("dmz");
        lab.Right.Rekey();
        lab.Deliver();
        lab.Run(120);
        lab.AssertUp(children: 2);
    }
}
