using System.Net.Sockets;
using Gateway.Policy.Commands;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of an interface without addresses of its own, and of one that answers for hosts elsewhere.</summary>
internal static class LinkNeighborRules
{
    private const int MaxRanges = 64;

    public static void Check(string name, InterfaceSpec spec, ErrorScope at)
    {
        if (spec.Unnumbered is { } lender)
        {
            if (lender == name) at["unnumbered"].Add(ErrorCode.Conflict, "An interface cannot borrow its own addresses.");
            if (spec.Addresses.Count > 0) at["addresses"].Add(ErrorCode.Conflict, "An unnumbered interface has no addresses of its own.");
            if (spec.Type == InterfaceType.Loopback) at["unnumbered"].Add(ErrorCode.NotApplicable, "A loopback is nothing but its addresses.");
        }

        if (spec.Neighbors is { } times) CheckTimes(times, at["neighbors"]);
        CheckRanges(spec.ProxyArp, AddressFamily.InterNetwork, at["proxy_arp"]);
        CheckRanges(spec.ProxyNd, AddressFamily.InterNetworkV6, at["proxy_nd"]);
        if (spec.IsPointToPoint)
            foreach (var (field, given) in (ReadOnlySpan<(string, bool)>)[("proxy_arp", spec.ProxyArp.Count > 0), ("proxy_nd", spec.ProxyNd.Count > 0)])
                if (given) at[field].Add(ErrorCode.NotApplicable, "Its one other end asks for no neighbors.");
        if (spec.ProxySameLink && spec.ProxyArp.Count + spec.ProxyNd.Count == 0) at["proxy_same_link"].Add(ErrorCode.NotApplicable, "This goes with 'proxy_arp' or 'proxy_nd'.");
    }

    public static IEnumerable<Reference> References(InterfaceSpec spec) => spec.Unnumbered is { } lender ? [new(new(ItemCatalog.Interface, lender), ".unnumbered")] : [];

    /// <summary>Whoever of the two is put.</summary>
    public static void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        foreach (var item in all.OfKind(ItemCatalog.Interface))
        {
            if (item.Spec is not InterfaceSpec { Unnumbered: { } name } spec || name == item.Key.Name) continue;
            if (!all.TryGetValue(new(ItemCatalog.Interface, name), out var other) || other.Spec is not InterfaceSpec lender) continue;
            var fault = lender.Unnumbered is not null ? "An interface cannot borrow what another has borrowed."
                : VrfSpec.Canonical(lender.Vrf) != VrfSpec.Canonical(spec.Vrf) ? "Both interfaces must be in the same VRF." : null;
            if (fault is null) continue;
            if (put.TryGetValue(item.Key, out var at)) at["unnumbered"].Add(ErrorCode.Conflict, fault);
            else if (put.TryGetValue(other.Key, out at)) at[lender.Unnumbered is not null ? "unnumbered" : "vrf"].Add(ErrorCode.Conflict, $"{item.Key} borrows its addresses. {fault}");
        }
    }

    private static void CheckTimes(NeighborSettingsSpec spec, ErrorScope at)
    {
        foreach (var (field, time, low, high) in (ReadOnlySpan<(string, SwanDuration, long, long)>)
            [("reachable_time", spec.ReachableTime, 1, 86_400), ("delay_time", spec.DelayTime, 0, 3_600), ("retrans_time", spec.RetransTime, 1, 60), ("forget_time", spec.ForgetTime, 1, 604_800)])
            if (time.Seconds < low || time.Seconds > high) at[field].Add(ErrorCode.OutOfRange, $"Expected {low}s to {high}s.");
    }

    private static void CheckRanges(ValueList<TrafficSelector> ranges, AddressFamily family, ErrorScope at)
    {
        if (ranges.Count > MaxRanges) at.Add(ErrorCode.TooMany, $"There are at most {MaxRanges} ranges.");
        for (var i = 0; i < ranges.Count; i++)
        {
            var range = ranges[i];
            if (range.Family != family) at[i].Add(ErrorCode.InvalidValue, family == AddressFamily.InterNetwork ? "Expected IPv4 addresses." : "Expected IPv6 addresses.");
            else if (range.Protocol != 0 || !range.IsAnyPort) at[i].Add(ErrorCode.InvalidValue, "Expected addresses without protocol and port.");
            else if (Addresses.FaultOfUnicast(range.End) is { } fault) at[i].Add(ErrorCode.InvalidValue, fault);
        }
    }
}
