using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Flow;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>Settings that change while there are flows.</summary>
public sealed unsafe class FlowSettingsTests
{
    private const string Host = "10.1.0.2", Remote = "203.0.113.9", Host6 = "2001:db8:1::2", Remote6 = "2001:db8:ffff::9";

    [Fact]
    public void A_shorter_time_ends_flows_that_are_there_some_each_turn()
    {
        using var table = new SessionTable(1000, new SessionLimits(), 0);
        for (uint i = 0; i < 1000; i++) Open(table, i, establish: true);
        table.Advance(200, int.MaxValue);
        table.SetLimits(new SessionLimits { Timeouts = new FlowTimeouts { TcpEstablished = 100 } });
        for (uint turn = 1; turn <= 4; turn++)
        {
            table.Advance(200 + turn, int.MaxValue);
            Assert.Equal(1000u - Math.Min(1000, turn * 256), table.Count);
        }
        Open(table, 5000, establish: true);
        table.Advance(303, int.MaxValue);
        Assert.Equal(1u, table.Count);
        table.Advance(306, int.MaxValue);
        Assert.Equal(0u, table.Count);
    }

    [Fact]
    public void A_longer_time_lets_flows_that_are_there_live()
    {
        using var table = new SessionTable(1000, new SessionLimits(), 0);
        for (uint i = 0; i < 300; i++) Open(table, i, establish: false);
        table.SetLimits(new SessionLimits { Timeouts = new FlowTimeouts { TcpSynSent = 5000 } });
        table.Advance(4999, int.MaxValue);
        Assert.Equal(300u, table.Count);
        table.Advance(6100, int.MaxValue);
        Assert.Equal(0u, table.Count);
    }

    [Fact]
    public void Under_a_lowered_limit_two_flows_give_way_for_one_until_the_level_is_there_and_established_ones_stay()
    {
        using var table = new SessionTable(1000, new SessionLimits(), 0);
        for (uint i = 0; i < 40; i++) Open(table, i, establish: true);
        for (uint i = 40; i < 100; i++) Open(table, i, establish: false);
        table.SetLimits(new SessionLimits { Total = 50 });
        for (uint i = 0; i < 100; i++) Open(table, 1000 + i, establish: false);
        Assert.Equal(50u, table.Count);
        for (uint i = 0; i < 40; i++) Assert.NotEqual(0u, table.Find(Flow(i)));
        table.SetLimits(new SessionLimits());
        for (uint i = 0; i < 100; i++) Open(table, 2000 + i, establish: false);
        Assert.Equal(150u, table.Count);
    }

    [Fact]
    public void Sources_may_be_counted_otherwise_while_they_have_flows()
    {
        using var table = new SessionTable(1000, new SessionLimits { PerSource = 4 }, 0);
        var ends = stackalloc byte[32];
        for (var i = 0; i < 8; i++) Add(table, ends, i);
        Assert.Equal((4u, 1u), (table.Count, table.SourceCount));
        table.SetLimits(new SessionLimits { PerSource = 4, Ip6SourcePrefix = 128 });
        for (var i = 8; i < 16; i++) Add(table, ends, i);
        Assert.Equal((12u, 9u), (table.Count, table.SourceCount));
        table.Advance(100_000, int.MaxValue);
        Assert.Equal((0u, 0u), (table.Count, table.SourceCount));
    }

    [Fact]
    public void The_next_process_knows_the_times_that_were_in_force()
    {
        var folder = Directory.CreateTempSubdirectory("gw-flows-").FullName;
        try
        {
            var (path, boot) = (Path.Combine(folder, "sessions.0"), Guid.NewGuid());
            SessionTable Open(uint now) => new(100, new SessionLimits(), now, SessionFile.Open(path, boot, 100, 0, 1, out _));
            var key = FlowKey.Of(1, 2, 3, 4, 17, 0);
            using (var first = Open(50))
            {
                first.SetLimits(new SessionLimits { Timeouts = new FlowTimeouts { Udp = 3600 } });
                first.Advance(51, 100);
                Assert.Equal(SessionResult.Created, first.TryAdd(key, key.Reverse, out var slot));
                Assert.True(first.Touch(slot, 0, 1));
            }
            using (var second = Open(1000))
            {
                second.Advance(1001, int.MaxValue);
                Assert.NotEqual(0u, second.Find(key));
                // Settings say otherwise by now.
                second.SetLimits(new SessionLimits());
                second.Advance(1002, int.MaxValue);
                second.Advance(1003, int.MaxValue);
                Assert.Equal(0u, second.Find(key));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Flows_of_a_named_interface_are_tracked_in_both_families_and_end_with_the_setting()
    {
        using var gateway = new TestGateway();
        gateway.Control.Flows.SetSettings(new FlowSettings { AlwaysOn = ["nowhere"] });
        Send(gateway);
        Assert.Equal(0, gateway.Control.Flows.Level.Count);
        foreach (var name in (string[])["wan", "lan"])
        {
            gateway.Control.Flows.SetSettings(new FlowSettings { AlwaysOn = [name] });
            Send(gateway);
            Assert.Equal([Remote, Remote6], gateway.Control.Flows.Rows().Select(r => r.Destination.Address.ToString()));
            gateway.Control.Flows.SetSettings(new FlowSettings { AlwaysOn = ["nowhere"] });
            gateway.Control.Flows.SetRule(new NatRule.Source { Name = "other", From = [IPNetwork.Parse("10.9.0.0/16")] });
            Send(gateway);
            Assert.Equal([Remote6], gateway.Control.Flows.Rows().Select(r => r.Destination.Address.ToString()));
            gateway.Control.Flows.RemoveRule("other");
            gateway.Control.Flows.SetTracking(all: true);
            Send(gateway);
            Assert.Equal(2, gateway.Control.Flows.Level.Count);
            gateway.Control.Flows.SetSettings(new FlowSettings { AlwaysOn = ["nowhere"], Total = 64 });
        }

        static void Send(TestGateway gateway)
        {
            gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Udp(Host, Remote, 5000, 53, [1])));
            gateway.FromLan(Build.Ip6(Host6, Remote6, 17, Build.Udp(Host6, Remote6, 5000, 53, [1])));
            Assert.Equal(2, gateway.OnWan().Count);
        }
    }

    [Fact]
    public void A_connection_is_met_in_its_middle_only_where_the_settings_let_it()
    {
        using var gateway = new TestGateway();
        gateway.Control.Flows.SetSettings(new FlowSettings { Always = true, Loose = false });
        var segment = Build.Ip6(Host6, Remote6, 6, Build.Tcp(Host6, Remote6, 16, [], []));
        gateway.FromLan(segment);
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("ip6-flow-output/not-syn"));
        gateway.Control.Flows.SetSettings(new FlowSettings { Always = true });
        gateway.FromLan(segment);
        Assert.Single(gateway.OnWan());
        Assert.Equal("picked-up", Assert.Single(gateway.Control.Flows.Rows()).State);
    }

