using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli;

/// <summary>Prints <c>show source-limits</c>: a row for each.</summary>
internal static class SourceLimitPrinter
{
    public static void Print(IReadOnlyList<SourceLimitRow> limits, Screen screen) => screen.Rows(
        limits, "There are no limits per source.",
        ("LIMIT", l => l.Name), ("PACKETS/S", l => l.PacketsPerSecond is { } packets ? N(packets) : ""), ("FLOWS/S", l => l.FlowsPerSecond is { } flows ? N(flows) : ""),
        ("ASKED BY", l => l.AskedBy.Count == 0 ? "nowhere" : string.Join(", ", l.AskedBy)), ("SOURCES", l => N(l.Active)), ("LIMITED", l => N(l.Limited)), ("PASSED", l => N(l.Passed)),
        ("DROPPED", l => N(l.Dropped)), ("FLOWS DROPPED", l => N(l.FlowsDropped)), ("CROWDED", l => N(l.Crowded)));

    private static string N<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
