using System.Globalization;
using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Runtime;

/// <summary>Groups the steps of traced packets.</summary>
internal static class TraceViews
{
    public static IReadOnlyList<TraceView> Of(IReadOnlyList<TraceRow> rows) =>
    [
        .. rows.GroupBy(r => r.Packet).Select((packet, number) => new TraceView(
            number + 1, packet.First().RxInterface, [.. packet.Select(r => Step(r, packet.First().Nanoseconds))])),
    ];

    private static TraceStep Step(TraceRow row, long start) => new(
        row.Node,
        string.Create(
            CultureInfo.InvariantCulture,
            $"{(row.Nanoseconds - start) / 1000.0,8:0.0} µs  {row.Length,5} bytes  {Convert.ToHexStringLower(row.Head)}{(row.Drop is { } drop ? $"  DROPPED: {drop}" : "")}"));
}
