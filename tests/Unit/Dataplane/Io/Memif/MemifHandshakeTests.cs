using System.Net.Sockets;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Memif;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Dataplane.Io.Memif;

/// <summary>What a client may say to the server, and what it may not.</summary>
public sealed unsafe class MemifHandshakeTests : IDisposable
{
    private readonly PacketPool _pool = new(64, hugepages: false);
    private readonly MemifPort _port;
    private readonly MemifServerHandshake _server;

    public MemifHandshakeTests()
    {
        _port = new MemifPort(_pool, new PortSpec.Memif("m") { Socket = "/nowhere" }, () => { }, _ => { });
        _server = new MemifServerHandshake(id => id == 3 ? (_port, MemifFault.None) : (null, MemifFault.UnknownId));
    }

    public void Dispose()
    {
        _server.Link?.Dispose();
        _server.Dispose();
        _port.Free();
        _pool.Dispose();
    }

    [Fact]
    public void Messages_read_as_they_were_written()
    {
        MemifMessage[] all =
        [
            new MemifMessage.Ack(), new MemifMessage.Hello("vpp", 0x100, 0x200, 1, 2, 3, 14), new MemifMessage.Init(0x200, 0x01020304, 0, "dpdk"), new MemifMessage.AddRegion(5, 0x1122334455667788),
            new MemifMessage.AddRing(true, 1, 2, 0xA0B0C0D0, 10, 0), new MemifMessage.AddRing(false, 1, 2, 3, 10, 8), new MemifMessage.Connect("a"), new MemifMessage.Connected("b"),
            new MemifMessage.Disconnect(9, "because"),
        ];
        byte[] bytes = new byte[MemifMessage.Size];
        foreach (MemifMessage message in all)
        {
            message.WriteTo(bytes);
            Assert.True(MemifMessage.TryParse(bytes, out MemifMessage read));
            Assert.Equal(message, read);
            Assert.False(MemifMessage.TryParse(bytes.AsSpan(1), out _));
        }

        // As the protocol lays it out: packed, the ring's offset at 8.
        new MemifMessage.AddRing(true, 1, 2, 0xA0B0C0D0, 10, 0).WriteTo(bytes);
        Assert.Equal("0500" + "0100" + "0100" + "0200" + "D0C0B0A0" + "0A" + "0000", Convert.ToHexString(bytes.AsSpan(0, 15)));
    }

