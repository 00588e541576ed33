using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Esp;

/// <summary>Counts an SA's traffic and tells its limits (RFC 4301 §4.4.2.1, lifetime).</summary>
internal static unsafe class SaUse
{
    /// <summary>False when the direction is used up and must carry nothing any more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsAllowed(SaTraffic* traffic) => (traffic->Noted & SaNoted.Hard) == 0;

    /// <summary>Counts a packet that the SA carries.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Count(WorkerContext context, ulong sa, SaTraffic* traffic, int bytes, bool outbound)
    {
        traffic->Packets++;
        traffic->Bytes += (uint)bytes;
        traffic->LastUsed = context.Now;
        if (traffic->Limited) CheckLimits(context, sa, traffic, outbound);
    }

    /// <summary>Tells a limit, once.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Note(WorkerContext context, ulong sa, SaTraffic* traffic, SaNoted noted, SaLimit limit, bool outbound)
    {
        if ((traffic->Noted & noted) != 0) return;
        // A notice that finds the ring full is tried again with the next packet; a direction that is used up stays so at once.
        if (context.Notices.TryPush(SaNotice.Limit(sa, limit, outbound)) || noted == SaNoted.Hard) traffic->Noted |= noted;
    }

    private static void CheckLimits(WorkerContext context, ulong sa, SaTraffic* traffic, bool outbound)
    {
        if (IsReached(traffic->SoftBytes, traffic->Bytes) || IsReached(traffic->SoftPackets, traffic->Packets)) Note(context, sa, traffic, SaNoted.Soft, SaLimit.Soft, outbound);
        if (IsReached(traffic->HardBytes, traffic->Bytes) || IsReached(traffic->HardPackets, traffic->Packets)) Note(context, sa, traffic, SaNoted.Hard, SaLimit.Hard, outbound);
    }

    private static bool IsReached(ulong limit, ulong value) => limit != 0 && value >= limit;
}
