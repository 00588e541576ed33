using Gateway.Bench.Harness;

namespace Gateway.Bench.Ike;

/// <summary>From a hundred SAs to ten thousand: what the next set-ups cost, what each SA takes of memory, and what it costs to ask all peers whether they live.</summary>
internal sealed class Growth(Report report)
{
    private const int _most = 10_000;
    private const int _samples = 5;
    private const int _delay = 10;
    // What a burst of set-ups leaves behind is given back in between; at the end also what was pooled for it.
    internal static readonly TimeSpan Rest = TimeSpan.FromSeconds(18);
    internal static readonly TimeSpan LongRest = TimeSpan.FromSeconds(95);
    private static readonly int[] _steps = [100, 300, 1000, 3000, _most];

    internal void Run()
    {
        // A minute without a question while SAs are set up would be too short for the slower one: the questions come with the last step.
        var profile = LoadProfile.Psk($"dpd_delay = {_delay}s");
        var results = new List<Result>();
        foreach (var start in new Func<LoadProfile, int, bool, Responder>[] { Responder.Gateway, Responder.StrongSwan })
        {
            using var responder = start(profile, _most, false);
            results.Add(Measure(responder));
        }

        for (var step = 0; step < _steps.Length; step++)
        {
            if (step >= Math.Min(results[0].Time.Count, results[1].Time.Count)) break;
            IkeSuite.Add(report, "curve", _steps[step], "us/set-up", [.. results.Select(r => r.Time[step])], moreIsBetter: false, "processor time of the responder for the last set-ups before so many SAs, with DPD");
            IkeSuite.Add(report, "curve-rate", _steps[step], "set-ups/s", [.. results.Select(r => r.Rate[step])], moreIsBetter: true, null);
            IkeSuite.Add(report, "memory", _steps[step], "kB/SA", [.. results.Select(r => r.Memory[step])], moreIsBetter: false, "resident memory more than without any after a rest, per IKE SA with its CHILD SA");
        }

        if (results.TrueForAll(r => r.Dpd is not null))
            IkeSuite.Add(report, "dpd", _most, "% of a processor", [.. results.Select(r => r.Dpd!)], moreIsBetter: false, $"one question per SA in {_delay} s");
    }

    private static Result Measure(Responder responder)
    {
        var result = new Result();
        // Warm, then empty.
        responder.Load.SetUp(0, 500, 10, TimeSpan.FromMinutes(1));
        responder.Load.Clear();
        responder.Load.Serve(Rest);
        var (empty, up) = (responder.Resident(), 0);
        foreach (var step in _steps)
        {
            var (time, rate) = (new double[_samples], new double[_samples]);
            var slice = Math.Max(10, Math.Min(200, (step - up) / _samples));
            if (!Fill(responder, up, step - up - (slice * _samples))) return result;
            up = step - (slice * _samples);
            for (var i = 0; i < _samples; i++, up += slice)
            {
                var before = responder.ProcessorTime();
                var run = responder.Load.SetUp(up, slice, 10, TimeSpan.FromMinutes(3));
                time[i] = (responder.ProcessorTime() - before).TotalMicroseconds / slice;
                rate[i] = run.Rate;
                if (run.Done < slice) return result;
            }

            responder.Load.Serve(step == _most ? LongRest : Rest);
            var memory = new double[_samples];
            for (var i = 0; i < _samples; i++)
            {
                memory[i] = (responder.Resident() - empty) / 1000 / up;
                responder.Load.Serve(TimeSpan.FromSeconds(1));
            }

            result.Time.Add(time);
            result.Rate.Add(rate);
            result.Memory.Add(memory);
            Console.Error.WriteLine($"{responder.Name}: {up} SAs, {time[_samples / 2]:0} us, {rate[_samples / 2]:0}/s, {memory[_samples / 2]:0.0} kB");
        }

        result.Dpd = new double[_samples];
        for (var i = 0; i < _samples; i++)
        {
            var (before, asked) = (responder.ProcessorTime(), responder.Load.Asked);
            responder.Load.Serve(TimeSpan.FromSeconds(_delay));
            result.Dpd[i] = (responder.ProcessorTime() - before).TotalSeconds / _delay * 100;
            Console.Error.WriteLine($"{responder.Name}: {responder.Load.Asked - asked} questions, {responder.Load.Count} SAs");
        }

        if (responder.Load.Count != _most) throw new InvalidOperationException($"{responder.Name}: of {_most} SAs {responder.Load.Count} are left.");
        return result;
    }

    private static bool Fill(Responder responder, int first, int count) => count <= 0 || responder.Load.SetUp(first, count, 10, TimeSpan.FromMinutes(8)).Done == count;

    private sealed class Result
    {
        public List<double[]> Time { get; } = [];

        public List<double[]> Rate { get; } = [];

        public List<double[]> Memory { get; } = [];

        public double[]? Dpd { get; set; }
    }
}
