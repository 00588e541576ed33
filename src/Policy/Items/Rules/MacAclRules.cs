using System.Numerics;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of MAC ACLs.</summary>
internal sealed class MacAclRules : ItemRules<MacAclSpec>
{
    /// <summary>Rules of one MAC ACL, and prefixes of all its rules together.</summary>
    public const int MaxRules = 16_384;

    /// <summary>Rules without one whole MAC address are asked one after the other, for each frame.</summary>
    private const int MaxUnsorted = 256;
    private const int MaxName = 64;

    protected override void Check(string name, MacAclSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Rules.Count > MaxRules)
        {
            at["rules"].Add(ErrorCode.TooMany, $"A MAC ACL has at most {MaxRules} rules.");
            return;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var (unsorted, entries) = (0, 0);
        for (var i = 0; i < spec.Rules.Count && !at.Errors.IsFull; i++)
        {
            var (rule, within) = (spec.Rules[i], at["rules"][i]);
            if (rule.Name is { } own)
            {
                if (!Names.IsPrintable(own, MaxName)) within["name"].Add(ErrorCode.InvalidName, $"A rule's name has 1–{MaxName} characters, no control characters.");
                else if (!names.Add(own)) within["name"].Add(ErrorCode.Conflict, "Another rule of the MAC ACL has this name.");
            }

            CheckMask(rule.From, rule.FromMask, within["from_mask"]);
            CheckMask(rule.To, rule.ToMask, within["to_mask"]);
            for (var j = 0; j < rule.SourceIp.Count && !at.Errors.IsFull; j++)
                if (!rule.SourceIp[j].IsCanonical) within["source_ip"][j].Add(ErrorCode.InvalidValue, "The address has bits set beyond the prefix length.");
            if (rule is { SourceIp.Count: > 0, Ethertype: { } type } && type.Number is not (0x0800 or 0x0806 or 0x86DD)) within["source_ip"].Add(ErrorCode.NotApplicable, "Only ipv4, ipv6 and arp speak for IP addresses.");
            entries += Math.Max(1, rule.SourceIp.Count);
            if (!IsWhole(rule.From, rule.FromMask) && !IsWhole(rule.To, rule.ToMask)) unsorted += Math.Max(1, rule.SourceIp.Count);
        }

        if (entries > MaxRules) at["rules"].Add(ErrorCode.TooMany, $"All rules together have at most {MaxRules} prefixes.");
        if (unsorted > MaxUnsorted) at["rules"].Add(ErrorCode.TooMany, $"At most {MaxUnsorted} rules, or their prefixes, may be without one whole MAC address in from or to.");
    }

    private static bool IsWhole(MacAddress? mac, MacAddress? mask) => mac is not null && (mask is null || BitOperations.PopCount(mask.Value.Value) == 48);

    private static void CheckMask(MacAddress? mac, MacAddress? mask, ErrorScope at)
    {
        if (mask is null) return;
        if (mac is null) at.Add(ErrorCode.NotApplicable, "A mask goes with an address.");
        else if ((mac.Value.Value & ~mask.Value.Value) != 0) at.Add(ErrorCode.InvalidValue, "The address has bits set that the mask leaves out.");
    }
}
