using System.Numerics;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>Asks for the CHILD SA that a packet needs (RFC 4301 §4.4.1: such a packet triggers its negotiation).</summary>
internal static unsafe class Acquire
{
    /// <summary>It is told at most this often for a rule, ns.</summary>
    private const long Interval = 1_000_000_000;

    /// <summary>Counts of the nodes that use this.</summary>
    public enum Count : ushort
    {
        Acquires,
        Held,
    }

    public static (Count Count, string Sentence)[] Counts { get; } =
    [
        (Count.Acquires, "Times that a CHILD SA was asked for because a packet needs it."),
        (Count.Held, "Packets that were kept until the CHILD SA that they asked for is up."),
    ];

    /// <summary>
    /// Asks for the SA of a packet, and keeps the packet until it is up where the rule says so; false when the packet is not kept. RFC 4301 §4.4.1 leaves it open what becomes of
    /// it; a host's first one is not to be lost where its SA is on its way.
    /// </summary>
    public static bool Keep<TAddress>(ref Frame frame, SpdRule<TAddress>* rule, in SpdKey<TAddress> key, uint index)
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        if (Tell(ref frame, rule, key)) frame.Add(Count.Acquires);
        if (!rule->Holds || !frame.Context.Held.TryHold(index, rule->Policy, frame.Node, frame.Now)) return false;
        frame.Add(Count.Held);
        return true;
    }

    /// <summary>Whether it was told now.</summary>
    private static bool Tell<TAddress>(ref Frame frame, SpdRule<TAddress>* rule, in SpdKey<TAddress> key)
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        if (rule->LastAcquire != 0 && frame.Now - rule->LastAcquire < Interval) return false;
        rule->LastAcquire = frame.Now;
        frame.Context.Notices.TryPush(SaNotice.Acquire(
            rule->Policy, sizeof(TAddress) == 16, UInt128.CreateTruncating(key.Local), UInt128.CreateTruncating(key.Remote), key.Protocol, key.LocalPort, key.RemotePort));
        return true;
    }
}
