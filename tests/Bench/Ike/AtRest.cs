using Gateway.Bench.Harness;

namespace Gateway.Bench.Ike;

/// <summary>What ten thousand SAs take of memory when nothing happens: no packets, no questions whether peers live.</summary>
internal static class AtRest
{
    private const int _most = 10_000;
    private const int _samples = 5;

    internal static void Run(Report report)
    {
        var memory = new List<double[]>();
        foreach (var start in new Func<LoadProfile, int, bool, Responder>[] { Responder.Gateway, Responder.StrongSwan })
        {
            using var responder = start(LoadProfile.Psk(), _most, false);
            memory.Add(Measure(responder));
        }

        IkeSuite.Add(report, "memory-at-rest", _most, "kB/SA", [.. memory], moreIsBetter: false, "resident memory more than without any, per IKE SA with its CHILD SA, without DPD");
    }

    private static double[] Measure(Responder responder)
    {
        // Warm, then empty.
        responder.Load.SetUp(0, 500, 10, TimeSpan.FromMinutes(1));
        responder.Load.Clear();
        responder.Load.Serve(Growth.Rest);
        var empty = responder.Resident();
        if (responder.Load.SetUp(0, _most, 10, TimeSpan.FromMinutes(10)).Done < _most) throw new InvalidOperationException($"{responder.Name} did not take {_most} SAs in ten minutes.");
        responder.Load.Serve(Growth.LongRest);
        var memory = new double[_samples];
        for (var i = 0; i < _samples; i++)
        {
            memory[i] = (responder.Resident() - empty) / 1000 / _most;
            responder.Load.Serve(TimeSpan.FromSeconds(1));
        }

        Console.Error.WriteLine($"{responder.Name}: {_most} SAs at rest, {memory[_samples / 2]:0.0} kB");
        return memory;
    }
}
