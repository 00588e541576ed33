using System.Net;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>Sessions of both families in one table.</summary>
public sealed unsafe class Ip6SessionTests
{
    private static readonly string[] _stateNames =
        ["none", "syn-sent", "syn-received", "established", "picked-up", "fin-wait", "close-wait", "last-ack", "time-wait", "close", "udp", "udp-stream", "icmp", "generic", "generic-replied"];

    /// <summary>A packet as the twin knows it: with whole addresses, whichever family.</summary>
    private readonly record struct Tuple(string From, int FromPort, string To, int ToPort, byte Protocol, uint Vrf)
    {
        public Tuple Reverse => new(To, ToPort, From, FromPort, Protocol, Vrf);

        public bool IsIp6 => From.Contains(':', StringComparison.Ordinal);
    }

    /// <summary>Random packets of both families, of addresses that differ in one bit or are the other way round: the table finds what a dictionary of whole addresses finds, through ends, removals and a life in another process.</summary>
    [Fact]
    public void It_agrees_with_its_slow_twin_on_random_packets_of_both_families()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var timeouts = new FlowTimeouts { TcpEstablished = 3000, Generic = 50 };
        const uint capacity = 4096;
        var memory = SessionMemory.Private(capacity);
        var kept = new SessionMemory(memory.Sessions, true, () => { });
        var table = new SessionTable(capacity, new SessionLimits { Timeouts = timeouts }, 100, kept);
        // The twin of the table, by a number for each tuple that it keeps apart.
        var twin = new SlowSessions(timeouts);
        Dictionary<Tuple, FlowKey> names = [];
        uint now = 100;
        byte[] flags = [2, 18, 16, 17, 4, 0, 3, 24];
        var ends = stackalloc byte[32 * Frame.Size];
        var at = stackalloc nint[Frame.Size];
        var keys = stackalloc FlowKey[Frame.Size];
        var found = stackalloc uint[Frame.Size];
        for (var step = 0; step < 40_000; step++)
        {
            if (random.Next(40) == 0)
            {
                now += (uint)random.Next(random.Next(10) == 0 ? 1500 : 12);
                table.Advance(now, int.MaxValue);
                twin.Advance(now);
                Assert.Equal((uint)twin.Count, table.Count);
            }
            if (step % 8000 == 7999)
            {
                // The next process has other seeds.
                table.Dispose();
                table = new SessionTable(capacity, new SessionLimits { Timeouts = timeouts }, now, kept);
                foreach (var gone in twin.All.Where(f => f.LastUse + Seconds(timeouts, f.State) <= now || f.State == "none").ToList()) twin.Remove(gone.Forward);
                Assert.Equal((uint)twin.Count, table.Count);
            }
            var tuple = Draw(random);
            var name = Name(tuple);
            var slot = Find(table, tuple, ends);
            var flow = twin.Find(name);
            Assert.Equal(flow is not null, slot != 0);
            if (flow is null)
            {
                Assert.Equal(SessionResult.Created, Add(table, tuple, ends, out slot));
                Assert.True(twin.TryAdd(name, name.Reverse, now));
                flow = twin.Find(name)!;
            }
            else if (random.Next(30) == 0)
            {
                table.Remove(slot);
                twin.Remove(name);
                continue;
            }
            Assert.Equal(name == flow.Reply && name != flow.Forward, (slot & SessionTable.ReplyBit) != 0);
            var flag = flags[random.Next(flags.Length)];
            Assert.Equal(twin.Touch(name, flag, 60, now), table.Touch(slot, flag, 60));
            Assert.Equal(flow.State, _stateNames[(int)table[slot]->State]);
            Assert.Equal((flow.ForwardPackets, flow.ReplyPackets), (table[slot]->ForwardPackets, table[slot]->ReplyPackets));
            if (step % 500 != 0) continue;

            // A frame of them at once says the same as one by one.
            for (var i = 0; i < Frame.Size; i++)
            {
                Tuple drawn;
                do drawn = Draw(random);
                while (!drawn.IsIp6);
                at[i] = (nint)(ends + 32 * i);
                keys[i] = Key(table, drawn, ends + 32 * i);
            }
            table.Find6(keys, at, found, Frame.Size);
            for (var i = 0; i < Frame.Size; i++) Assert.Equal(table.Find6(keys[i], (byte*)at[i]), found[i]);
        }
        table.Dispose();
        memory.Dispose();

