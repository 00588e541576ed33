using System.Globalization;
using Gateway.Bench.Harness;
using Gateway.Bench.Lab;
using Gateway.Dataplane.Buffers;
using Gateway.Interop.Io;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;

namespace Gateway.Bench.Io;

/// <summary>
/// Ports: memif by itself and with ESP between two of them, against testpmd; af-packet and af-xdp under a gateway that routes, against the kernel's bridge; what an idle gateway costs; what changes of tables lose.
/// Contenders take turns; testpmd, which never sleeps, is stopped while it is not its turn. Wall clock: each end has a processor of its own.
/// </summary>
internal sealed class IoSuite : ISuite
{
    private const int Rounds = 7;
    private static readonly TimeSpan SampleTime = TimeSpan.FromMilliseconds(400);

    public string Name => "io";

    public bool Pinned => false;

    public void Run(Report report)
    {
        if (Environment.ProcessorCount < 2) throw new NotHereException("needs two processors.");
        if (Wants(report, "memif-echo", "memif-esp"))
        {
            if (Testpmd.Missing is { } missing) throw new NotHereException(missing);
            WithTestpmd(report);
        }

        string[] forward = ["forward-af-packet", "forward-af-xdp"], ping = ["ping-idle-af-packet", "ping-idle-af-xdp"];
        if (Wants(report, [.. forward, .. ping, "cpu-at-rest"]))
        {
            Needs.Ensure(withPeer: false);
            foreach (var size in new[] { 64, 1400 })
                if (forward.Any(c => report.Wants(c, size))) Forward(report, size);
            if (ping.Any(c => report.Wants(c, 64))) PingIdle(report);
            if (report.Wants("cpu-at-rest", 0)) Rest(report);
        }

        if (report.Wants("million-routes", 512)) ChangesUnderTraffic.MillionRoutes(report);
        if (report.Wants("changes-at-50", 512)) ChangesUnderTraffic.SmallChanges(report, 0.5);
        if (report.Wants("changes-at-80", 512)) ChangesUnderTraffic.SmallChanges(report, 0.8);
    }

    private static bool Wants(Report report, params string[] cases) => cases.Any(c => new[] { 0, 64, 512, 1400 }.Any(size => report.Wants(c, size)));

