using System.Globalization;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;
using Gateway.Policy.Items;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show mac-acls</c>.</summary>
internal static class MacAclViews
{
    public static IEnumerable<Api.Views.AclRow> Rows(GuardControl guarding, string? name)
    {
        foreach (var row in guarding.MacAcls().Where(a => name is null || a.Name == name))
            yield return new Api.Views.AclRow
            {
                Name = row.Name,
                Interfaces = row.Interfaces,
                Rules = row.Rules.Count,
                Packets = row.Rules.Aggregate(0ul, (sum, r) => sum + r.Packets),
                Bytes = row.Rules.Aggregate(0ul, (sum, r) => sum + r.Bytes),
                Entries = name is null ? null : [.. row.Rules.Select((r, i) => new AclRuleRow(r.Name, JsonNamingPolicy.KebabCaseLower.ConvertName(row.Spec.Rules[i].Action.ToString()), Match(row.Spec.Rules[i]), r.Packets, r.Bytes))],
            };
    }

    /// <summary>What a rule matches, in words: <c>arp from 02:00:00:00:00:05 to any ip 10.1.0.5/32</c>.</summary>
    internal static string Match(MacAclRule rule)
    {
        var words = new List<string>();
        if (rule.Ethertype is { } type) words.Add(type.ToString());
        if (rule.Vlan is { } vlan) words.Add(vlan == 0 ? "untagged" : string.Create(CultureInfo.InvariantCulture, $"vlan {vlan}"));
        words.Add("from " + Station(rule.From, rule.FromMask));
        words.Add("to " + Station(rule.To, rule.ToMask));
        if (rule.SourceIp.Count > 0) words.Add("ip " + string.Join(',', rule.SourceIp));
        return string.Join(' ', words);
    }

    private static string Station(MacAddress? mac, MacAddress? mask) => mac is null ? "any" : mask is null ? $"{mac}" : $"{mac}/{mask}";
}
