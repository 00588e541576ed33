using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gateway.Bench.Harness;

/// <summary>
/// One line of result. Median, min and max are the gateway's figures in <see cref="Unit"/>, <see cref="ContenderMedian"/> is the other's;
/// the ratio compares the two, above 1 = the gateway is better.
/// </summary>
internal sealed record ResultLine(
    string Suite, string Case, int Size, string Contender, string Unit, double Median, double Min, double Max, double Ratio,
    double ContenderMedian, double ContenderMin, double ContenderMax, string? Note = null);

/// <summary>Prints results: one JSON object a line, or a table for people.</summary>
internal sealed class Report(bool json, string? filter = null)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private bool _headed;

    /// <summary>Whether the case is asked for: <c>--case TEXT</c> keeps those whose "case/size" contains the text.</summary>
    internal bool Wants(string @case, int size) => filter is null || $"{@case}/{size}/".Contains(filter, StringComparison.Ordinal);

    /// <summary>What a reader must know beside the figures; never among the JSON lines.</summary>
    internal void Note(string sentence) => (json ? Console.Error : Console.Out).WriteLine(sentence);

    internal void Add(ResultLine line)
    {
        line = line with
        {
            Median = Round(line.Median),
            Min = Round(line.Min),
            Max = Round(line.Max),
            Ratio = Round(line.Ratio),
            ContenderMedian = Round(line.ContenderMedian),
            ContenderMin = Round(line.ContenderMin),
            ContenderMax = Round(line.ContenderMax),
        };
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(line, Options));
            return;
        }
        if (!_headed) Console.WriteLine($"{"suite",-8} {"case",-22} {"size",6} {"gateway",12} {"contender",14} {"its figure",12} {"unit",-10} {"ratio",7}");
        _headed = true;
        Console.WriteLine($"{line.Suite,-8} {line.Case,-22} {line.Size,6} {line.Median,12:0.0} {line.Contender,14} {line.ContenderMedian,12:0.0} {line.Unit,-10} {line.Ratio,6:0.00}x {line.Note}");
    }

    /// <summary>The gateway against every other contender of a contest whose figure is a time (less is better).</summary>
    internal void AddTimes(string suite, string @case, int size, IReadOnlyList<Samples> samples, string unit = "ns/packet")
    {
        var ours = samples.Single(s => s.Contender == Contest.Gateway);
        foreach (var theirs in samples.Where(s => s != ours))
            Add(new ResultLine(suite, @case, size, theirs.Contender, unit, ours.Median, ours.Min, ours.Max, theirs.Median / ours.Median, theirs.Median, theirs.Min, theirs.Max));
    }

    private static double Round(double value) => Math.Round(value, 3);
}
