namespace Gateway.Bench.Harness;

/// <summary>Figures against a stated bound.</summary>
internal static class Figures
{
    /// <summary>Adds samples of which a lower one is better.</summary>
    internal static void AddBelow(this Report report, string suite, string @case, int size, string unit, double[] samples, double bound, string note) =>
        Add(report, suite, @case, size, unit, samples, bound, note, median => bound / median);

    /// <summary>Adds samples of which a higher one is better.</summary>
    internal static void AddAbove(this Report report, string suite, string @case, int size, string unit, double[] samples, double bound, string note) =>
        Add(report, suite, @case, size, unit, samples, bound, note, median => median / bound);

    private static void Add(Report report, string suite, string @case, int size, string unit, double[] samples, double bound, string note, Func<double, double> ratio)
    {
        Array.Sort(samples);
        var ours = new Samples(Contest.Gateway, samples);
        report.Add(new ResultLine(suite, @case, size, "bound", unit, ours.Median, ours.Min, ours.Max, ratio(ours.Median), bound, bound, bound, note));
    }
}
