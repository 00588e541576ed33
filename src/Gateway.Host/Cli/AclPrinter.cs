using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli;

/// <summary>Prints <c>show acls</c> and <c>show mac-acls</c>: a row for each, or the rules of one that was asked for by its name.</summary>
internal static class AclPrinter
{
    public static void Print(IReadOnlyList<AclRow> acls, Screen screen, string none = "There are no ACLs.")
    {
        screen.Rows(
            acls, none,
            ("ACL", a => a.Name), ("ASKED", a => a.Interfaces.Count == 0 ? "nowhere" : string.Join(", ", a.Interfaces)), ("RULES", a => N(a.Rules)), ("PACKETS", a => N(a.Packets)), ("BYTES", a => Format.Bytes(a.Bytes)));
        if (acls is not [{ Entries: { Count: > 0 } rules }]) return;
        screen.Rows(
            [.. rules.Select((r, i) => (Order: i + 1, Rule: r))], "",
            ("#", r => N(r.Order)), ("RULE", r => r.Rule.Name), ("ACTION", r => r.Rule.Action), ("MATCH", r => r.Rule.Match), ("PACKETS", r => N(r.Rule.Packets)), ("BYTES", r => Format.Bytes(r.Rule.Bytes)));
    }

    private static string N<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