        FlowKey Name(Tuple tuple)
        {
            if (names.TryGetValue(tuple, out var key)) return key;
            key = FlowKey.Of((uint)names.Count + 1, (uint)names.Count + 2, (ushort)tuple.FromPort, (ushort)tuple.ToPort, tuple.Protocol == 58 ? (byte)1 : tuple.Protocol, tuple.IsIp6 ? 9u : 0);
            names[tuple] = key;
            names[tuple.Reverse] = key.Reverse;
            return key;
        }
    }

    [Fact]
    public void Two_flows_with_the_same_hashes_are_never_taken_for_each_other()
    {
        using var table = new SessionTable(100, new SessionLimits(), 0);
        var first = stackalloc byte[32];
        var second = stackalloc byte[32];
        var key = Key(table, new Tuple("2001:db8::1", 1, "2001:db8::2", 2, 17, 0), first);
        Assert.Equal(SessionResult.Created, table.TryAdd6(key, first, out var slot));
        IPAddress.Parse("2001:db8::3").GetAddressBytes().CopyTo(new Span<byte>(second, 16));
        IPAddress.Parse("2001:db8::2").GetAddressBytes().CopyTo(new Span<byte>(second + 16, 16));
        Assert.Equal((slot, 0u), (table.Find6(key, first), table.Find6(key, second)));
        Assert.Equal(SessionResult.Exists, table.TryAdd6(key, second, out _));
    }

    [Theory]
    [InlineData(64, 1u)]
    [InlineData(128, 8u)]
    [InlineData(48, 1u)]
    public void Sources_are_networks_of_as_many_bits_as_the_limits_say(int prefix, uint sources)
    {
        using var table = new SessionTable(100, new SessionLimits { Ip6SourcePrefix = prefix }, 0);
        var ends = stackalloc byte[32];
        for (var i = 0; i < 8; i++) Assert.Equal(SessionResult.Created, Add(table, new Tuple($"2001:db8:0:1::{i:x}", 5, "2001:db8:9::9", 53, 17, 0), ends, out _));
        Assert.Equal(sources, table.SourceCount);
        // The same bits of an IPv4 source are another one.
        Assert.Equal(SessionResult.Created, Add(table, new Tuple("0.0.0.0", 5, "10.0.0.1", 53, 17, 0), ends, out _));
        Assert.Equal(sources + 1, table.SourceCount);
    }

    [Fact]
    public void The_owner_of_a_flow_is_the_same_for_both_directions_and_all_have_their_share()
    {
        var random = new Random(5);
        using var table = new SessionTable(100, new SessionLimits(), 0);
        var ends = stackalloc byte[32];
        var back = stackalloc byte[32];
        var shares = new int[3];
        for (var i = 0; i < 3000; i++)
        {
            var tuple = new Tuple($"2001:db8:1::{random.Next(1, 255):x}", random.Next(1024, 65536), $"2001:db8:{random.Next(1, 4):x}::{random.Next(1, 9):x}", 443, 6, 0);
            var owner = Ip6Ends.Owner(ends, Key(table, tuple, ends), 3);
            Assert.Equal(owner, Ip6Ends.Owner(back, Key(table, tuple.Reverse, back), 3));
            shares[owner]++;
        }
        Assert.All(shares, s => Assert.InRange(s, 700, 1300));
    }

    private static uint Find(SessionTable table, Tuple tuple, byte* ends)
    {
        var key = Key(table, tuple, ends);
        return tuple.IsIp6 ? table.Find6(key, ends) : table.Find(key);
    }

    private static SessionResult Add(SessionTable table, Tuple tuple, byte* ends, out uint slot)
    {
        var key = Key(table, tuple, ends);
        return tuple.IsIp6 ? table.TryAdd6(key, ends, out slot) : table.TryAdd(key, key.Reverse, out slot);
    }

    private static FlowKey Key(SessionTable table, Tuple tuple, byte* ends)
    {
        var (from, to) = (IPAddress.Parse(tuple.From).GetAddressBytes(), IPAddress.Parse(tuple.To).GetAddressBytes());
        var key = FlowKey.Of(Word(from), Word(to), (ushort)tuple.FromPort, (ushort)tuple.ToPort, tuple.Protocol, tuple.Vrf);
        if (!tuple.IsIp6) return key;
        from.CopyTo(new Span<byte>(ends, 16));
        to.CopyTo(new Span<byte>(ends + 16, 16));
        return table.Ip6.Key(ends, key.Rest);
    }

    private static uint Word(byte[] address) => address.Length == 4 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address) : 0;

    private static int Seconds(FlowTimeouts timeouts, string state) => state switch
    {
        "syn-sent" => timeouts.TcpSynSent,
        "syn-received" => timeouts.TcpSynRecv,
        "established" => timeouts.TcpEstablished,
        "picked-up" => timeouts.TcpUnacknowledged,
        "fin-wait" => timeouts.TcpFinWait,
        "close-wait" => timeouts.TcpCloseWait,
        "last-ack" => timeouts.TcpLastAck,
        "time-wait" => timeouts.TcpTimeWait,
        "close" => timeouts.TcpClose,
        "udp" => timeouts.Udp,
        "udp-stream" => timeouts.UdpStream,
        "icmp" => timeouts.Icmp,
        _ => timeouts.Generic,
    };

    // Few addresses, many of which differ in a single bit, at either end.
    private static Tuple Draw(Random random)
    {
        var ip6 = random.Next(3) > 0;
        string Address() => ip6 ? $"2001:db8:{random.Next(2)}::{(random.Next(2) == 0 ? "" : "1:")}{random.Next(4):x}" : $"10.0.{random.Next(2)}.{random.Next(4)}";
        byte[] protocols = [6, 6, 17, (byte)(ip6 ? 58 : 1), 47];
        var protocol = protocols[random.Next(protocols.Length)];
        var (from, to) = (Address(), Address());
        while (to == from) to = Address();
        var tuple = new Tuple(from, random.Next(20), to, protocol is 1 or 58 ? 0 : 20 + random.Next(2), protocol, (uint)random.Next(2));
        return random.Next(4) == 0 ? tuple.Reverse : tuple;
    }
}
