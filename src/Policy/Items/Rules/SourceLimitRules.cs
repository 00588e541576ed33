using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of limits per source.</summary>
internal sealed class SourceLimitRules : ItemRules<SourceLimitSpec>
{
    /// <summary>A burst that takes longer to come back is a quota, and outlives what the table can tell apart.</summary>
    private const int LongestBurst = 60;

    private const int MaxLimits = 64;

    protected override void Check(string name, SourceLimitSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.PacketsPerSecond is null && spec.FlowsPerSecond is null) at["packets_per_second"].Add(ErrorCode.MissingField, "Either packets_per_second or flows_per_second must be given.");
        foreach (var (rate, burst, field) in new[] { (spec.PacketsPerSecond, spec.PacketBurst, "packet_burst"), (spec.FlowsPerSecond, spec.FlowBurst, "flow_burst") })
        {
            if (burst is null) continue;
            if (rate is null) at[field].Add(ErrorCode.NotApplicable, "A burst goes with its rate.");
            else if (burst > (long)rate * LongestBurst) at[field].Add(ErrorCode.OutOfRange, $"A burst is at most what the rate brings in {LongestBurst} seconds.");
        }
    }

    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        if (all.OfKind(ItemCatalog.SourceLimit).Count() <= MaxLimits) return;
        foreach (var (key, at) in put)
            if (key.Kind == ItemCatalog.SourceLimit)
            {
                at.Add(ErrorCode.TooMany, $"There are at most {MaxLimits} limits per source.");
                return;
            }
    }
}
