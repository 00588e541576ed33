using System.Security.Cryptography;
using System.Text.Json;

namespace Gateway.Policy.Items;

/// <summary>The names under which a MAC ACL's rules are counted: their own, else a word made from what they say, as of <see cref="AclRuleNames"/>.</summary>
public static class MacAclRuleNames
{
    public static IReadOnlyList<string> Of(MacAclSpec acl)
    {
        var names = new string[acl.Rules.Count];
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < names.Length; i++)
        {
            var name = names[i] = acl.Rules[i].Name ?? "~" + Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(acl.Rules[i], PolicyJson.Options)).AsSpan(0, 4));
            if (acl.Rules[i].Name is not null) continue;
            var times = seen[name] = seen.GetValueOrDefault(name) + 1;
            if (times > 1) names[i] = $"{name}-{times}";
        }

        return names;
    }
}
