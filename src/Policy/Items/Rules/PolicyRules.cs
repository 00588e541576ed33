using System.Net.Sockets;
using Gateway.Policy.Commands;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of security policies.</summary>
internal sealed class PolicyRules : ItemRules<PolicySpec>
{
    private const int MaxSelectors = 64;

    protected override void Check(string name, PolicySpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.LocalTs.Count > MaxSelectors) at["local_ts"].Add(ErrorCode.TooMany, $"There are at most {MaxSelectors} selectors.");
        if (spec.RemoteTs.Count > MaxSelectors) at["remote_ts"].Add(ErrorCode.TooMany, $"There are at most {MaxSelectors} selectors.");
        if (spec.LocalTs.Count > 0 && spec.RemoteTs.Count > 0 && !Families(spec.LocalTs).Intersect(Families(spec.RemoteTs)).Any())
            at["remote_ts"].Add(ErrorCode.Conflict, "No packet can match: local and remote selectors have no address family in common.");
    }

    private static IEnumerable<AddressFamily> Families(ValueList<TrafficSelector> selectors) => selectors.Select(s => s.Family);
}
