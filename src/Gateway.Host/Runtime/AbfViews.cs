using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show abf</c>.</summary>
internal static class AbfViews
{
    public static IEnumerable<AbfRow> Rows(AbfControl steering, string? name)
    {
        foreach (var row in steering.Policies().Where(p => name is null || p.Policy.Name == name))
            yield return new AbfRow
            {
                Name = row.Policy.Name,
                Acl = row.Policy.Acl,
                Interfaces = row.Interfaces,
                NextHops = [.. row.NextHops.Select(h => new AbfHopRow(h.Via?.ToString(), h.Interface, h.Weight, h.IsAway ? "away" : "up", h.Share))],
                Fallback = row.Policy.Drops ? "drop" : "route",
                Packets = row.Rules.Aggregate(0ul, (sum, r) => sum + r.Packets),
                Bytes = row.Rules.Aggregate(0ul, (sum, r) => sum + r.Bytes),
                Entries = name is null ? null : [.. row.Rules.Select(r => new AbfRuleRow(r.Name, r.Packets, r.Bytes))],
            };
    }
}
