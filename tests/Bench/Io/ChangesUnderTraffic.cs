using System.Diagnostics;
using System.Net;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Io;

/// <summary>Packets lost while tables change, against a control run of the same length and rate without changes, by turns.</summary>
internal static class ChangesUnderTraffic
{
    private const int Routes = 1_000_000, Rounds = 5;

    /// <summary>A million routes come and go at half the capacity.</summary>
    internal static void MillionRoutes(Report report) => Compare(report, "million-routes", 0.5, (gateway, look) =>
    {
        for (var i = 0; i < Routes; i++)
        {
            gateway.Control.AddRoute(Route(i));
            if (i % 256 == 0) look();
        }
        for (var i = 0; i < Routes; i++)
        {
            gateway.Control.RemoveRoute(0, Route(i).To);
            if (i % 256 == 0) look();
        }
    });

    /// <summary>A route, a policy and an SA are changed again and again.</summary>
    internal static void SmallChanges(Report report, double share) => Compare(report, $"changes-at-{share * 100:0}", share, (gateway, look) =>
    {
        for (uint i = 0; i < 300; i++)
        {
            gateway.Control.AddRoute(Route((int)i));
            gateway.Install(100 + i, "10.1.0.0/24", "10.77.0.0/16");
            gateway.Control.Security.RemoveSa(new ChildSaId(100 + i));
            gateway.Control.RemoveRoute(0, Route((int)i).To);
            look();
            Thread.Sleep(5);
        }
    });

    private static void Compare(Report report, string @case, double share, Action<PacedGateway, Action> change)
    {
        using var gateway = new PacedGateway();
        var pauses = new PauseWatch();
        Machine.Pin();
        PacketPool.BindThread(PacketPool.MaxWorkers);
        try
        {
            gateway.Capacity(TimeSpan.FromSeconds(0.5));
            var capacity = gateway.Capacity(TimeSpan.FromSeconds(1));
            var (ours, control, times) = (new double[Rounds], new double[Rounds], new double[Rounds]);
            long offered = 0;
            for (var round = -1; round < Rounds; round++)
            {
                if (round == 0) pauses.Begin();
                var clock = Stopwatch.StartNew();
                var changing = new Thread(() => change(gateway, pauses.Look)) { IsBackground = true, Name = "changes" };
                changing.Start();
                var trial = gateway.Send(capacity * share, () => changing.IsAlive);
                var time = clock.Elapsed;
                clock.Restart();
                var quiet = gateway.Send(capacity * share, () => clock.Elapsed < time);
                if (round < 0) continue;
                (ours[round], control[round], times[round]) = (trial.Lost, quiet.Lost, time.TotalSeconds);
                offered += trial.Offered;
            }
            foreach (var samples in new[] { ours, control, times }) Array.Sort(samples);
            var (a, b) = (new Samples(Contest.Gateway, ours), new Samples("control-run", control));
            // One is added to both, so that no loss against no loss is even.
            report.Add(new ResultLine("io", @case, 512, b.Contender, "packets lost", a.Median, a.Min, a.Max, (b.Median + 1) / (a.Median + 1), b.Median, b.Min, b.Max,
                $"at {capacity * share:0} of {capacity:0} packets/s; a round takes {times[Rounds / 2]:0.0} s, {offered} packets in {Rounds} rounds; the garbage collector paused {pauses.Collections} times for {pauses.Sum.TotalMilliseconds:0} ms, {pauses.Longest.TotalMilliseconds:0.0} ms at most"));
        }
        finally
        {
            PacketPool.BindThread(0);
            Machine.Unpin();
        }
    }

    private static RouteSettings Route(int i) => new()
    {
        To = new IPNetwork(new IPAddress([(byte)(20 + (i >> 16)), (byte)(i >> 8), (byte)i, 0]), 24),
        Via = IPAddress.Parse("198.51.100.2"),
    };
}
