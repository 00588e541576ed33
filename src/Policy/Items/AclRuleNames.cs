using System.Security.Cryptography;
using System.Text.Json;

namespace Gateway.Policy.Items;

/// <summary>
/// The names under which an ACL's rules are counted and explained: their own, else a word made from what they say. So a rule keeps its name wherever it is moved to, and whatever is put before it.
/// </summary>
public static class AclRuleNames
{
    public static IReadOnlyList<string> Of(AclSpec acl)
    {
        var names = new string[acl.Rules.Count];
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < names.Length; i++) names[i] = acl.Rules[i].Name ?? Unique(Made(acl.Rules[i]), seen);
        return names;
    }

    // A tilde tells it from given names: nobody writes one first.
    private static string Made(AclRule rule) => "~" + Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(rule, PolicyJson.Options)).AsSpan(0, 4));

    private static string Unique(string name, Dictionary<string, int> seen)
    {
        var times = seen[name] = seen.GetValueOrDefault(name) + 1;
        return times == 1 ? name : $"{name}-{times}";
    }
}
