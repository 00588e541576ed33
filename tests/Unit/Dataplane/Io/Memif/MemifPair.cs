using System.Diagnostics;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Memif;
using Xunit;

namespace Gateway.Unit.Dataplane.Io.Memif;

/// <summary>Two memif ports of this process on one socket, each with its own hub and pool, as two processes would have them.</summary>
internal sealed class MemifPair : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gwmemif").FullName;

    public MemifPair(int ringSize = 256, int bufferSize = 2048, int queues = 1, bool connect = true)
    {
        Spec = new PortSpec.Memif("m") { Socket = Path.Combine(_folder, "s"), Id = 7, RingSize = ringSize, BufferSize = bufferSize, Queues = queues };
        (ServerLevel, ClientLevel) = (ServerPool.Available, ClientPool.Available);
        if (!connect) return;
        OpenServer();
        OpenClient();
        AwaitUp();
    }

    public PortSpec.Memif Spec { get; }

    public MemifHub ServerHub { get; } = new();

    public MemifHub ClientHub { get; } = new();

    public PacketPool ServerPool { get; } = new(4096, hugepages: false);

    public PacketPool ClientPool { get; } = new(4096, hugepages: false);

    public int ServerLevel { get; }

    public int ClientLevel { get; }

    public MemifPort Server { get; private set; } = null!;

    public MemifPort Client { get; private set; } = null!;

    public void OpenServer() => Server = ServerHub.Open(Spec, ServerPool);

    public void OpenClient() => Client = ClientHub.Open(Spec with { IsServer = false }, ClientPool);

    public void AwaitUp()
    {
        Await(() => Server.IsUp && Client.IsUp, "both ends are connected");
        Assert.Equal(0, Server.Receive(new uint[1]));
        Assert.Equal(0, Client.Receive(new uint[1]));
    }

    public static void Await(Func<bool> holds, string what)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!holds())
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(60)) Assert.Fail($"After a minute it is not so that {what}.");
            Thread.Sleep(5);
        }
    }

    /// <summary>Sends one frame; false when the ring had no room.</summary>
    public static bool Send(MemifPort port, PacketPool pool, byte[] frame)
    {
        uint index = PacketCopy.FromBytes(pool, frame);
        Assert.NotEqual(0u, index);
        if (port.Transmit([index]) == 1) return true;
        pool.Free(index);
        return false;
    }

    /// <summary>Everything that has come.</summary>
    public static List<byte[]> Receive(MemifPort port, PacketPool pool, int most = 256)
    {
        uint[] indices = new uint[most];
        int count = port.Receive(indices);
        List<byte[]> frames = [];
        for (int i = 0; i < count; i++)
        {
            frames.Add(PacketCopy.ToArray(pool, indices[i]));
            pool.Free(indices[i]);
        }

        return frames;
    }

    public void Dispose()
    {
        Server?.Dispose();
        Client?.Dispose();
        ServerHub.Dispose();
        ClientHub.Dispose();
        Assert.Equal(ServerLevel, ServerPool.Available);
        Assert.Equal(ClientLevel, ClientPool.Available);
        ServerPool.Dispose();
        ClientPool.Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        Directory.Delete(_folder);
    }
}
