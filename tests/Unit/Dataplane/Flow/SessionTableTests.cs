using System.Runtime.InteropServices;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

public sealed unsafe class SessionTableTests
{
    private const byte Syn = 2, SynAck = 18, Ack = 16, Fin = 17, Reset = 4;

    private static readonly string[] _stateNames =
        ["none", "syn-sent", "syn-received", "established", "picked-up", "fin-wait", "close-wait", "last-ack", "time-wait", "close", "udp", "udp-stream", "icmp", "generic", "generic-replied"];

    [Fact]
    public void A_session_takes_two_cache_lines_of_which_packets_need_the_first()
    {
        Assert.Equal(128, sizeof(Session));
        Assert.Equal(16, sizeof(FlowKey));
        Assert.True(Marshal.OffsetOf<Session>("Rule") < 64);
        using var table = new SessionTable(1_000_000, new SessionLimits(), 0);
        Assert.InRange(table.BytesPerSession, 128, 168);
    }

    [Fact]
    public void The_key_of_an_answer_is_the_reverse_of_the_question()
    {
        var key = FlowKey.Of(0x0A01_0002, 0xC633_6402, 4000, 53, 17, 7);
        Assert.Equal(FlowKey.Of(0xC633_6402, 0x0A01_0002, 53, 4000, 17, 7), key.Reverse);
        Assert.Equal(key, key.Reverse.Reverse);
        Assert.Equal((0x0A01_0002u, 0xC633_6402u, (ushort)4000, (ushort)53, (byte)17, 7u), (key.Source, key.Destination, key.SourcePort, key.DestinationPort, key.Protocol, key.Vrf));
        Assert.Equal(FlowKey.Of(1, 0xC633_6402, 2, 53, 17, 7), key.WithSource(1, 2));
        Assert.Equal(FlowKey.Of(0x0A01_0002, 3, 4000, 4, 17, 7), key.WithDestination(3, 4));
        Assert.Equal(FlowKey.Of(0x0A01_0002, 0xC633_6402, 4000, 53, 17, 9), key.WithVrf(9));
    }

