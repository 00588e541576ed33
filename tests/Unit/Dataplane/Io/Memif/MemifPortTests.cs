using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Memif;
using Xunit;

namespace Gateway.Unit.Dataplane.Io.Memif;

/// <summary>Two ends of a memif in one process.</summary>
public sealed unsafe class MemifPortTests
{
    [Theory]
    [InlineData(256, 2048, 1)]
    [InlineData(64, 256, 1)]
    [InlineData(64, 256, 3)]
    [InlineData(16384, 512, 8)]
    public void Random_frames_arrive_as_they_were_sent_in_both_directions(int ringSize, int bufferSize, int queues)
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        using MemifPair pair = new(ringSize, bufferSize, queues);
        List<byte[]> toClient = [], toServer = [], atClient = [], atServer = [];
        for (int round = 0; round < 400; round++)
        {
            for (int i = random.Next(20); i > 0; i--)
            {
                byte[] frame = Frame(random);
                if (MemifPair.Send(pair.Server, pair.ServerPool, frame)) toClient.Add(frame);
                frame = Frame(random);
                if (MemifPair.Send(pair.Client, pair.ClientPool, frame)) toServer.Add(frame);
            }

            if (random.Next(3) > 0) atClient.AddRange(MemifPair.Receive(pair.Client, pair.ClientPool, random.Next(1, 40)));
            if (random.Next(3) > 0) atServer.AddRange(MemifPair.Receive(pair.Server, pair.ServerPool, random.Next(1, 40)));
        }

