using System.Globalization;
using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;
using Gateway.Host.Explain;

namespace Gateway.Host.Runtime;

/// <summary>Groups the steps of traced packets, and names what decided at each.</summary>
internal static class TraceViews
{
    /// <param name="rows">The steps.</param>
    /// <param name="names">The items of the configuration, and who made them.</param>
    /// <param name="drops">Only packets that were dropped.</param>
    /// <param name="most">The newest so many packets.</param>
    public static IReadOnlyList<TraceView> Of(IReadOnlyList<TraceRow> rows, (DecisionWords Words, Blames Blames) names, bool drops = false, int most = int.MaxValue) =>
    [
        .. rows.GroupBy(r => r.Packet).Where(p => !drops || p.Any(r => r.Drop is not null)).TakeLast(most)
            .Select((packet, number) => new TraceView(number + 1, packet.First().RxInterface, [.. packet.Select(r => Step(r, packet.First().Nanoseconds, names))])),
    ];

    private static TraceStep Step(TraceRow row, long start, (DecisionWords Words, Blames Blames) names)
    {
        var text = names.Words.Of(row);
        var origin = text.Item is { } item ? names.Blames.Of(item, text.Path) : null;
        var microseconds = (row.Nanoseconds - start) / 1000.0;
        return new TraceStep(
            row.Node,
            string.Create(CultureInfo.InvariantCulture, $"{microseconds,8:0.0} µs  {row.Length,5} bytes  {Convert.ToHexStringLower(row.Head)}{(row.Drop is { } drop ? $"  DROPPED: {drop}" : "")}"))
        {
            What = text.What.Length == 0 ? null : text.What,
            Item = origin is null ? null : text.Item?.ToString(),
            Line = origin is null ? null : text.Line,
            Revision = origin?.Revision,
            Drop = row.Drop,
            Microseconds = Math.Round(microseconds, 1),
            Length = row.Length,
        };
    }
}
