using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli;

/// <summary>Prints <c>show abf</c>: a row for each policy of forwarding, and the rules of one that was asked for by its name.</summary>
internal static class AbfPrinter
{
    public static void Print(IReadOnlyList<AbfRow> policies, Screen screen)
    {
        screen.Rows(
            policies, "There are no policies of forwarding.",
            ("POLICY", p => p.Name), ("ACL", p => p.Acl), ("INTERFACES", p => p.Interfaces.Count == 0 ? "none" : string.Join(", ", p.Interfaces)), ("NEXT HOPS", p => string.Join(", ", p.NextHops.Select(Text))), ("FALLBACK", p => p.Fallback),
            ("PACKETS", p => N(p.Packets)), ("BYTES", p => Format.Bytes(p.Bytes)));
        if (policies is not [{ Entries: { Count: > 0 } rules }]) return;
        screen.Rows([.. rules.Select((r, i) => (Order: i + 1, Rule: r))], "", ("#", r => N(r.Order)), ("RULE", r => r.Rule.Name), ("PACKETS", r => N(r.Rule.Packets)), ("BYTES", r => Format.Bytes(r.Rule.Bytes)));
    }

    private static string Text(AbfHopRow hop) => $"{hop.Via ?? hop.Interface}{(hop.Weight == 1 ? "" : $" weight {N(hop.Weight)}")}{(hop.State == "away" ? " (away)" : "")}";

    private static string N<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