    /// <summary>Random flows, translated or not, with random segments, removals and waits: table and twin agree on every session, state, counter and end.</summary>
    [Fact]
    public void It_agrees_with_its_slow_twin_on_random_packets()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var timeouts = new FlowTimeouts { TcpEstablished = 3000, Generic = 50 };
        using var table = new SessionTable(4096, new SessionLimits { Timeouts = timeouts }, 100);
        var twin = new SlowSessions(timeouts);
        uint now = 100;
        byte[] flags = [Syn, SynAck, Ack, Fin, Reset, 0, 3, 6, 24, 41];
        var batch = stackalloc FlowKey[Frame.Size];
        var found = stackalloc uint[Frame.Size];
        for (var step = 0; step < 60_000; step++)
        {
            if (random.Next(40) == 0)
            {
                now += (uint)random.Next(random.Next(10) == 0 ? 1500 : 12);
                table.Advance(now, int.MaxValue);
                twin.Advance(now);
                Assert.Equal((uint)twin.Count, table.Count);
            }
            var key = Key(random);
            if (random.Next(4) == 0) key = key.Reverse;
            var slot = table.Find(key);
            var flow = twin.Find(key);
            Assert.Equal(flow is not null, slot != 0);
            if (flow is null)
            {
                var reply = random.Next(3) == 0 ? key.WithSource((uint)random.Next(4), (ushort)random.Next(300)).Reverse : key.Reverse;
                var added = table.TryAdd(key, reply, out slot);
                Assert.Equal(twin.TryAdd(key, reply, now) ? SessionResult.Created : SessionResult.Exists, added);
                if (slot == 0) continue;
                flow = twin.Find(key)!;
            }
            else if (random.Next(30) == 0)
            {
                table.Remove(slot);
                twin.Remove(key);
                continue;
            }
            Assert.Equal(key == flow.Reply && key != flow.Forward, (slot & SessionTable.ReplyBit) != 0);
            var flag = flags[random.Next(flags.Length)];
            var bytes = (uint)random.Next(1, int.MaxValue);
            Assert.Equal(twin.Touch(key, flag, bytes, now), table.Touch(slot, flag, bytes));
            var session = table[slot];
            Assert.Equal(flow.State, _stateNames[(int)session->State]);
            Assert.Equal((flow.ForwardPackets, flow.ReplyPackets, flow.ForwardBytes, flow.ReplyBytes), (session->ForwardPackets, session->ReplyPackets, session->ForwardBytes, session->ReplyBytes));
            if (step % 500 != 0) continue;

            // A frame of them at once says the same as one by one.
            for (var i = 0; i < Frame.Size; i++) batch[i] = Key(random);
            table.Find(batch, found, Frame.Size);
            for (var i = 0; i < Frame.Size; i++) Assert.Equal(table.Find(batch[i]), found[i]);
        }
        Assert.Equal((uint)twin.Count, table.Count);
    }

    [Fact]
    public void A_full_table_holds_as_many_as_it_says_and_finds_each()
    {
        const uint size = 50_000;
        using var table = new SessionTable(size, new SessionLimits(), 0);
        for (uint i = 0; i < size; i++)
        {
            Assert.Equal(SessionResult.Created, table.TryAdd(Flow(i, i), Flow(i, i).Reverse, out var slot));
            Assert.True(table.Touch(slot, Syn, 60) && table.Touch(slot | SessionTable.ReplyBit, SynAck, 60) && table.Touch(slot, Ack, 60));
        }
        Assert.Equal(size, table.Count);
        for (uint i = 0; i < size; i++)
        {
            Assert.Equal(Flow(i, i), table[table.Find(Flow(i, i))]->Forward);
            Assert.NotEqual(0u, table.Find(Flow(i, i).Reverse) & SessionTable.ReplyBit);
        }
        Assert.Equal(SessionResult.Full, table.TryAdd(Flow(size, 1), Flow(size, 1).Reverse, out _));
        for (uint i = 0; i < size; i++) table.Remove(table.Find(Flow(i, i)));
        Assert.Equal((0u, 0u), (table.Count, table.SourceCount));
        Assert.Equal(SessionResult.Created, table.TryAdd(Flow(size, 1), Flow(size, 1).Reverse, out _));
    }

    [Fact]
    public void A_flood_of_one_source_ends_its_own_flows_and_nobody_elses()
    {
        using var table = new SessionTable(1000, new SessionLimits(), 0);
        for (uint host = 1; host <= 20; host++)
            for (uint flow = 0; flow < 10; flow++) Open(table, Flow(host, flow), establish: flow % 2 == 0);
        for (uint i = 0; i < 20_000; i++) Open(table, Flow(99, i), establish: false);
        for (uint host = 1; host <= 20; host++)
            for (uint flow = 0; flow < 10; flow++) Assert.NotEqual(0u, table.Find(Flow(host, flow)));
        Assert.Equal(1000u, table.Count);
        Assert.Equal(20_000ul - 800, table.Evicted);
        Assert.NotEqual(0u, table.Find(Flow(99, 19_999)));
    }

    [Fact]
    public void A_flood_of_many_sources_ends_no_established_flow()
    {
        using var table = new SessionTable(1000, new SessionLimits(), 0);
        for (uint host = 1; host <= 500; host++) Open(table, Flow(host, 1), establish: true);
        for (uint i = 0; i < 20_000; i++) Open(table, Flow(10_000 + i, i), establish: false);
        for (uint host = 1; host <= 500; host++) Assert.NotEqual(0u, table.Find(Flow(host, 1)));
        Assert.Equal(1000u, table.Count);
    }

    [Fact]
    public void Where_all_is_established_a_light_source_takes_from_the_heaviest_and_a_heavy_one_is_refused()
    {
        using var table = new SessionTable(100, new SessionLimits(), 0);
        for (uint i = 0; i < 99; i++) Open(table, Flow(1, i), establish: true);
        Open(table, Flow(2, 1), establish: true);
        Assert.Equal(SessionResult.Created, table.TryAdd(Flow(3, 1), Flow(3, 1).Reverse, out _));
        Assert.Equal(0u, table.Find(Flow(1, 0)));
        Assert.NotEqual(0u, table.Find(Flow(1, 1)));
        table.Remove(table.Find(Flow(3, 1)));
        Open(table, Flow(1, 1000), establish: true);
        Assert.Equal(SessionResult.Full, table.TryAdd(Flow(1, 1001), Flow(1, 1001).Reverse, out _));
    }

    [Fact]
    public void A_source_at_its_limit_loses_its_oldest_attempt_and_keeps_what_is_established()
    {
        using var table = new SessionTable(1000, new SessionLimits { PerSource = 10 }, 0);
        for (uint i = 0; i < 9; i++) Open(table, Flow(1, i), establish: true);
        Open(table, Flow(1, 9), establish: false);
        Open(table, Flow(1, 10), establish: true);
        Assert.Equal(0u, table.Find(Flow(1, 9)));
        Assert.Equal(SessionResult.SourceLimit, table.TryAdd(Flow(1, 11), Flow(1, 11).Reverse, out _));
        Assert.Equal(SessionResult.Created, table.TryAdd(Flow(2, 11), Flow(2, 11).Reverse, out _));
    }

    [Fact]
    public void Clean_up_looks_at_no_more_than_it_is_told_and_comes_round()
    {
        using var table = new SessionTable(1000, new SessionLimits(), 0);
        for (uint i = 0; i < 1000; i++) Open(table, Flow(i, i), establish: false);
        table.Advance(200, 100);
        Assert.Equal(900u, table.Count);
        Assert.Equal(100ul, table.Expired);
        for (var i = 0; i < 9; i++) table.Advance(200, 100);
        Assert.Equal(0u, table.Count);
        Assert.Equal(1000ul, table.Expired);
    }

    [Fact]
    public void Sessions_in_memory_that_outlives_the_table_go_on_in_another()
    {
        var memory = SessionMemory.Private(1000);
        var kept = new SessionMemory(memory.Sessions, false, () => { });
        using (var before = new SessionTable(1000, new SessionLimits(), 50, kept))
        {
            for (uint i = 0; i < 100; i++) Open(before, Flow(i, i), establish: true);
            for (uint i = 0; i < 100; i += 2) before.Remove(before.Find(Flow(i, i)));
            // Half of one that was being written, one that is out of its time, one of the future.
            Open(before, Flow(200, 1), establish: true);
            before[before.Find(Flow(200, 1))]->State = FlowState.None;
            Open(before, Flow(201, 1), establish: false);
            Open(before, Flow(202, 1), establish: true);
            before[before.Find(Flow(202, 1))]->LastUse = 5000;
        }
        using var after = new SessionTable(1000, new SessionLimits(), 4000, new SessionMemory(memory.Sessions, true, memory.Dispose));
        Assert.Equal(50u, after.Count);
        for (uint i = 0; i < 100; i++) Assert.Equal(i % 2 != 0, after.Find(Flow(i, i)) != 0);
        Assert.Equal(0u, after.Find(Flow(200, 1)) | after.Find(Flow(201, 1)) | after.Find(Flow(202, 1)));
        for (uint i = 0; i < 950; i++) Open(after, Flow(1000 + i, 7), establish: true);
        Assert.Equal(1000u, after.Count);
        for (uint i = 1; i < 100; i += 2) Assert.NotEqual(0u, after.Find(Flow(i, i)));
    }

    private static void Open(SessionTable table, FlowKey key, bool establish)
    {
        Assert.Equal(SessionResult.Created, table.TryAdd(key, key.Reverse, out var slot));
        Assert.True(table.Touch(slot, Syn, 60));
        if (establish) Assert.True(table.Touch(slot | SessionTable.ReplyBit, SynAck, 60) && table.Touch(slot, Ack, 60));
    }

    private static FlowKey Flow(uint host, uint flow) => FlowKey.Of(0x0A00_0000 + host, 0xC633_6402, (ushort)flow, (ushort)(flow >> 16), 6, 0);

    private static FlowKey Key(Random random)
    {
        byte[] protocols = [6, 6, 6, 17, 1, 47];
        var protocol = protocols[random.Next(protocols.Length)];
        return FlowKey.Of((uint)random.Next(4), (uint)random.Next(4, 8), (ushort)random.Next(300), (ushort)(protocol == 1 ? 0 : 1), protocol, (uint)random.Next(2));
    }
}
