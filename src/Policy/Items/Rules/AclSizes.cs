using System.Net.Sockets;

namespace Gateway.Policy.Items.Rules;

/// <summary>How many entries rules come to when groups are put in their place, without making them: what a rule costs is known before any event is.</summary>
internal sealed class AclSizes(RunningConfiguration all)
{
    /// <summary>Rules of one ACL.</summary>
    public const int MaxRules = 16_384;

    /// <summary>Entries of one ACL: each combination of a source, a destination and ports is one.</summary>
    public const long MaxEntries = 131_072;

    /// <summary>Entries of all ACLs in an interface's list.</summary>
    public const long MaxListEntries = 262_144;

    /// <summary>ACLs in an interface's list.</summary>
    public const int MaxLists = 16;

    private readonly record struct Size(long Ip4, long Ip6, long Ports);

    private readonly Dictionary<string, Size> _groups = new(StringComparer.Ordinal);
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);

    public long Of(AclSpec acl)
    {
        long sum = 0;
        foreach (var rule in acl.Rules.AsSpan()) sum += Of(rule);
        return sum;
    }

    /// <summary>Entries of one rule; 0 when it can match nothing.</summary>
    public long Of(AclRule rule)
    {
        var (from, to) = (Addresses(rule.From), Addresses(rule.To));
        var ports = Ports(rule.FromPorts) * Ports(rule.ToPorts);
        var ip4 = rule.Family == IpFamily.Ipv6 || rule.Protocol?.Number == 58 ? 0 : from.Ip4 * to.Ip4;
        var ip6 = rule.Family == IpFamily.Ipv4 || rule.Protocol?.Number == 1 ? 0 : from.Ip6 * to.Ip6;
        return Math.Min(MaxEntries + 1, Math.Min(MaxEntries + 1, ip4 + ip6) * Math.Min(MaxEntries + 1, ports));
    }

    /// <summary>Whether a group names itself, through others or not.</summary>
    public bool Loops(string group)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var next = new Stack<string>(NamesIn(group));
        while (next.TryPop(out var name))
        {
            if (name == group) return true;
            if (!seen.Add(name)) continue;
            foreach (var further in NamesIn(name)) next.Push(further);
        }

        return false;
    }

    private GroupSpec? Group(string name) => all.TryGetValue(new(ItemCatalog.Group, name), out var item) ? (GroupSpec)item.Spec : null;

    private IEnumerable<string> NamesIn(string name) =>
        Group(name) is { } group ? group.Addresses.Select(a => a.Group).Concat(group.Ports.Select(p => p.Group)).OfType<string>() : [];

    private (long Ip4, long Ip6) Addresses(ValueList<AclAddress> list)
    {
        if (list.Count == 0) return (1, 1);
        var sum = default(Size);
        foreach (var address in list.AsSpan()) sum = Add(sum, Of(address));
        return (sum.Ip4, sum.Ip6);
    }

    private long Ports(ValueList<AclPort> list)
    {
        if (list.Count == 0) return 1;
        long sum = 0;
        foreach (var port in list.AsSpan()) sum = Capped(sum + (port.Group is { } name ? OfGroup(name).Ports : 1));
        return sum;
    }

    private Size Of(AclAddress address) =>
        address.Group is { } name ? OfGroup(name) : address.Prefix!.Family == AddressFamily.InterNetwork ? new(1, 0, 0) : new(0, 1, 0);

    private Size OfGroup(string name)
    {
        if (_groups.TryGetValue(name, out var known)) return known;
        // A loop is an error of its own; here it ends.
        if (!_open.Add(name) || Group(name) is not { } group) return default;
        var sum = default(Size);
        foreach (var address in group.Addresses.AsSpan()) sum = Add(sum, Of(address));
        foreach (var port in group.Ports.AsSpan()) sum = Add(sum, port.Group is { } further ? OfGroup(further) : new(0, 0, 1));
        _open.Remove(name);
        return _groups[name] = sum;
    }

    private static Size Add(Size a, Size b) => new(Capped(a.Ip4 + b.Ip4), Capped(a.Ip6 + b.Ip6), Capped(a.Ports + b.Ports));

    private static long Capped(long number) => Math.Min(MaxEntries + 1, number);
}
