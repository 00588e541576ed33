using Gateway.Ike.Sa;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Authenticating anew (RFC 7296 §2.8.3), and what comes after a loss.</summary>
public sealed class Reauthentication
{
    [Fact]
    [Rfc("7296", "2.8.3")]
    public void Break_before_make_closes_the_old_IKE_SA_and_then_makes_the_new_one()
    {
        using var lab = Lab.Configured(Reauth, s => s);
        lab.Left.Initiate();
        lab.Deliver();
        var (ike, child) = (lab.Left.Sas[0].Id, Assert.Single(lab.Left.Installed.Keys));
        lab.Run(TimeSpan.FromSeconds(101));
        lab.AssertUp();
        Assert.NotEqual(ike, Assert.Single(lab.Left.Sas).Id);
        Assert.NotEqual(child, Assert.Single(lab.Left.Installed.Keys));
        Assert.Equal("reauthenticated", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);
        Assert.Null(lab.Left.FactsOf<IkeSaEstablished>().Last().Replaces);
        // The old one was gone before the new one began.
        Assert.True(lab.Left.Facts.FindIndex(f => f is IkeSaClosed) < lab.Left.Facts.FindLastIndex(f => f is IkeSaEstablished));
        Assert.Equal(2, lab.Right.FactsOf<IkeSaEstablished>().Count());
    }

    [Fact]
    [Rfc("7296", "2.8.3")]
    public void Make_before_break_leaves_no_moment_without_a_child()
    {
        var settings = new IkeSettings { MakeBeforeBreak = true };
        using var lab = Lab.Configured(s => Reauth(s) with { Vips = ["0.0.0.0"] }, s => Lab.WithChild(s with { Pools = ["rw"] }, c => c with { RemoteTs = ["dynamic", "10.1.0.0/24"] }), settings, settings);
        lab.Right.Lend("rw", new PoolSpec { Addrs = "10.3.0.0/28" });
        lab.Left.Initiate();
        lab.Deliver();
        var ike = lab.Left.Sas[0].Id;
        var least = int.MaxValue;
        lab.Path = p =>
        {
            least = Math.Min(least, Math.Min(lab.Left.Installed.Count, lab.Right.Installed.Count));
            return [p];
        };
        lab.Run(TimeSpan.FromSeconds(101));
        lab.AssertUp();
        Assert.Equal(1, least);
        Assert.NotEqual(ike, Assert.Single(lab.Left.Sas).Id);
        Assert.True(lab.Left.Facts.FindIndex(f => f is IkeSaClosed) > lab.Left.Facts.FindLastIndex(f => f is IkeSaEstablished));
        // And it keeps the address that it had.
        Assert.Equal(lab.Left.OwnAddresses, lab.Right.Sas[0].RemoteVips.ToHashSet());
        Assert.Single(lab.Right.Leases());
        Assert.Empty(lab.Right.FactsOf<LeaseReleased>());
    }

    [Fact]
    public void A_rekeying_does_not_put_off_the_authentication()
    {
        using var lab = Lab.Configured(Reauth, s => s);
        lab.Left.Initiate();
        lab.Deliver();
        lab.Run(TimeSpan.FromSeconds(60));
        lab.Right.Rekey();
        lab.Deliver();
        Assert.Equal("rekeyed", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);
        lab.Run(TimeSpan.FromSeconds(41));
        lab.AssertUp();
        Assert.Contains(lab.Left.FactsOf<IkeSaClosed>(), f => f.Reason == "reauthenticated");
    }

    [Fact]
    [Rfc("4478", "3")]
    public void The_initiator_authenticates_anew_when_the_responder_asks_it_to()
    {
        using var lab = Lab.Configured(s => s, s => Reauth(s) with { RemoteAddrs = ["%any"] });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Run(TimeSpan.FromSeconds(91));
        lab.AssertUp();
        Assert.Equal("reauthenticated", Assert.Single(lab.Left.FactsOf<IkeSaClosed>()).Reason);
    }

    [Fact]
    public void A_crash_between_break_and_make_loses_neither()
    {
        using var lab = Lab.Configured(Reauth, s => s);
        lab.Left.Initiate();
        lab.Deliver();
        lab.Path = p => p.From.Address.Equals(lab.Right.Address) ? [] : [p];
        lab.Run(TimeSpan.FromSeconds(101));
        Assert.Equal("DELETING", Assert.Single(lab.Left.Sas).State);
        lab.Left.KillAndResume();
        lab.Path = p => [p];
        // The peer has closed it and is silent; after the last retransmission the new one is made.
        lab.Run(TimeSpan.FromSeconds(190));
        lab.AssertUp();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_a_loss_a_trap_sets_the_child_up_again_with_the_next_packet(bool peerIsDead)
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s with { DpdDelay = new SwanDuration(10) }, c => c with { DpdAction = LossAction.Trap, CloseAction = LossAction.Trap }), s => s);
        lab.Left.Initiate();
        lab.Deliver();
        if (peerIsDead)
        {
            lab.Path = _ => [];
            lab.Run(TimeSpan.FromSeconds(300));
            lab.Right.Reset();
            lab.Path = p => [p];
        }
        else
        {
            lab.Right.Terminate();
            lab.Deliver();
        }

        Assert.Empty(lab.Left.Sas);
        lab.Left.Do((now, outputs) => lab.Left.Engine.Acquire(new ConnectionName("lab"), new ChildName("net"), now, outputs));
        lab.Deliver();
        lab.AssertUp();
    }

    private static ConnectionSpec Reauth(ConnectionSpec spec) => spec with { ReauthTime = new SwanDuration(100), RandTime = new SwanDuration(0), OverTime = new SwanDuration(60) };
}
