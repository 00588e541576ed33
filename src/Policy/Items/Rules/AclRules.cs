using System.Net.Sockets;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of ACLs.</summary>
internal sealed class AclRules : ItemRules<AclSpec>
{
    private const int MaxName = 64;
    private const int MaxTerms = 4096;

    protected override void Check(string name, AclSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Rules.Count > AclSizes.MaxRules)
        {
            at["rules"].Add(ErrorCode.TooMany, $"An ACL has at most {AclSizes.MaxRules} rules.");
            return;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < spec.Rules.Count && !at.Errors.IsFull; i++)
        {
            var (rule, within) = (spec.Rules[i], at["rules"][i]);
            if (rule.Name is { } own)
            {
                if (!Names.IsPrintable(own, MaxName)) within["name"].Add(ErrorCode.InvalidName, $"A rule's name has 1–{MaxName} characters, no control characters.");
                else if (!names.Add(own)) within["name"].Add(ErrorCode.Conflict, "Another rule of the ACL has this name.");
            }

            CheckAddresses(rule.From, rule, within["from"]);
            CheckAddresses(rule.To, rule, within["to"]);
            CheckFamilies(rule, within);
            CheckProtocol(rule, within);
            if (rule.SourceLimit is not null && rule.Action != AclAction.Permit) within["source_limit"].Add(ErrorCode.NotApplicable, "A limit goes with the action permit only.");
            if (rule.Policer is not null && rule.Action != AclAction.Permit) within["policer"].Add(ErrorCode.NotApplicable, "A policer goes with the action permit only.");
        }
    }

    protected override IEnumerable<Reference> References(AclSpec spec)
    {
        // A group that a thousand rules name is one reference.
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var limits = new HashSet<string>(StringComparer.Ordinal);
        var policers = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < spec.Rules.Count; i++)
        {
            var rule = spec.Rules[i];
            foreach (var (list, field) in new[] { (rule.From, "from"), (rule.To, "to") })
                for (var j = 0; j < list.Count; j++)
                    if (list[j].Group is { } name && seen.Add(name)) yield return new(new(ItemCatalog.Group, name), $".rules[{i}].{field}[{j}]");
            foreach (var (list, field) in new[] { (rule.FromPorts, "from_ports"), (rule.ToPorts, "to_ports") })
                for (var j = 0; j < list.Count; j++)
                    if (list[j].Group is { } name && seen.Add(name)) yield return new(new(ItemCatalog.Group, name), $".rules[{i}].{field}[{j}]");
            if (rule.SourceLimit is { } limit && limits.Add(limit)) yield return new(new(ItemCatalog.SourceLimit, limit), $".rules[{i}].source_limit");
            if (rule.Policer is { } policer && policers.Add(policer)) yield return new(new(ItemCatalog.Policer, policer), $".rules[{i}].policer");
        }
    }

    protected override void CheckAmong(AclSpec spec, RunningConfiguration all, ErrorScope at)
    {
        var sizes = new AclSizes(all);
        long sum = 0;
        for (var i = 0; i < spec.Rules.Count && !at.Errors.IsFull; i++)
        {
            var size = sizes.Of(spec.Rules[i]);
            if (size == 0 && References(spec, i).All(all.ContainsKey)) at["rules"][i].Add(ErrorCode.Conflict, "The rule can match nothing: its addresses are of different families, or its groups do not hold what it needs.");
            sum += size;
            if (sum <= AclSizes.MaxEntries) continue;
            at["rules"][i].Add(ErrorCode.TooMany, $"With its groups in place the ACL has more than {AclSizes.MaxEntries} combinations of source, destination and ports.");
            return;
        }
    }

    // A group that is not there is an error of its own.
    private static IEnumerable<ItemKey> References(AclSpec spec, int rule) =>
        spec.Rules[rule].From.Concat(spec.Rules[rule].To).Select(a => a.Group).Concat(spec.Rules[rule].FromPorts.Concat(spec.Rules[rule].ToPorts).Select(p => p.Group)).OfType<string>().Select(name => new ItemKey(ItemCatalog.Group, name));

    private static void CheckAddresses(ValueList<AclAddress> list, AclRule rule, ErrorScope at)
    {
        if (list.Count > MaxTerms) at.Add(ErrorCode.TooMany, $"There are at most {MaxTerms} addresses here; a group holds more.");
        for (var j = 0; j < list.Count && !at.Errors.IsFull; j++)
        {
            if (list[j].Prefix is not { } prefix) continue;
            if (!prefix.IsCanonical) at[j].Add(ErrorCode.InvalidValue, "The address has bits set beyond the prefix length.");
            else if (rule.Family is { } family && (prefix.Family == AddressFamily.InterNetwork) != (family == IpFamily.Ipv4)) at[j].Add(ErrorCode.Conflict, "The address is not of the rule's family.");
        }
    }

    // What only literal addresses show; groups are looked at when all items are known.
    private static void CheckFamilies(AclRule rule, ErrorScope at)
    {
        if (OneFamily(rule.From) is { } from && OneFamily(rule.To) is { } to && from != to) at["to"].Add(ErrorCode.Conflict, "Source and destination are of different families.");
        var family = rule.Family ?? OneFamily(rule.From) ?? OneFamily(rule.To);
        if (rule.Protocol?.Number == 1 && family == IpFamily.Ipv6) at["protocol"].Add(ErrorCode.Conflict, "Of IPv6 the protocol is icmpv6.");
        if (rule.Protocol?.Number == 58 && family == IpFamily.Ipv4) at["protocol"].Add(ErrorCode.Conflict, "Of IPv4 the protocol is icmp.");
    }

    private static IpFamily? OneFamily(ValueList<AclAddress> list)
    {
        IpFamily? only = null;
        foreach (var address in list.AsSpan())
        {
            if (address.Prefix is null) return null;
            var family = address.Prefix.Family == AddressFamily.InterNetwork ? IpFamily.Ipv4 : IpFamily.Ipv6;
            if (only is not null && only != family) return null;
            only = family;
        }

        return only;
    }

    private static void CheckProtocol(AclRule rule, ErrorScope at)
    {
        var ports = rule.Protocol is { HasPorts: true };
        foreach (var (list, field) in new[] { (rule.FromPorts, "from_ports"), (rule.ToPorts, "to_ports") })
        {
            if (list.Count > MaxTerms) at[field].Add(ErrorCode.TooMany, $"There are at most {MaxTerms} ports here; a group holds more.");
            if (list.Count > 0 && !ports) at[field].Add(ErrorCode.NotApplicable, "Ports go with the protocols tcp, udp, dccp, sctp and udplite only.");
        }

        if (rule.TcpFlags is not null && rule.Protocol?.Number != 6) at["tcp_flags"].Add(ErrorCode.NotApplicable, "Flags go with the protocol tcp only.");
        if (rule.IcmpType is not null && rule.Protocol?.Number is not (1 or 58)) at["icmp_type"].Add(ErrorCode.NotApplicable, "A type goes with the protocols icmp and icmpv6 only.");
        if (rule.IcmpCode is not null && rule.IcmpType is null) at["icmp_code"].Add(ErrorCode.NotApplicable, "A code goes with a type.");
        if (rule.Fragments == FragmentMatch.Later && (rule.FromPorts.Count > 0 || rule.ToPorts.Count > 0 || rule.TcpFlags is not null || rule.IcmpType is not null))
            at["fragments"].Add(ErrorCode.NotApplicable, "Later fragments show neither ports nor flags nor a type.");
    }
}
