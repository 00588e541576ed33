using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli;

/// <summary>Prints <c>show policers</c>: a row for each color.</summary>
internal static class PolicerPrinter
{
    public static void Print(IReadOnlyList<PolicerRow> policers, Screen screen) => screen.Rows(
        [.. policers.SelectMany(Lines)], "There are no policers.",
        ("POLICER", r => r.Name), ("MODE", r => r.Mode), ("RATE", r => r.Rate), ("ASKED BY", r => r.AskedBy), ("COLOR", r => r.Color), ("ACTION", r => r.Count.Action),
        ("PACKETS", r => r.Count.Packets.ToString(CultureInfo.InvariantCulture)), ("BYTES", r => Format.Bytes(r.Count.Bytes)));

    private static IEnumerable<(string Name, string Mode, string Rate, string AskedBy, string Color, ColorRow Count)> Lines(PolicerRow row)
    {
        yield return (row.Name, row.Mode, $"{row.Rate}, {row.Burst}", row.AskedBy.Count == 0 ? "nowhere" : string.Join(", ", row.AskedBy), "green", row.Green);
        yield return ("", "", "", "", "yellow", row.Yellow);
        yield return ("", "", "", "", "red", row.Red);
    }
}
