using System.Diagnostics;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>memif ports against DPDK, in both roles: another implementation of the protocol on the other end.</summary>
public sealed class MemifTests : IDisposable
{
    private readonly string _folder;
    private readonly PacketPool _pool = new(8192, hugepages: false);
    private readonly int _level;
    private readonly PortFactory _factory;

    public MemifTests()
    {
        if (Testpmd.Missing is { } missing) Assert.Skip(missing);
        if (!Environment.IsPrivilegedProcess) Assert.Skip("Needs root: the port factory listens to changes of devices, and testpmd wants its memory.");
        _folder = Directory.CreateTempSubdirectory("gwmemif").FullName;
        _level = _pool.Available;
        _factory = new PortFactory(null);
    }

    public void Dispose()
    {
        _factory.Dispose();
        Assert.Equal(_level, _pool.Available);
        _pool.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void Testpmd_sends_everything_back_as_it_was(bool gatewayIsServer, int queues)
    {
        using IDevicePort port = Open(gatewayIsServer, queues);
        using BackgroundProcess testpmd = Testpmd.Start(Socket, gatewayIsServer ? "role=client" : "role=server", queues);
        AwaitUp(port, testpmd);
        Echo(port, testpmd, frames: 3000, ordered: queues == 1);
        Assert.Equal((0ul, 0ul), (port.Counters.RxDropped, port.RxDamaged));
    }

    [Fact]
    public void Testpmd_may_be_killed_and_comes_back()
    {
        using IDevicePort port = Open(server: true, 1);
        for (int i = 0; i < 2; i++) MeetAndKill(port, "role=client");
        Assert.Contains(((IReasonedPort)port).Reasons, r => r is { Name: "peer-left", Value: 2 });
    }

    [Fact]
    public void The_client_finds_a_testpmd_that_was_started_anew()
    {
        using IDevicePort port = Open(server: false, 1);
        for (int i = 0; i < 2; i++)
        {
            MeetAndKill(port, "role=server");
            File.Delete(Socket);
        }
    }

    [Fact]
    public void Memory_that_testpmd_could_shrink_is_refused_with_the_reason()
    {
        // With zero-copy=yes its packets lie in DPDK's own memory, which is not sealed.
        using IDevicePort port = Open(server: true, 1);
        using BackgroundProcess testpmd = Testpmd.Start(Socket, "role=client,zero-copy=yes");
        Netns.Await(() => ((IReasonedPort)port).Reasons.Any() || testpmd.HasExited, "the connection is refused");
        Assert.SkipWhen(testpmd.HasExited, "This testpmd does not offer zero-copy without huge pages: " + testpmd.Output.Split('\n').LastOrDefault(l => l.Contains("memif", StringComparison.Ordinal)));
        Assert.Contains(((IReasonedPort)port).Reasons, r => r.Name == "region-unsealed");
        Assert.False(port.IsUp);
    }

    private string Socket => Path.Combine(_folder, "memif.sock");

    private IDevicePort Open(bool server, int queues)
    {
        PortOpening opening = _factory.Open(new PortSpec.Memif("vswitch") { Socket = Socket, IsServer = server, Queues = queues, Mtu = 1500 }, _pool);
        return Assert.IsType<PortOpening.Opened>(opening).Port;
    }

    private static void AwaitUp(IDevicePort port, BackgroundProcess testpmd)
    {
        Netns.Await(() => port.IsUp || testpmd.HasExited, "testpmd is connected");
        Assert.True(port.IsUp, testpmd.Output);
    }

    private void MeetAndKill(IDevicePort port, string role)
    {
        using BackgroundProcess testpmd = Testpmd.Start(Socket, role);
        AwaitUp(port, testpmd);
        Echo(port, testpmd, frames: 300, ordered: true);
        testpmd.Kill();
        Netns.Await(() => Receive(port).Count == 0 && !port.IsUp, "the port sees that its peer died");
    }

    /// <summary>Sends random frames, never more at once than the rings hold, and takes each back.</summary>
    private void Echo(IDevicePort port, BackgroundProcess testpmd, int frames, bool ordered)
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        Random random = new(seed);
        List<string> sent = [], got = [];
        Stopwatch silent = Stopwatch.StartNew();
        while (got.Count < frames)
        {
            while (sent.Count < frames && sent.Count - got.Count < 200)
            {
                byte[] frame = new byte[random.Next(60, 1515)];
                random.NextBytes(frame);

                // As IPv4 between random hosts, so that several rings are used.
                (frame[12], frame[13]) = (8, 0);
                uint index = PacketCopy.FromBytes(_pool, frame);
                if (port.Transmit([index]) == 0)
                {
                    _pool.Free(index);
                    break;
                }

                sent.Add(Convert.ToHexString(frame));
            }

            int before = got.Count;
            got.AddRange(Receive(port));
            if (got.Count > before) silent.Restart();
            else if (silent.Elapsed > TimeSpan.FromSeconds(30)) Assert.Fail($"Of {sent.Count} frames {got.Count} came back.\n{testpmd.Output}");
            else Thread.Yield();
        }

        if (!ordered)
        {
            sent.Sort(StringComparer.Ordinal);
            got.Sort(StringComparer.Ordinal);
        }

        Assert.Equal(sent, got);
    }

    private List<string> Receive(IDevicePort port)
    {
        uint[] batch = new uint[256];
        int count = port.Receive(batch);
        List<string> frames = [.. batch.Take(count).Select(i => Convert.ToHexString(PacketCopy.ToArray(_pool, i)))];
        _pool.Free(batch.AsSpan(0, count));
        return frames;
    }
}
