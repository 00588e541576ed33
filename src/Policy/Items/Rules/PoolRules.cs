using System.Net;
using System.Net.Sockets;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of pools.</summary>
internal sealed class PoolRules : ItemRules<PoolSpec>
{
    private const int MaxOfEach = 32;

    protected override void Check(string name, PoolSpec spec, ValidationContext context, ErrorScope at)
    {
        if (!PoolSpec.TryRange(spec.Addrs, out var range)) at["addrs"].Add(ErrorCode.InvalidValue, "Expected a prefix such as 10.3.0.0/24 or a range such as 10.3.0.5-10.3.0.9.");
        else if (Addresses.FaultOfUnicast(range.Start) is { } low) at["addrs"].Add(ErrorCode.InvalidValue, low);
        else if (Addresses.FaultOfUnicast(range.End) is { } high) at["addrs"].Add(ErrorCode.InvalidValue, high);
        CheckServers(spec.Dns, at["dns"]);
        CheckServers(spec.Nbns, at["nbns"], AddressFamily.InterNetwork);
        CheckServers(spec.Dhcp, at["dhcp"]);
        CheckCount(spec.Netmask.Count, at["netmask"]);
        for (var i = 0; i < spec.Netmask.Count; i++)
            if (spec.Netmask[i].AddressFamily != AddressFamily.InterNetwork) at["netmask"][i].Add(ErrorCode.InvalidValue, "There are netmasks of IPv4 only.");
        CheckNetworks(spec.Subnet, at["subnet"]);
        CheckNetworks(spec.SplitInclude, at["split_include"], AddressFamily.InterNetwork);
        CheckNetworks(spec.SplitExclude, at["split_exclude"], AddressFamily.InterNetwork);
    }

    // Two pools with an address in common could give it to two peers.
    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        var ranges = all.OfKind(ItemCatalog.Pool).Select(i => (i.Key, Range: PoolSpec.TryRange(((PoolSpec)i.Spec).Addrs, out var range) ? range : null)).Where(p => p.Range is not null)
            .OrderBy(p => p.Range!.Family).ThenBy(p => Addresses.Number(p.Range!.Start)).ToList();
        for (var i = 1; i < ranges.Count; i++)
        {
            var (before, after) = (ranges[i - 1], ranges[i]);
            if (before.Range!.Intersect(after.Range!) is null) continue;
            var (key, other) = put.ContainsKey(after.Key) ? (after.Key, before.Key) : (before.Key, after.Key);
            if (put.TryGetValue(key, out var at)) at["addrs"].Add(ErrorCode.Conflict, $"{other} has addresses of this pool too.");
        }
    }

    private static void CheckServers(ValueList<IPAddress> servers, ErrorScope at, AddressFamily? family = null)
    {
        CheckCount(servers.Count, at);
        for (var i = 0; i < servers.Count; i++)
        {
            if (family is { } f && servers[i].AddressFamily != f) at[i].Add(ErrorCode.InvalidValue, "Expected an IPv4 address.");
            else if (Addresses.FaultOfUnicast(servers[i]) is { } fault) at[i].Add(ErrorCode.InvalidValue, fault);
        }
    }

    private static void CheckNetworks(ValueList<IpPrefix> networks, ErrorScope at, AddressFamily? family = null)
    {
        CheckCount(networks.Count, at);
        for (var i = 0; i < networks.Count; i++)
            if (family is { } f && networks[i].Family != f) at[i].Add(ErrorCode.InvalidValue, "Expected an IPv4 prefix.");
    }

    private static void CheckCount(int count, ErrorScope at)
    {
        if (count > MaxOfEach) at.Add(ErrorCode.TooMany, $"There are at most {MaxOfEach}.");
    }
}
