using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli;

/// <summary>Prints <c>show bridges</c>: a row for each member, and the stations of one that was asked for by its name.</summary>
internal static class BridgePrinter
{
    public static void Print(IReadOnlyList<BridgeRow> bridges, Screen screen)
    {
        screen.Rows(
            [.. bridges.SelectMany(Lines)], "There are no bridges.",
            ("BRIDGE", r => r.Bridge), ("MEMBER", r => r.Member), ("STATE", r => r.State), ("GROUP", r => r.Group), ("MACS", r => r.Macs));
        if (bridges is not [{ Stations: { Count: > 0 } stations }]) return;
        screen.Rows(
            stations, "", ("MAC", s => s.Mac), ("INTERFACE", s => s.Interface), ("SOURCE", s => s.Source),
            ("SEEN", s => s.SecondsSinceSeen is { } seconds ? Format.Span(TimeSpan.FromSeconds(seconds)) + " ago" : ""));
    }

    private static IEnumerable<(string Bridge, string Member, string State, string Group, string Macs)> Lines(BridgeRow bridge)
    {
        yield return (bridge.Name, bridge.Bvi is { } bvi ? $"{bvi} (bvi)" : "", "", "", string.Create(CultureInfo.InvariantCulture, $"{bridge.Macs} of {bridge.MacLimit}"));
        foreach (var member in bridge.Members)
            yield return ("", member.Interface, member.State, member.SplitHorizonGroup == 0 ? "" : member.SplitHorizonGroup.ToString(CultureInfo.InvariantCulture), member.Macs.ToString(CultureInfo.InvariantCulture));
    }
}
