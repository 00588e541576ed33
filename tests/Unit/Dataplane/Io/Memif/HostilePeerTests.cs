using System.Buffers.Binary;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Memif;
using Xunit;

namespace Gateway.Unit.Dataplane.Io.Memif;

/// <summary>A peer that writes what it likes into the shared memory.</summary>
public sealed unsafe class HostilePeerTests : IDisposable
{
    private const int _log2Size = 6, _size = 1 << _log2Size;
    private const uint _toServer = 0, _toClient = 2048, _data = 4096, _regionBytes = 4096 + 64 * 1024;
    private readonly PacketPool _pool = new(1024, hugepages: false);
    private readonly int _level;
    private int _blamed;

    public HostilePeerTests() => _level = _pool.Available;

    public void Dispose()
    {
        Assert.Equal(_level, _pool.Available);
        _pool.Dispose();
    }

    public static TheoryData<string, int> Lies => new()
    {
        { "region", (int)MemifFault.DescriptorRegion },
        { "offset", (int)MemifFault.DescriptorRange },
        { "length", (int)MemifFault.DescriptorRange },
        { "wrap", (int)MemifFault.DescriptorRange },
        { "chain", (int)MemifFault.DescriptorChain },
        { "head", (int)MemifFault.RingIndex },
        { "second in chain", (int)MemifFault.DescriptorRegion },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_client_that_lies_loses_its_connection_with_the_reason(string lie, int reason)
    {
        using Bench bench = new(this);
        ushort head = 2;
        bench.Describe(_toServer, 0, 0, 1, 100, _data);
        switch (lie)
        {
            case "region":
                bench.Describe(_toServer, 1, 0, 7, 100, _data);
                break;
            case "offset":
                bench.Describe(_toServer, 1, 0, 1, 100, _regionBytes - 99);
                break;
            case "length":
                bench.Describe(_toServer, 1, 0, 1, uint.MaxValue, _data);
                break;
            case "wrap":
                bench.Describe(_toServer, 1, 0, 1, 0x1000, 0xFFFF_F800);
                break;
            case "chain":
                bench.Describe(_toServer, 1, 1, 1, 100, _data);
                break;
            case "second in chain":
                bench.Describe(_toServer, 1, 1, 1, 100, _data);
                bench.Describe(_toServer, 2, 0, 9, 100, _data);
                head = 3;
                break;
            default:
                head = _size + 1;
                break;
        }

        bench.Head(_toServer, head);
        List<byte[]> got = MemifPair.Receive(bench.Port, _pool);
        Assert.Equal(lie == "head" ? 0 : 1, got.Count);
        Assert.Equal((MemifFault)reason, bench.Link.Fault);
        Assert.Equal(1, _blamed);
        Assert.False(bench.Port.IsUp);

        // From here on its memory is not looked at.
        bench.Head(_toServer, 0);
        Assert.Empty(MemifPair.Receive(bench.Port, _pool));
        Assert.True(MemifPair.Send(bench.Port, _pool, new byte[60]));
        Assert.Equal(1ul, bench.Port.Counters.TxErrors);
    }

    [Theory]
    [InlineData(7, 2048u, _data, (int)MemifFault.DescriptorRegion)]
    [InlineData(1, 2048u, _regionBytes - 2047, (int)MemifFault.DescriptorRange)]
    [InlineData(1, 0u, _data, (int)MemifFault.DescriptorRange)]
    public void A_client_that_gives_bad_buffers_loses_its_connection(int region, uint length, uint offset, int reason)
    {
        using Bench bench = new(this);
        bench.Describe(_toClient, 0, 0, (ushort)region, length, offset);
        bench.Head(_toClient, 1);
        Assert.False(MemifPair.Send(bench.Port, _pool, new byte[60]));
        Assert.Equal((MemifFault)reason, bench.Link.Fault);
    }

    [Fact]
    public void A_head_beyond_the_ring_of_empty_buffers_is_a_lie()
    {
        using Bench bench = new(this);
        bench.Head(_toClient, _size + 1);
        Assert.False(MemifPair.Send(bench.Port, _pool, new byte[60]));
        Assert.Equal(MemifFault.RingIndex, bench.Link.Fault);
    }

    [Fact]
    public void A_packet_that_the_given_buffers_cannot_hold_waits_and_leaves_nothing_behind()
    {
        using Bench bench = new(this);
        bench.Describe(_toClient, 0, 0, 1, 256, _data);
        bench.Describe(_toClient, 1, 0, 1, 256, _data + 256);
        bench.Head(_toClient, 2);
        Assert.False(MemifPair.Send(bench.Port, _pool, new byte[513]));
        Assert.Equal(0, bench.Tail(_toClient));
        Assert.True(MemifPair.Send(bench.Port, _pool, new byte[512]));
        Assert.Equal(2, bench.Tail(_toClient));
        Assert.Equal((1, 256u), bench.Described(_toClient, 0));
        Assert.Equal((0, 256u), bench.Described(_toClient, 1));
        Assert.Equal(MemifFault.None, bench.Link.Fault);
    }

    [Fact]
    public void Runts_and_giants_are_dropped_and_counted()
    {
        using Bench bench = new(this);
        bench.Describe(_toServer, 0, 0, 1, 13, _data);
        bench.Describe(_toServer, 1, 0, 1, 0, _data);
        bench.Describe(_toServer, 2, 1, 1, 60000, _data);
        bench.Describe(_toServer, 3, 0, 1, 60000, _data);
        bench.Describe(_toServer, 4, 0, 1, 14, _data);
        bench.Head(_toServer, 5);
        Assert.Equal(14, Assert.Single(MemifPair.Receive(bench.Port, _pool)).Length);
        Assert.Equal((3ul, 3ul), (bench.Port.Counters.RxDropped, bench.Port.RxDamaged));
        Assert.Equal(MemifFault.None, bench.Link.Fault);
    }

    [Fact]
    public void Random_rings_give_what_a_slow_reader_finds_in_them_and_harm_nothing()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        int whole = 0, faults = 0;
        for (int round = 0; round < 300; round++)
        {
            using Bench bench = new(this, ownMemory: false);
            bench.Fill(random);
            ushort head = 0;
            for (int turn = 0; turn < 20 && bench.Link.Fault == MemifFault.None; turn++)
            {
                int more = random.Next(_size / 2);
                for (int i = 0; i < more; i++)
                {
                    ushort flags = (ushort)(random.Next(4) == 0 && i < more - 1 ? 1 : random.Next(200) == 0 ? random.Next(65536) : 0);
                    ushort region = (ushort)(random.Next(400) == 0 ? random.Next(65536) : 1);
                    uint length = random.Next(300) == 0 ? (uint)random.NextInt64(1L << 32) : (uint)random.Next(3000);
                    uint offset = random.Next(300) == 0 ? (uint)random.NextInt64(1L << 32) : _data + (uint)random.Next((int)(_regionBytes - _data) - 3000);
                    bench.Describe(_toServer, (ushort)(head + i), flags, region, length, offset);
                }

                head += (ushort)(random.Next(200) == 0 ? random.Next(65536) : more);
                bench.Head(_toServer, head);
                var (expected, fault) = bench.ReadSlowly(head);
                List<byte[]> got = MemifPair.Receive(bench.Port, _pool);
                Assert.Equal(expected.Select(Convert.ToHexString), got.Select(Convert.ToHexString));
                Assert.Equal(fault, bench.Link.Fault);
                whole += got.Count;
                if (fault != MemifFault.None) faults++;
            }
        }

        Assert.InRange(whole, 1000, int.MaxValue);
        Assert.InRange(faults, 10, int.MaxValue);
    }