    [Fact]
    public void Random_messages_are_read_or_refused()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        byte[] bytes = new byte[MemifMessage.Size];
        byte[] again = new byte[MemifMessage.Size];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            bytes[0] = (byte)random.Next(10);
            bytes[1] = 0;
            if (!MemifMessage.TryParse(bytes, out MemifMessage message)) continue;
            message.WriteTo(again);
            Assert.True(MemifMessage.TryParse(again, out MemifMessage second));
            Assert.Equal(message.GetType(), second.GetType());
        }
    }

    [Fact]
    public void A_client_with_memory_and_rings_is_connected()
    {
        Introduce();
        Assert.Equal(MemifFault.None, Say(new MemifMessage.AddRegion(0, 8192), Memory(8192, ring: true)));
        Assert.Equal(MemifFault.None, Say(new MemifMessage.AddRing(true, 0, 0, 0, 5, 0), MemifCalls.MakeEvent()));
        Assert.Equal(MemifFault.None, Say(new MemifMessage.AddRing(false, 0, 0, 4096, 5, 0), MemifCalls.MakeEvent()));
        Assert.Equal(MemifFault.None, Say(new MemifMessage.Connect("x"), null));
        Assert.Equal(("test", 1, 1), (_server.Link!.Peer, _server.Link.Receive.Length, _server.Link.Transmit.Length));
    }

    [Theory]
    [InlineData(0x100, 3u, 0, (int)MemifFault.Version)]
    [InlineData(0x200, 3u, 1, (int)MemifFault.Mode)]
    [InlineData(0x200, 4u, 0, (int)MemifFault.UnknownId)]
    public void A_client_must_ask_for_what_there_is(int version, uint id, byte mode, int fault) =>
        Assert.Equal((MemifFault)fault, Say(new MemifMessage.Init((ushort)version, id, mode, "test"), null));

    [Fact]
    public void The_order_of_messages_is_kept()
    {
        Assert.Equal(MemifFault.Unexpected, Say(new MemifMessage.AddRegion(0, 4096), Memory(4096)));
        Assert.Equal(MemifFault.Unexpected, Say(new MemifMessage.Connect("x"), null));
        Assert.Equal(MemifFault.Unexpected, Say(new MemifMessage.Ack(), null));
        Introduce();
        Assert.Equal(MemifFault.Unexpected, Say(new MemifMessage.Init(0x200, 3, 0, "again"), null));
        Assert.Equal(MemifFault.Unexpected, Say(new MemifMessage.AddRegion(0, 4096), null));
        Assert.Equal(MemifFault.Unexpected, Say(new MemifMessage.Connect("x"), MemifCalls.MakeEvent()));
        Assert.Equal(MemifFault.RegionRefused, Say(new MemifMessage.Connect("x"), null));
        Assert.Equal(MemifFault.PeerLeft, Say(new MemifMessage.Disconnect(0, "bye"), null));
    }

    [Fact]
    public void Memory_that_may_shrink_or_is_smaller_than_said_is_refused()
    {
        Introduce();
        using (FileStream file = new(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose))
        {
            file.SetLength(8192);
            Assert.Equal(MemifFault.RegionUnsealed, Say(new MemifMessage.AddRegion(0, 8192), Duplicate(file.SafeFileHandle.DangerousGetHandle())));
        }

        Assert.Equal(MemifFault.RegionUnsealed, Say(new MemifMessage.AddRegion(0, 8192), MemifCalls.MakeEvent()));
        Assert.Equal(MemifFault.RegionRefused, Say(new MemifMessage.AddRegion(0, 8193), Memory(8192)));
        Assert.Equal(MemifFault.RegionRefused, Say(new MemifMessage.AddRegion(0, ulong.MaxValue), Memory(8192)));
        Assert.Equal(MemifFault.RegionRefused, Say(new MemifMessage.AddRegion(0, 0), Memory(8192)));
        Assert.Equal(MemifFault.RegionRefused, Say(new MemifMessage.AddRegion(MemifLink.MaxRegions, 8192), Memory(8192)));
        Assert.Equal(MemifFault.None, Say(new MemifMessage.AddRegion(0, 8192), Memory(8192)));
        Assert.Equal(MemifFault.RegionRefused, Say(new MemifMessage.AddRegion(0, 8192), Memory(8192)));
    }

    [Fact]
    public void Rings_lie_in_their_region_and_look_like_rings()
    {
        Introduce();
        Say(new MemifMessage.AddRegion(0, 8192), Memory(8192, ring: true));
        MemifMessage.AddRing good = new(true, 0, 0, 0, 5, 0);
        Assert.Equal(MemifFault.EventRefused, Say(good, Memory(4096)));
        foreach (MemifMessage.AddRing bad in (MemifMessage.AddRing[])
            [good with { Offset = 4104 }, good with { Offset = 16 }, good with { Offset = 8192 - 128 }, good with { Offset = 0xFFFF_FFF0 }, good with { Log2Size = 9 }, good with { Log2Size = 15 }, good with { Log2Size = 255 },
            good with { Region = 1 }, good with { Index = 8 }, good with { PrivateHeader = 8 }])
            Assert.True(Say(bad, MemifCalls.MakeEvent()) == MemifFault.RingRefused, bad.ToString());
        Assert.Equal(MemifFault.None, Say(good, MemifCalls.MakeEvent()));
        Assert.Equal(MemifFault.RingRefused, Say(good, MemifCalls.MakeEvent()));

        // A gap among the rings, or none in one direction.
        Assert.Equal(MemifFault.None, Say(good with { ToServer = false, Index = 1, Offset = 4096 }, MemifCalls.MakeEvent()));
        Assert.Equal(MemifFault.RingRefused, Say(new MemifMessage.Connect("x"), null));
    }

    [Fact]
    public void What_is_no_message_closes_the_connection_and_no_descriptor_stays()
    {
        using MemifPair pair = new();
        pair.Client.Dispose();
        MemifPair.Await(() => !pair.Server.IsUp, "the client has gone");
        int before = Open();
        byte[] hello = new byte[256];
        foreach (int length in (ReadOnlySpan<int>)[1, 127, 129, 4000])
        {
            using Socket raw = Connected(pair);
            Assert.Equal(128, raw.Receive(hello));
            raw.Send(new byte[length]);
            Until(() => raw.Receive(hello) == 0);
        }

        for (int i = 0; i < 3; i++)
        {
            using Socket raw = Connected(pair);
            Assert.Equal(128, raw.Receive(hello));
            byte[] message = new byte[MemifMessage.Size];
            new MemifMessage.AddRegion(0, 4096).WriteTo(message);
            using Descriptor memory = Memory(4096);
            using Descriptor socket = Duplicate(raw.Handle);
            Assert.True(MemifCalls.Send(socket, message, memory));
            Until(() => raw.Receive(hello) == 0);
        }

        Assert.Equal(4ul, pair.Server.CountOf(MemifFault.Malformed));
        Assert.Equal(3ul, pair.Server.CountOf(MemifFault.Unexpected));
        MemifPair.Await(() => Open() <= before, "all descriptors are closed");
        pair.OpenClient();
        pair.AwaitUp();

        static void Until(Func<bool> done)
        {
            for (int i = 0; i < 10 && !done(); i++)
            {
            }
        }
    }

    [Fact]
    public void The_documents_say_every_reason()
    {
        string document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "memif.md"));
        Assert.Equal(Enum.GetValues<MemifFault>().Where(f => f != MemifFault.None), MemifFaults.All);
        foreach (MemifFault fault in MemifFaults.All) Assert.Contains($"| `{MemifFaults.Word(fault)}` | {MemifFaults.Sentence(fault)} |", document, StringComparison.Ordinal);
    }

    [Fact]
    public void A_signal_to_an_event_that_a_peer_has_filled_does_not_wait()
    {
        const ulong full = ulong.MaxValue - 1;
        using Descriptor blocking = new(Libc.EventFd(0, 0));
        ulong value = full;
        Assert.Equal(8, Libc.Write(blocking.Number, &value, 8));
        using EventSignal signal = new();
        for (int i = 0; i < 100; i++) signal.Signal(blocking.Number);
        using Descriptor fresh = MemifCalls.MakeEvent();
        signal.Signal(fresh.Number);
        signal.Signal(fresh.Number);
        Libc.IoVector vector = new() { Base = (byte*)&value, Length = 8 };
        Assert.Equal(8, Libc.ReadVector(fresh.Number, &vector, 1));
        Assert.Equal(2ul, value);
    }

    private static Socket Connected(MemifPair pair)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        socket.Connect(new UnixDomainSocketEndPoint(pair.Spec.Socket));
        return socket;
    }

    /// <summary>Memory files that this process holds.</summary>
    private static int Open() => Directory.GetFiles("/proc/self/fd").Count(f => new FileInfo(f).LinkTarget?.Contains("gateway-memif", StringComparison.Ordinal) == true);

    private static Descriptor Memory(ulong bytes, bool ring = false)
    {
        using MemifRegion made = MemifRegion.Create(bytes);
        if (ring)
            for (ulong at = 0; at < bytes; at += 4096) *(uint*)(made.Memory + at) = MemifRing.Cookie;
        return Duplicate(made.Fd.Number);
    }

    private static Descriptor Duplicate(nint fd) => new(MemifCalls.Duplicate((int)fd));

    private void Introduce() => Assert.Equal(MemifFault.None, Say(new MemifMessage.Init(MemifMessage.Version, 3, 0, "test"), null));

    private MemifFault Say(MemifMessage message, Descriptor? carried) => _server.Step(message, carried, out _);
}
