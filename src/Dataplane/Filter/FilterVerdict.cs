using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Filter;

/// <summary>What a rule does with a packet that it matches.</summary>
internal enum FilterAction : byte
{
    /// <summary>Lets it go on.</summary>
    Permit,

    /// <summary>Lets it go on, marked <see cref="Buffers.PacketFlags.Reflect"/>: packets of the same flow, both ways, may pass from now on.</summary>
    Reflect,

    /// <summary>Drops it without a word.</summary>
    Deny,

    /// <summary>Drops it and tells its sender.</summary>
    Reject,

    /// <summary>Of no rule, but of a packet: its rule lets it go on, and the rule's policer does not.</summary>
    Exceeded,

    /// <summary>The same of the rule's limit per source.</summary>
    Limited,
}

/// <summary>What becomes of the packets of one rule. Small, so that those of many rules stay in a cache.</summary>
[StructLayout(LayoutKind.Sequential, Size = 1)]
internal struct FilterVerdict
{
    public FilterAction Action;
}