    [Fact]
    public void An_item_sets_what_it_says_and_the_defaults_come_back_without_it()
    {
        using var gateway = new TestGateway(flows: new DataplaneOptions { Flows = 1000, FlowsPerSource = 7 });
        var descriptor = new ConntrackDescriptor(gateway.Control);
        var before = gateway.Control.Flows.Status();
        Assert.Equal((1000L, 7L, false, true), (before.Max, before.PerSource!.Value, before.Settings.Always, before.Settings.Loose));
        Assert.Equal(new FlowTimeouts(), before.Timeouts);

        // An item that says nothing says the same as none.
        Assert.True(IsDone(descriptor.CreateAsync(new Item(new("conntrack", "all"), new ConntrackSpec()), TestContext.Current.CancellationToken)));
        Assert.Equal((before.Max, before.PerSource, before.Timeouts), (gateway.Control.Flows.Status().Max, gateway.Control.Flows.Status().PerSource, gateway.Control.Flows.Status().Timeouts));

        var spec = new ConntrackSpec { Always = true, TcpLoose = false, Max = 100, MaxPerSource = 3, UdpTimeout = new SwanDuration(77), GenericTimeout = new SwanDuration(78) };
        Assert.True(IsDone(descriptor.UpdateAsync(new Item(new("conntrack", "all"), new ConntrackSpec()), new Item(new("conntrack", "all"), spec), TestContext.Current.CancellationToken)));
        gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Udp(Host, Remote, 5000, 53, [1])));
        var now = gateway.Control.Flows.Status();
        Assert.Equal((100L, 3L, true, false, 77, 78, 1L, 1ul), (now.Max, now.PerSource!.Value, now.Settings.Always, now.Settings.Loose, now.Timeouts.Udp, now.Timeouts.Generic, now.Flows, now.Begun));
        Assert.InRange(Assert.Single(gateway.Control.Flows.Rows()).EndsIn.TotalSeconds, 60, 77);

        Assert.True(IsDone(descriptor.DeleteAsync(new Item(new("conntrack", "all"), spec), TestContext.Current.CancellationToken)));
        Assert.Equal((1000L, 7L, new FlowTimeouts()), (gateway.Control.Flows.Status().Max, gateway.Control.Flows.Status().PerSource!.Value, gateway.Control.Flows.Status().Timeouts));
    }

    private static bool IsDone(ValueTask<StepResult> step) => step.IsCompletedSuccessfully;

    private static void Open(SessionTable table, uint number, bool establish)
    {
        Assert.Equal(SessionResult.Created, table.TryAdd(Flow(number), Flow(number).Reverse, out var slot));
        Assert.True(table.Touch(slot, 2, 60));
        if (establish) Assert.True(table.Touch(slot | SessionTable.ReplyBit, 18, 60) && table.Touch(slot, 16, 60));
    }

    private static FlowKey Flow(uint number) => FlowKey.Of(0x0A00_0000 + number / 10, 0xC633_6402, (ushort)(number % 10), 443, 6, 0);

    private static void Add(SessionTable table, byte* ends, int host)
    {
        IPAddress.Parse($"2001:db8::{host:x}").GetAddressBytes().CopyTo(new Span<byte>(ends, 16));
        IPAddress.Parse(Remote6).GetAddressBytes().CopyTo(new Span<byte>(ends + 16, 16));
        Assert.Equal(SessionResult.Created, table.TryAdd6(table.Ip6.Key(ends, FlowKey.Pack(7, 17, 0, 0)), ends, out var slot));
        Assert.True(table.Touch(slot, 0, 60));
    }
}
