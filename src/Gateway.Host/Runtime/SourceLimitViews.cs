using Gateway.Dataplane.Apply;
using Gateway.Policy.Items;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show source-limits</c>.</summary>
internal static class SourceLimitViews
{
    public static IEnumerable<Api.Views.SourceLimitRow> Rows(GuardControl guarding, RunningConfiguration running, string? name)
    {
        foreach (var row in guarding.SourceLimits().Where(l => name is null || l.Name == name))
            yield return new Api.Views.SourceLimitRow
            {
                Name = row.Name,
                PacketsPerSecond = row.Spec.PacketsPerSecond,
                FlowsPerSecond = row.Spec.FlowsPerSecond,
                AskedBy = [.. row.Interfaces, .. running.ReferrersOf(new ItemKey(ItemCatalog.SourceLimit, row.Name)).Where(r => r.Kind == ItemCatalog.Acl).Select(r => $"acl {r.Name}").Order(StringComparer.Ordinal)],
                Active = row.Active,
                Limited = row.Limited,
                Passed = row.Passed,
                Dropped = row.Dropped,
                FlowsDropped = row.FlowsDropped,
                Crowded = row.Crowded,
            };
    }
}
