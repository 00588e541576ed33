using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;
using Gateway.Policy.Items;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show policers</c>.</summary>
internal static class PolicerViews
{
    public static IEnumerable<Api.Views.PolicerRow> Rows(GuardControl guarding, RunningConfiguration running, string? name)
    {
        foreach (var row in guarding.Policers().Where(p => name is null || p.Name == name))
            yield return new Api.Views.PolicerRow
            {
                Name = row.Name,
                Mode = JsonNamingPolicy.KebabCaseLower.ConvertName(row.Spec.Mode.ToString()),
                Rate = row.Spec.Rate.ToString(),
                Burst = row.Spec.BurstOrDefault().ToString(),
                AskedBy = [.. row.Interfaces, .. running.ReferrersOf(new ItemKey(ItemCatalog.Policer, row.Name)).Where(r => r.Kind == ItemCatalog.Acl).Select(r => $"acl {r.Name}").Order(StringComparer.Ordinal)],
                Green = Of(row.Spec.Conform, row.Green),
                Yellow = Of(row.Spec.Exceed, row.Yellow),
                Red = Of(row.Spec.Violate, row.Red),
            };
    }

    private static ColorRow Of(PolicerAction action, ColorCount count) => new(action.ToString(), count.Packets, count.Bytes);
}
