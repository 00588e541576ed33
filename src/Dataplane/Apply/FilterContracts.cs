using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>The ACLs of an interface.</summary>
/// <param name="In">Names of ACLs for what comes in.</param>
/// <param name="Out">Names of ACLs for what is routed out.</param>
/// <param name="Default">What becomes of packets that no rule matches; null is to deny, where there is a list.</param>
public sealed record AclBinding(IReadOnlyList<string> In, IReadOnlyList<string> Out, AclDefault? Default)
{
    /// <summary>Whether packets that come in are held to rules.</summary>
    public bool Guards => In.Count > 0 || Default is not null;

    /// <summary>What leaves is denied where no list permits it, also without a list.</summary>
    public bool DeniesOut { get; init; }

    public bool IsEmpty => !Guards && !DeniesOut && Out.Count == 0;
}

/// <summary>A row of `show acls`.</summary>
/// <param name="Spec">Its rules.</param>
/// <param name="Rules">Name, packets and bytes of each rule.</param>
/// <param name="Interfaces">Where it is asked, as `in lan` or `out wan`.</param>
public sealed record AclRow(string Name, AclSpec Spec, IReadOnlyList<AclRuleCount> Rules, IReadOnlyList<string> Interfaces);

/// <summary>What a rule matched so far.</summary>
public sealed record AclRuleCount(string Name, ulong Packets, ulong Bytes);

/// <summary>What the end of an interface's lists was used for.</summary>
public sealed record AclEndCount(IReadOnlyList<string> Lists, bool Permits, ulong Packets, ulong Bytes);
