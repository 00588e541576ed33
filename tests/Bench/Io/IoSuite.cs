using System.Globalization;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Buffers;
using Gateway.Interop.Io;
using Gateway.Interop.Net;

namespace Gateway.Bench.Io;

/// <summary>
/// Ports by themselves, without a graph. The same sender drives both contenders by turns; testpmd, which never sleeps, is stopped while it is not its turn.
/// Size is of the Ethernet frame. Wall clock: each end has a processor of its own.
/// </summary>
internal sealed class IoSuite : ISuite
{
    private const int Rounds = 7;
    private static readonly TimeSpan SampleTime = TimeSpan.FromMilliseconds(400);

    public string Name => "io";

    public bool Pinned => false;

    public void Run(Report report)
    {
        if (Testpmd.Missing is { } missing) throw new NotHereException(missing);
        if (Environment.ProcessorCount < 2) throw new NotHereException("needs two processors.");
        var folder = Directory.CreateTempSubdirectory("gwbench").FullName;
        try
        {
            foreach (var size in new[] { 64, 512, 1400 })
                if (report.Wants("memif-echo", size)) Memif(report, folder, size);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            Machine.Unpin();
        }
    }

    private void Memif(Report report, string folder, int size)
    {
        // Paths of their own for each size: a testpmd that was killed leaves its socket.
        var (oursAt, theirsAt) = (Path.Combine(folder, $"gateway-{size}"), Path.Combine(folder, $"testpmd-{size}"));
        using var gateway = new GatewayEcho(oursAt);
        Machine.Unpin();
        using var testpmd = Testpmd.Start(theirsAt, "role=server");
        Machine.Pin();
        PacketPool.BindThread(1);
        using var toGateway = new MemifEcho(oursAt);
        using var toTestpmd = new MemifEcho(theirsAt);
        toGateway.AwaitPeer(() => false);
        toTestpmd.AwaitPeer(() => testpmd.HasExited);
        Signal(testpmd, "-STOP");
        var (ours, theirs) = (new double[Rounds], new double[Rounds]);
        for (var round = -1; round < Rounds; round++)
        {
            gateway.Go();
            var mine = toGateway.Measure(size, SampleTime);
            gateway.Pause();
            Signal(testpmd, "-CONT");
            var its = toTestpmd.Measure(size, SampleTime);
            Signal(testpmd, "-STOP");
            // The first round warms up.
            if (round >= 0) (ours[round], theirs[round]) = (mine, its);
        }
        Signal(testpmd, "-CONT");
        PacketPool.BindThread(0);
        Array.Sort(ours);
        Array.Sort(theirs);
        var (a, b) = (new Samples(Contest.Gateway, ours), new Samples("testpmd", theirs));
        report.Add(new ResultLine(Name, "memif-echo", size, b.Contender, "packets/s", a.Median, a.Min, a.Max, a.Median / b.Median, b.Median, b.Min, b.Max));
    }

    private static void Signal(BackgroundProcess process, string signal) => Shell.Must("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
}
