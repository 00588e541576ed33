using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Views;

/// <summary>
/// Children that let packets pass or drop them: policy items, named CONNECTION-CHILD when they came out of a connection. Over vici they are shown under
/// their connection again.
/// </summary>
internal static class Shunts
{
    /// <summary>The connection and child that a policy item was, or no connection and its own name.</summary>
    public static (string? Connection, string Child) Split(RunningConfiguration running, string policy)
    {
        // The longest name that fits: both parts may hold hyphens.
        for (var at = policy.LastIndexOf('-'); at > 0; at = policy.LastIndexOf('-', at - 1))
            if (at < policy.Length - 1 && running.ContainsKey(new ItemKey(ItemCatalog.Connection, policy[..at]))) return (policy[..at], policy[(at + 1)..]);
        return (null, policy);
    }

    /// <summary>Those of one connection, by the names of their children.</summary>
    public static IEnumerable<(string Child, PolicySpec Spec)> Of(RunningConfiguration running, string connection) =>
        running.OfKind(ItemCatalog.Policy).OrderBy(i => i.Key.Name, StringComparer.Ordinal)
            .Select(i => (Part: Split(running, i.Key.Name), Spec: (PolicySpec)i.Spec)).Where(p => p.Part.Connection == connection).Select(p => (p.Part.Child, p.Spec));

    public static string Mode(PolicySpec spec) => spec.Action == PolicyAction.Bypass ? "PASS" : "DROP";
}
