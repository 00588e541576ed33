using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Tables;

/// <summary>What a rule of the SPD does with a packet (RFC 4301 §4.4.1).</summary>
internal enum SpdAction : byte
{
    /// <summary>No rule: as bypass.</summary>
    None,
    Protect,
    Bypass,
    Discard,
}

/// <summary>One line of the SPD: one local with one remote selector of a policy. Native; written by the control side, except for <see cref="LastAcquire"/>.</summary>
internal unsafe struct SpdRule<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    public SpdRange<TAddress> Local;
    public SpdRange<TAddress> Remote;

    /// <summary>Lower is looked at first (<see cref="SpdRank"/>).</summary>
    public ulong Rank;

    /// <summary>Decides between rules of the same rank: lower first.</summary>
    public ulong Order;

    public SpdAction Action;

    /// <summary>Packets wait for an SA instead of being dropped.</summary>
    public bool Holds;

    /// <summary>It selects only what is routed into the ipsec interface with this number; 0 in the tables of all other packets.</summary>
    public uint IfId;

    /// <summary>Number of the policy, for notices.</summary>
    public uint Policy;

    /// <summary>SAD index of the SA that protects outbound packets now; 0 none.</summary>
    public uint Sa;

    /// <summary>Monotonic nanoseconds of the last acquire notice; written by workers, where losing a race costs one notice more.</summary>
    public long LastAcquire;

    /// <summary>The next rule of the bucket, in each of the two generations of a growing table.</summary>
    public fixed ulong Next[2];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Matches(in SpdKey<TAddress> key) =>
        Remote.Contains(key.Remote, key.RemotePort, key.Protocol, key.HasPorts) && Local.Contains(key.Local, key.LocalPort, key.Protocol, key.HasPorts);

    /// <summary>Whether this rule is looked at before the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Precedes(in SpdRule<TAddress> other) => Rank < other.Rank || (Rank == other.Rank && Order < other.Order);
}