    private void WithTestpmd(Report report)
    {
        var folder = Directory.CreateTempSubdirectory("gwbench").FullName;
        try
        {
            foreach (var size in new[] { 64, 512, 1400 })
                if (report.Wants("memif-echo", size)) Memif(report, folder, size);
            foreach (var size in new[] { 64, 1400 })
                if (report.Wants("memif-esp", size)) Esp(report, folder, size);
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
        Compare(report, "memif-echo", size, "packets/s", ours, "testpmd", theirs, moreIsBetter: true);
    }

    /// <summary>Size is of the inner IP packet, which testpmd gets in the same Ethernet frame.</summary>
    private void Esp(Report report, string folder, int size)
    {
        const int ethernet = 14;
        var theirsAt = Path.Combine(folder, $"testpmd-esp-{size}");
        Machine.Unpin();
        using var testpmd = Testpmd.Start(theirsAt, "role=server");
        Machine.Pin();
        PacketPool.BindThread(1);
        using var gateway = new MemifEsp(folder, size);
        using var toTestpmd = new MemifEcho(theirsAt);
        toTestpmd.AwaitPeer(() => testpmd.HasExited);
        Signal(testpmd, "-STOP");
        var (ours, theirs) = (new double[Rounds], new double[Rounds]);
        for (var round = -1; round < Rounds; round++)
        {
            var mine = gateway.Measure(SampleTime);
            Signal(testpmd, "-CONT");
            var its = toTestpmd.Measure(size + ethernet, SampleTime);
            Signal(testpmd, "-STOP");
            if (round >= 0) (ours[round], theirs[round]) = (mine, its);
        }

        Signal(testpmd, "-CONT");
        PacketPool.BindThread(0);
        Compare(report, "memif-esp", size, "packets/s", ours, "testpmd", theirs, moreIsBetter: true);
    }

    /// <summary>Size is of the IP packet. Packets that arrive behind it when one processor sends as fast as it can.</summary>
    private void Forward(Report report, int size)
    {
        using var bridge = new Forwarder(Forwarder.KernelBridge, pinned: true);
        using var packet = new Forwarder(Forwarder.AfPacket, pinned: true);
        using var express = new Forwarder(Forwarder.AfXdp, pinned: true);
        Forwarder[] all = [bridge, packet, express];
        var rates = all.Select(_ => new double[Rounds]).ToArray();
        Machine.Pin();
        PacketPool.BindThread(PacketPool.MaxWorkers);
        for (var round = -1; round < Rounds; round++)
            for (var i = 0; i < all.Length; i++)
                if (all[i].Measure(size, SampleTime) is var rate && round >= 0) rates[i][round] = rate;
        PacketPool.BindThread(0);
        Machine.Unpin();
        Compare(report, "forward-af-packet", size, "packets/s", [.. rates[1]], Forwarder.KernelBridge, [.. rates[0]], moreIsBetter: true);
        Compare(report, "forward-af-xdp", size, "packets/s", [.. rates[2]], Forwarder.KernelBridge, [.. rates[0]], moreIsBetter: true);
        Compare(report, "forward-af-xdp", size, "packets/s", [.. rates[2]], Forwarder.AfPacket, [.. rates[1]], moreIsBetter: true);
    }

    private void PingIdle(Report report)
    {
        using var bridge = new Forwarder(Forwarder.KernelBridge, pinned: false);
        using var packet = new Forwarder(Forwarder.AfPacket, pinned: false);
        using var express = new Forwarder(Forwarder.AfXdp, pinned: false);
        Forwarder[] all = [bridge, packet, express];
        var times = all.Select(_ => new double[Rounds]).ToArray();
        for (var round = -1; round < Rounds; round++)
            for (var i = 0; i < all.Length; i++)
                if (all[i].Ping(100) is var time && round >= 0) times[i][round] = time;
        Compare(report, "ping-idle-af-packet", 64, "us", [.. times[1]], Forwarder.KernelBridge, [.. times[0]], moreIsBetter: false);
        Compare(report, "ping-idle-af-xdp", 64, "us", [.. times[2]], Forwarder.KernelBridge, [.. times[0]], moreIsBetter: false);
    }

    /// <summary>A gateway process with two ports and nothing to do.</summary>
    private void Rest(Report report)
    {
        using var net = new LabNet(leftIsBare: true);
        using var gateway = new GatewayProcess(net.Left, Place.Left, "", appliance: box => box["dataplane"] = new System.Text.Json.Nodes.JsonObject { ["workers"] = 2 });
        var process = Needs.Process(net.Left, "gateway");
        Thread.Sleep(5000);
        var percent = new double[Rounds];
        for (var round = 0; round < Rounds; round++)
        {
            var (before, clock) = (Machine.ProcessorTime(process), System.Diagnostics.Stopwatch.StartNew());
            Thread.Sleep(2000);
            percent[round] = (Machine.ProcessorTime(process) - before) / clock.Elapsed * 100;
        }

        report.AddBelow(Name, "cpu-at-rest", 0, "% of a processor", percent, 2, "the whole process, two workers, two af-packet ports");
    }

    private void Compare(Report report, string @case, int size, string unit, double[] ours, string contender, double[] theirs, bool moreIsBetter)
    {
        Array.Sort(ours);
        Array.Sort(theirs);
        var (a, b) = (new Samples(Contest.Gateway, ours), new Samples(contender, theirs));
        report.Add(new ResultLine(Name, @case, size, b.Contender, unit, a.Median, a.Min, a.Max, moreIsBetter ? a.Median / b.Median : b.Median / a.Median, b.Median, b.Min, b.Max));
    }

    private static void Signal(BackgroundProcess process, string signal) => Shell.Must("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
}
