using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Proposals;

/// <summary>Reduces the traffic selectors that a peer offers to what our policy allows (RFC 7296 §2.9).</summary>
public static class Narrowing
{
    /// <summary>The most selectors that a TS payload can hold (RFC 7296 §3.13: the count is one octet).</summary>
    public const int MaxSelectors = 255;

    /// <summary>
    /// All traffic that both lists select, in the order of the offer and without selectors that others contain. Empty means TS_UNACCEPTABLE.
    /// </summary>
    /// <remarks>
    /// RFC 7296 §2.9: the first selector of an offer may be that of the packet which caused it; since everything in common is kept,
    /// the part of it that policy allows is kept too.
    /// </remarks>
    public static ValueList<TrafficSelector> Narrow(ValueList<TrafficSelector> configured, ValueList<TrafficSelector> offered)
    {
        var common = new List<TrafficSelector>();
        foreach (var theirs in offered.AsSpan())
            foreach (var ours in configured.AsSpan())
                if (ours.Intersect(theirs) is { } both) Add(common, both);
        return common.Take(MaxSelectors).ToValueList();
    }

    /// <summary>Whether an answer selects nothing beyond what we offered: a responder may narrow, never widen (RFC 7296 §2.9).</summary>
    public static bool IsWithin(ValueList<TrafficSelector> answer, ValueList<TrafficSelector> offered) =>
        answer.Count > 0 && answer.All(a => offered.Any(o => o.Contains(a)));

    private static void Add(List<TrafficSelector> list, TrafficSelector selector)
    {
        if (list.Exists(s => s.Contains(selector))) return;
        list.RemoveAll(selector.Contains);
        list.Add(selector);
    }
}
