using System.Numerics;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>Asks for the CHILD SA that a packet needs (RFC 4301 §4.4.1: such a packet triggers its negotiation).</summary>
internal static unsafe class Acquire
{
    /// <summary>It is told at most this often for a rule, ns.</summary>
    private const long Interval = 1_000_000_000;

    /// <summary>Whether it was told now.</summary>
    public static bool Tell<TAddress>(ref Frame frame, SpdRule<TAddress>* rule, in SpdKey<TAddress> key)
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        if (rule->LastAcquire != 0 && frame.Now - rule->LastAcquire < Interval) return false;
        rule->LastAcquire = frame.Now;
        frame.Context.Notices.TryPush(SaNotice.Acquire(
            rule->Policy, sizeof(TAddress) == 16, UInt128.CreateTruncating(key.Local), UInt128.CreateTruncating(key.Remote), key.Protocol, key.LocalPort, key.RemotePort));
        return true;
    }
}
