using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Children that carry nothing are closed (swanctl.conf(5), <c>inactivity</c>).</summary>
public sealed class Idle
{
    private static Lab Up(long seconds = 600) => Lab.Up(s => s.LocalAddrs[0] == "192.0.2.1" ? Lab.WithChild(s, c => c with { Inactivity = new SwanDuration(seconds) }) : s);

    private static void Carry(Lab lab) => lab.Left.Do((now, outputs) =>
    {
        foreach (var child in lab.Left.Installed.Keys) lab.Left.Engine.Carried(child, now, now, outputs);
    });

    [Fact]
    public void A_child_that_carries_nothing_is_closed_and_its_ike_sa_stays()
    {
        using var lab = Up();
        lab.Run(599);
        lab.AssertUp();
        lab.Run(2);
        lab.AssertUp(children: 0);
        Assert.Equal("inactivity", Assert.Single(lab.Left.FactsOf<ChildSaClosed>()).Reason);
        Assert.Equal("deleted-by-peer", Assert.Single(lab.Right.FactsOf<ChildSaClosed>()).Reason);
    }

    [Fact]
    public void Every_packet_puts_the_end_off()
    {
        using var lab = Up();
        for (var i = 0; i < 5; i++)
        {
            lab.Run(500);
            Carry(lab);
        }

        lab.AssertUp();
        lab.Run(601);
        lab.AssertUp(children: 0);
    }

    [Fact]
    public void The_dataplane_is_asked_only_when_the_time_is_up()
    {
        using var lab = Up();
        for (var i = 0; i < 7; i++)
        {
            lab.Run(250);
            foreach (var child in lab.Left.Installed.Keys) lab.Left.LastPackets[child] = lab.Now;
        }

        // 1750 s with a limit of 600: the time was up at 600, and then 600 s after what was found each time.
        lab.AssertUp();
        Assert.InRange(lab.Left.AskedOfTraffic, 2, 3);
        lab.Run(599);
        lab.AssertUp();
        lab.Run(2);
        lab.AssertUp(children: 0);
        Assert.Equal("inactivity", lab.Left.FactsOf<ChildSaClosed>().Last().Reason);
    }

    [Fact]
    public void A_rekeyed_child_counts_what_the_one_before_it_carried_last()
    {
        using var lab = Up();
        lab.Run(500);
        foreach (var child in lab.Left.Installed.Keys) lab.Left.LastPackets[child] = lab.Now;
        lab.Run(50);
        lab.Left.Rekey("net");
        lab.Deliver();
        lab.Left.LastPackets.Clear();
        lab.Run(549);
        lab.AssertUp();
        lab.Run(2);
        lab.AssertUp(children: 0);
    }

    [Fact]
    public void Neither_rekeying_the_child_nor_the_ike_sa_makes_an_idle_child_busy()
    {
        using var lab = Up();
        lab.Run(300);
        lab.Left.Rekey("net");
        lab.Deliver();
        lab.Run(150);
        lab.Right.Rekey();
        lab.Deliver();
        lab.AssertUp();
        lab.Run(149);
        lab.AssertUp();
        lab.Run(2);
        lab.AssertUp(children: 0);
        Assert.Equal("inactivity", lab.Left.FactsOf<ChildSaClosed>().Last().Reason);
    }

    [Fact]
    public void What_was_carried_last_is_not_known_after_a_crash_so_the_time_begins_again()
    {
        using var lab = Up();
        lab.Run(599);
        lab.Left.KillAndResume();
        lab.Run(599);
        lab.AssertUp();
        lab.Run(2);
        lab.AssertUp(children: 0);
    }
}
