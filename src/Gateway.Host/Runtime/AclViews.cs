using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show acls</c>.</summary>
internal static class AclViews
{
    public static IEnumerable<Api.Views.AclRow> Rows(FilterControl filtering, string? name)
    {
        foreach (var row in filtering.Acls().Where(a => name is null || a.Name == name))
            yield return new Api.Views.AclRow
            {
                Name = row.Name,
                Interfaces = row.Interfaces,
                Rules = row.Rules.Count,
                Packets = row.Rules.Aggregate(0ul, (sum, r) => sum + r.Packets),
                Bytes = row.Rules.Aggregate(0ul, (sum, r) => sum + r.Bytes),
                Entries = name is null ? null : [.. row.Rules.Select((r, i) => new Api.Views.AclRuleRow(r.Name, Word(row.Spec.Rules[i].Action), Match(row.Spec.Rules[i]), r.Packets, r.Bytes))],
            };
    }

    /// <summary>What a rule matches, in words: <c>tcp from 10.0.0.0/8 to servers port 443 syn,!ack</c>.</summary>
    internal static string Match(AclRule rule)
    {
        var words = new List<string>();
        if (rule.Family is { } family) words.Add(Word(family));
        if (rule.Protocol is { } protocol) words.Add(protocol.ToString());
        words.Add("from " + Any(rule.From));
        if (rule.FromPorts.Count > 0) words.Add("port " + string.Join(',', rule.FromPorts));
        words.Add("to " + Any(rule.To));
        if (rule.ToPorts.Count > 0) words.Add("port " + string.Join(',', rule.ToPorts));
        if (rule.TcpFlags is { } flags) words.Add(flags.ToString());
        if (rule.IcmpType is { } type) words.Add(rule.IcmpCode is { } code ? $"type {type} code {code}" : $"type {type}");
        if (rule.Fragments is { } fragments) words.Add(fragments == FragmentMatch.None ? "no fragments" : $"{Word(fragments)} fragments");
        return string.Join(' ', words);
    }

    private static string Any(ValueList<AclAddress> list) => list.Count == 0 ? "any" : string.Join(',', list);

    private static string Word<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
