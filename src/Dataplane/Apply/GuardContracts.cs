using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>What an interface asks of its frames.</summary>
public sealed record GuardBinding
{
    /// <summary>Name of the policer for what comes in; null none.</summary>
    public string? PolicerIn { get; init; }

    /// <summary>Name of the policer for what leaves; null none.</summary>
    public string? PolicerOut { get; init; }

    /// <summary>Name of the limit per source for what comes in; null none.</summary>
    public string? SourceLimit { get; init; }

    /// <summary>Names of MAC ACLs for what comes in.</summary>
    public ValueList<string> MacIn { get; init; }

    /// <summary>Names of MAC ACLs for what leaves.</summary>
    public ValueList<string> MacOut { get; init; }

    /// <summary>What becomes of frames that no rule of the lists matches; null is to deny.</summary>
    public AclDefault? MacDefault { get; init; }

    /// <summary>What of an interface's item it is.</summary>
    public static GuardBinding Of(InterfaceSpec spec) => new()
    {
        PolicerIn = spec.PolicerIn,
        PolicerOut = spec.PolicerOut,
        SourceLimit = spec.SourceLimit,
        MacIn = spec.MacAclIn,
        MacOut = spec.MacAclOut,
        MacDefault = spec.MacAclDefault,
    };

    /// <summary>The items that it names.</summary>
    public IEnumerable<ItemKey> Names()
    {
        foreach (var policer in new[] { PolicerIn, PolicerOut }.OfType<string>().Distinct()) yield return new(ItemCatalog.Policer, policer);
        if (SourceLimit is not null) yield return new(ItemCatalog.SourceLimit, SourceLimit);
        foreach (var acl in MacIn.Concat(MacOut).Distinct()) yield return new(ItemCatalog.MacAcl, acl);
    }
}

/// <summary>Packets and octets of one color.</summary>
public sealed record ColorCount(ulong Packets, ulong Bytes);

/// <summary>A row of `show policers`.</summary>
/// <param name="Interfaces">Where it is asked, as `in lan` or `out wan`.</param>
public sealed record PolicerRow(string Name, PolicerSpec Spec, IReadOnlyList<string> Interfaces, ColorCount Green, ColorCount Yellow, ColorCount Red);

/// <summary>A row of `show source-limits`.</summary>
/// <param name="Interfaces">Where it is asked, as `in lan`.</param>
/// <param name="Active">Sources that sent lately.</param>
/// <param name="Limited">Those of them that used up what they may.</param>
/// <param name="Passed">Packets that passed.</param>
/// <param name="Dropped">Packets that did not.</param>
/// <param name="FlowsDropped">Flows that did not begin.</param>
/// <param name="Crowded">Packets and flows of sources that took over what another one used, for want of a place.</param>
public sealed record SourceLimitRow(string Name, SourceLimitSpec Spec, IReadOnlyList<string> Interfaces, int Active, int Limited, ulong Passed, ulong Dropped, ulong FlowsDropped, ulong Crowded);

/// <summary>A row of `show mac-acls`.</summary>
/// <param name="Rules">Name, packets and bytes of each rule.</param>
/// <param name="Interfaces">Where it is asked, as `in lan` or `out wan`.</param>
public sealed record MacAclRow(string Name, MacAclSpec Spec, IReadOnlyList<AclRuleCount> Rules, IReadOnlyList<string> Interfaces);