        for (int i = 0; i < 2000 && atClient.Count < toClient.Count; i++) atClient.AddRange(MemifPair.Receive(pair.Client, pair.ClientPool));
        for (int i = 0; i < 2000 && atServer.Count < toServer.Count; i++) atServer.AddRange(MemifPair.Receive(pair.Server, pair.ServerPool));
        Assert.InRange(toClient.Count, 100, int.MaxValue);
        Same(toClient, atClient, ordered: queues == 1);
        Same(toServer, atServer, ordered: queues == 1);
        Assert.Equal((0ul, 0ul), (pair.Server.Counters.RxDropped, pair.Client.Counters.RxDropped));
        Assert.Equal((ulong)toClient.Sum(f => f.Length), pair.Server.Counters.TxBytes);
        Assert.Equal((ulong)toClient.Sum(f => f.Length), pair.Client.Counters.RxBytes);
    }

    [Fact]
    public void Packets_between_two_addresses_stay_on_one_ring_and_in_order()
    {
        using MemifPair pair = new(queues: 4);
        byte[] frame = new byte[60];
        frame[12] = 8;
        for (byte host = 0; host < 32; host++)
        {
            frame[29] = host;
            for (byte i = 0; i < 5; i++)
            {
                frame[40] = i;
                Assert.True(MemifPair.Send(pair.Client, pair.ClientPool, frame));
            }
        }

        List<byte[]> got = [];
        for (int i = 0; i < 8; i++) got.AddRange(MemifPair.Receive(pair.Server, pair.ServerPool));
        Assert.Equal(160, got.Count);
        foreach (var flow in got.GroupBy(f => f[29])) Assert.Equal([0, 1, 2, 3, 4], flow.Select(f => (int)f[40]));

        // They did not all take the same ring: then hosts would come in the order of sending.
        Assert.NotEqual(got.Select(f => f[29]).Order(), got.Select(f => f[29]));
    }

    [Fact]
    public void A_full_ring_takes_no_more_and_goes_on_when_there_is_room()
    {
        using MemifPair pair = new(ringSize: 64);
        byte[] frame = new byte[64];
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 64; i++) Assert.True(MemifPair.Send(pair.Client, pair.ClientPool, frame));
            Assert.False(MemifPair.Send(pair.Client, pair.ClientPool, frame));
            for (int i = 0; i < 64; i++) Assert.True(MemifPair.Send(pair.Server, pair.ServerPool, frame));
            Assert.False(MemifPair.Send(pair.Server, pair.ServerPool, frame));
            Assert.Equal(64, MemifPair.Receive(pair.Server, pair.ServerPool).Count);
            Assert.Equal(64, MemifPair.Receive(pair.Client, pair.ClientPool).Count);
        }
    }

    [Fact]
    public void Without_chunks_packets_are_lost_and_counted_and_the_ring_goes_on()
    {
        using MemifPair pair = new();
        uint[] all = new uint[pair.ServerLevel];
        Assert.Equal(all.Length, pair.ServerPool.Allocate(all));
        byte[] frame = new byte[5000];
        for (int i = 0; i < 10; i++) Assert.True(MemifPair.Send(pair.Client, pair.ClientPool, frame));
        Assert.Empty(MemifPair.Receive(pair.Server, pair.ServerPool));
        Assert.Equal(10ul, pair.Server.Counters.RxDropped);
        Assert.Equal(0ul, pair.Server.RxDamaged);

        // One chunk is not enough for a packet of two.
        pair.ServerPool.Free(all[0]);
        Assert.True(MemifPair.Send(pair.Client, pair.ClientPool, frame));
        Assert.Empty(MemifPair.Receive(pair.Server, pair.ServerPool));
        Assert.Equal(11ul, pair.Server.Counters.RxDropped);
        pair.ServerPool.Free(all.AsSpan(1));
        Assert.True(MemifPair.Send(pair.Client, pair.ClientPool, frame));
        Assert.Equal(frame, Assert.Single(MemifPair.Receive(pair.Server, pair.ServerPool)));
        Assert.True(pair.Server.IsUp);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_sleeping_end_is_woken_by_a_packet_and_a_polling_one_is_not_signalled(bool serverSleeps)
    {
        using MemifPair pair = new();
        var (sleeper, sleepersPool, sender, sendersPool) = serverSleeps
            ? (pair.Server, pair.ServerPool, pair.Client, pair.ClientPool)
            : (pair.Client, pair.ClientPool, pair.Server, pair.ServerPool);

        // It polls: the attaching woke it once, and packets do not.
        Assert.True(sleeper.PrepareToSleep());
        MemifPair.Receive(sleeper, sleepersPool);
        Assert.True(MemifPair.Send(sender, sendersPool, new byte[60]));
        Assert.False(Readable(sleeper.PollFd));

        // It wants to sleep, but there is something.
        Assert.False(sleeper.PrepareToSleep());
        Assert.Single(MemifPair.Receive(sleeper, sleepersPool));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(sleeper.PrepareToSleep());
            Assert.False(Readable(sleeper.PollFd));
            Assert.True(MemifPair.Send(sender, sendersPool, new byte[60]));
            Assert.True(Readable(sleeper.PollFd));
            Assert.Single(MemifPair.Receive(sleeper, sleepersPool));
        }
    }

    [Fact]
    public void Either_end_may_go_and_come_back()
    {
        using MemifPair pair = new();
        for (int i = 0; i < 3; i++)
        {
            pair.Client.Dispose();
            MemifPair.Await(() => !pair.Server.IsUp, "the server sees that its client went");
            Assert.True(MemifPair.Send(pair.Server, pair.ServerPool, new byte[60]));
            Assert.Equal((ulong)i + 1, pair.Server.Counters.TxErrors);
            pair.OpenClient();
            pair.AwaitUp();
            Exchange(pair);
        }

        for (int i = 0; i < 3; i++)
        {
            pair.Server.Dispose();
            MemifPair.Await(() => !pair.Client.IsUp, "the client sees that its server went");
            pair.OpenServer();
            pair.AwaitUp();
            Exchange(pair);
        }

        Assert.Contains(pair.Client.Reasons, r => r is { Name: "connections", Value: >= 4 });
        Assert.Contains(pair.Client.Reasons, r => r is { Name: "peer-left", Value: 3 });
    }

    [Fact]
    public void A_client_waits_for_its_server()
    {
        using MemifPair pair = new(connect: false);
        pair.OpenClient();
        Assert.False(pair.Client.IsUp);
        pair.OpenServer();
        pair.AwaitUp();
        Exchange(pair);
    }

    [Fact]
    public void A_server_removes_a_dead_socket_and_nothing_else()
    {
        using MemifPair pair = new(connect: false);
        string path = pair.Spec.Socket;
        File.WriteAllText(path, "a letter");
        Assert.Contains("no memif socket", Assert.Throws<IOException>(pair.OpenServer).Message, StringComparison.Ordinal);
        Assert.Equal("a letter", File.ReadAllText(path));
        File.Delete(path);
        using (System.Net.Sockets.Socket dead = new(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Seqpacket, System.Net.Sockets.ProtocolType.Unspecified))
            dead.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
        pair.OpenServer();
        pair.OpenClient();
        pair.AwaitUp();
        using MemifHub other = new();
        Assert.Contains("Another process", Assert.Throws<IOException>(() => other.Open(pair.Spec, pair.ServerPool)).Message, StringComparison.Ordinal);
        Assert.Contains("another interface", Assert.Throws<IOException>(() => pair.ServerHub.Open(pair.Spec, pair.ServerPool)).Message, StringComparison.Ordinal);
        Exchange(pair);
    }

    [Fact]
    public void Interfaces_of_one_socket_are_told_apart_by_their_ids()
    {
        using MemifPair pair = new();
        using MemifPort second = pair.ServerHub.Open(pair.Spec with { Id = 8 }, pair.ServerPool);
        using MemifPort secondClient = pair.ClientHub.Open(pair.Spec with { Id = 8, IsServer = false }, pair.ClientPool);
        using MemifPort nobody = pair.ClientHub.Open(pair.Spec with { Id = 9, IsServer = false }, pair.ClientPool);
        MemifPair.Await(() => second.IsUp && secondClient.IsUp, "the second pair is connected");
        MemifPair.Await(() => pair.Server.CountOf(MemifFault.UnknownId) > 0, "the third is refused");
        Assert.False(nobody.IsUp);
        Assert.True(MemifPair.Send(secondClient, pair.ClientPool, new byte[61]));
        Assert.Empty(MemifPair.Receive(pair.Server, pair.ServerPool));
        Assert.Equal(61, Assert.Single(MemifPair.Receive(second, pair.ServerPool)).Length);
        Exchange(pair);
    }

    [Fact]
    public void A_taken_interface_stays_with_its_first_client()
    {
        using MemifPair pair = new();
        using MemifHub hub = new();
        using MemifPort late = hub.Open(pair.Spec with { IsServer = false }, pair.ClientPool);
        MemifPair.Await(() => pair.Server.CountOf(MemifFault.Taken) > 0, "the second client is refused");
        Assert.False(late.IsUp);
        Exchange(pair);
        pair.Client.Dispose();
        MemifPair.Await(() => late.IsUp && pair.Server.IsUp, "the second client takes the place of the first");
    }

    [Fact]
    public void The_hot_path_leaves_the_managed_heap_alone()
    {
        using MemifPair pair = new();
        uint[] indices = new uint[64];
        Turn();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Turn();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Turn()
        {
            int count = pair.ClientPool.Allocate(indices);
            foreach (uint index in indices) (pair.ClientPool.Meta(index)->Length, pair.ClientPool.Meta(index)->TotalLength) = (100, 100);
            Assert.True(count == pair.Client.Transmit(indices));
            count = pair.Server.Receive(indices);
            pair.Server.PrepareToSleep();
            pair.ServerPool.Free(indices.AsSpan(0, count));
        }
    }

    private static void Exchange(MemifPair pair)
    {
        Assert.True(MemifPair.Send(pair.Server, pair.ServerPool, new byte[70]));
        Assert.Equal(70, Assert.Single(MemifPair.Receive(pair.Client, pair.ClientPool)).Length);
        Assert.True(MemifPair.Send(pair.Client, pair.ClientPool, new byte[71]));
        Assert.Equal(71, Assert.Single(MemifPair.Receive(pair.Server, pair.ServerPool)).Length);
    }

    private static byte[] Frame(Random random)
    {
        byte[] frame = new byte[random.Next(8) == 0 ? random.Next(14, 9100) : random.Next(14, 600)];
        random.NextBytes(frame);
        return frame;
    }

    private static void Same(List<byte[]> sent, List<byte[]> got, bool ordered)
    {
        Assert.Equal(sent.Count, got.Count);
        IEnumerable<string> a = sent.Select(Convert.ToHexString), b = got.Select(Convert.ToHexString);
        Assert.Equal(ordered ? a : a.Order(), ordered ? b : b.Order());
    }

    private static bool Readable(int fd)
    {
        Span<Gateway.Dataplane.Io.Interop.Libc.PollEntry> one = [new() { Fd = fd, Events = 1 }];
        return Gateway.Dataplane.Io.Interop.Libc.Poll(one, 0) > 0;
    }
}