    [Fact]
    public void A_server_that_scribbles_over_the_clients_memory_harms_nothing()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        int faults = 0;
        uint[] indices = new uint[64];
        for (int round = 0; round < 200; round++)
        {
            using Bench bench = new(this, ownMemory: true);
            for (int turn = 0; turn < 30 && bench.Link.Fault == MemifFault.None; turn++)
            {
                bench.Scribble(random);
                int count = bench.Port.Receive(indices);
                foreach (uint index in indices.AsSpan(0, count)) Assert.InRange(_pool.Meta(index)->TotalLength, 14u, 65557u);
                _pool.Free(indices.AsSpan(0, count));
                MemifPair.Send(bench.Port, _pool, new byte[random.Next(14, 9000)]);
                bench.Port.PrepareToSleep();
            }

            if (bench.Link.Fault != MemifFault.None) faults++;
        }

        Assert.InRange(faults, 10, int.MaxValue);
    }

    /// <summary>A port, and the memory that it shares with the test, which plays the peer.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly MemifRegion _shared;
        private readonly MemifRegion _other = MemifRegion.Create(4096);
        private readonly bool _own;

        public Bench(HostilePeerTests test, bool ownMemory = false)
        {
            _own = ownMemory;
            _shared = MemifRegion.Create(_own ? _data + 2 * _size * 512 : _regionBytes);
            Port = new MemifPort(test._pool, new PortSpec.Memif("m") { Socket = "/nowhere" }, () => test._blamed++, _ => { });
            MemifRing toServer = Ring(_toServer, 0), toClient = Ring(_toClient, 1);
            if (_own)
            {
                toServer.Mark();
                toClient.Mark();
                toClient.Give(_size);
                Link = new MemifLink([_shared], [toClient], [toServer], "test");
            }
            else
            {
                Link = new MemifLink([_other, _shared], [toServer], [toClient], "test");
            }

            Port.Attach(Link);
        }

        public MemifPort Port { get; }

        public MemifLink Link { get; }

        public void Describe(uint ring, ushort at, ushort flags, ushort region, uint length, uint offset)
        {
            Span<byte> descriptor = Slot(ring, at);
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor, flags);
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[2..], region);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor[4..], length);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], offset);
        }

        public (int Flags, uint Length) Described(uint ring, ushort at) =>
            (BinaryPrimitives.ReadUInt16LittleEndian(Slot(ring, at)), BinaryPrimitives.ReadUInt32LittleEndian(Slot(ring, at)[4..]));

        public void Head(uint ring, ushort head) => *(ushort*)(_shared.Memory + ring + 6) = head;

        public ushort Tail(uint ring) => *(ushort*)(_shared.Memory + ring + 64);

        public void Fill(Random random) => random.NextBytes(new Span<byte>(_shared.Memory + _data, (int)(_regionBytes - _data)));

        /// <summary>Plays the server: moves the tails, mostly as it may, and writes anything into the descriptors.</summary>
        public void Scribble(Random random)
        {
            foreach (uint ring in (ReadOnlySpan<uint>)[_toServer, _toClient])
            {
                for (int i = random.Next(8); i > 0; i--)
                    Describe(ring, (ushort)random.Next(_size), (ushort)(random.Next(3) == 0 ? 1 : 0), (ushort)random.Next(3), random.Next(100) == 0 ? uint.MaxValue : (uint)random.Next(520), (uint)random.NextInt64(1L << 32));
                ushort* tail = (ushort*)(_shared.Memory + ring + 64), head = (ushort*)(_shared.Memory + ring + 6);
                int free = (ushort)(*head - *tail);
                *tail = random.Next(40) == 0 ? (ushort)random.Next(65536) : (ushort)(*tail + random.Next(free + 1));
                if (random.Next(60) == 0) *head = (ushort)random.Next(65536);
                *(ushort*)(_shared.Memory + ring + 4) = (ushort)random.Next(4);
            }
        }

        /// <summary>What a client put into its ring, read one field after the other: the packets before the first lie, and the lie.</summary>
        public (List<byte[]> Packets, MemifFault Fault) ReadSlowly(ushort head)
        {
            List<byte[]> packets = [];
            ushort at = Tail(_toServer);
            if ((ushort)(head - at) > _size) return (packets, MemifFault.RingIndex);
            while (at != head)
            {
                List<byte> packet = [];
                for (bool more = true; more;)
                {
                    if (at == head) return (packets, MemifFault.DescriptorChain);
                    Span<byte> descriptor = Slot(_toServer, at++);
                    more = (descriptor[0] & 1) != 0;
                    int region = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[2..]);
                    long length = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[4..]), offset = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]);
                    if (region > 1) return (packets, MemifFault.DescriptorRegion);
                    MemifRegion memory = region == 0 ? _other : _shared;
                    if (offset + length > (long)memory.Bytes) return (packets, MemifFault.DescriptorRange);
                    packet.AddRange(new ReadOnlySpan<byte>(memory.Memory + offset, (int)length));
                }

                if (packet.Count is >= 14 and <= 65535 + 14 + 8) packets.Add([.. packet]);
            }

            return (packets, MemifFault.None);
        }

        public void Dispose()
        {
            Port.Detach(Link);
            Link.Dispose();
            Port.Free();
            if (_own) _other.Dispose();
        }

        private MemifRing Ring(uint offset, uint number) =>
            new(_shared.Memory + offset, _log2Size, MemifCalls.MakeEvent(), _own ? _shared.Memory + _data + number * _size * 512 : null, _own ? 512u : 0, _data + number * _size * 512);

        private Span<byte> Slot(uint ring, ushort at) => new(_shared.Memory + ring + 128 + at % _size * 16, 16);
    }
}
