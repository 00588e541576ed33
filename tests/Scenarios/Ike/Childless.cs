using Gateway.Ike.Wire;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>IKE SAs that are set up without a child at first (RFC 6023), as swanctl.conf's <c>childless</c> says.</summary>
public sealed class Childless
{
    private static Lab Meet(ChildlessPolicy left, ChildlessPolicy right) =>
        Lab.Configured(s => s with { Childless = left }, s => s with { Childless = right });

    private static int ChildExchanges(Lab lab) => lab.Sent.Count(p => p.Header is { Exchange: ExchangeType.CreateChildSa, IsRequest: true });

    [Theory]
    [InlineData(ChildlessPolicy.Allow, ChildlessPolicy.Allow, false)]
    [InlineData(ChildlessPolicy.Allow, ChildlessPolicy.Prefer, false)]
    [InlineData(ChildlessPolicy.Prefer, ChildlessPolicy.Allow, true)]
    [InlineData(ChildlessPolicy.Prefer, ChildlessPolicy.Force, true)]
    [InlineData(ChildlessPolicy.Prefer, ChildlessPolicy.Never, false)]
    [InlineData(ChildlessPolicy.Force, ChildlessPolicy.Allow, true)]
    [InlineData(ChildlessPolicy.Force, ChildlessPolicy.Force, true)]
    [InlineData(ChildlessPolicy.Never, ChildlessPolicy.Never, false)]
    [InlineData(ChildlessPolicy.Never, ChildlessPolicy.Allow, false)]
    [Rfc("6023", "3")]
    public void The_first_child_comes_with_or_after_the_ike_sa(ChildlessPolicy left, ChildlessPolicy right, bool after)
    {
        using var lab = Meet(left, right);
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal(after ? 1 : 0, ChildExchanges(lab));
    }

    [Fact]
    [Rfc("6023", "3")]
    public void An_initiator_that_must_begin_without_a_child_does_not_begin_where_that_is_not_taken()
    {
        using var lab = Meet(ChildlessPolicy.Force, ChildlessPolicy.Never);
        lab.Left.Initiate();
        lab.Deliver();
        Assert.Equal("childless-refused", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Reason);
        lab.Run(60);
        lab.AssertDown();
    }

    [Fact]
    [Rfc("6023", "3")]
    public void A_responder_that_takes_no_child_in_the_first_exchanges_takes_it_later()
    {
        using var lab = Meet(ChildlessPolicy.Allow, ChildlessPolicy.Force);
        lab.Left.Initiate();
        lab.Deliver();
        // left <-- right  IKE_AUTH { IDr, AUTH, N(NO_ADDITIONAL_SAS) }
        lab.AssertUp(children: 0);
        Assert.Equal("no-additional-sas", Assert.Single(lab.Left.FactsOf<ChildSaFailed>()).Reason);
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    [Rfc("6023", "3")]
    public void A_responder_that_wants_a_child_refuses_an_ike_sa_that_asks_for_none_all_the_same()
    {
        // The left side did hear the announcement; then the right side's configuration changes.
        using var lab = Meet(ChildlessPolicy.Force, ChildlessPolicy.Allow);
        lab.Left.Initiate();
        lab.Step(lab.Right);
        lab.Right.Configure(Lab.RightSpec with { Childless = ChildlessPolicy.Never });
        lab.Deliver();
        lab.Run(60);
        lab.AssertDown();
        Assert.Contains("without a child", Assert.Single(lab.Right.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_are_asked_for_with_the_ike_sa_also_when_the_child_comes_later()
    {
        using var lab = new Lab();
        lab.Left.Share("a very common secret", "left.lab", "right.lab");
        lab.Right.Share("a very common secret", "left.lab", "right.lab");
        lab.Left.Lend("rw", new PoolSpec { Addrs = "10.3.0.0/28" });
        lab.Left.Configure(Lab.WithChild(Lab.LeftSpec with { Pools = ["rw"] }, c => c with { RemoteTs = ["dynamic"] }));
        lab.Right.Configure(Lab.WithChild(Lab.RightSpec with { Vips = ["0.0.0.0"], Childless = ChildlessPolicy.Force }, c => c with { LocalTs = ["dynamic"] }));
        lab.Right.Initiate();
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal("10.3.0.1/32", Assert.Single(lab.Right.Installed.Values).Parameters.LocalSelectors.Single().ToString());
    }
}
