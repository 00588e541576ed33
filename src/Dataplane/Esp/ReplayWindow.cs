using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Esp;

/// <summary>What the anti-replay check says of a sequence number.</summary>
internal enum ReplayVerdict
{
    Fresh,

    /// <summary>Left of the window.</summary>
    TooOld,

    /// <summary>Seen before.</summary>
    Repeated,

    /// <summary>A number that no sender uses: zero, or beyond the end of the 64-bit space.</summary>
    Impossible,
}

/// <summary>
/// The anti-replay service (RFC 4303 §3.4.3 and Appendix A) over <see cref="SaHotState"/>. The window is a ring of bits indexed by the number itself, so nothing is shifted
/// and only the bits of numbers that were jumped over are cleared. One worker owns an SA; there are no atomic operations.
/// </summary>
internal static unsafe class ReplayWindow
{
    /// <summary>Bits of the ring for a window of that many packets, minus one.</summary>
    public static uint RingMask(int window) => BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(window, 64, SaHotState.LargestWindow)) - 1;

    /// <summary>
    /// The whole number of a packet on an SA with ESN, from the low half that it carries. False when there is none that a sender could have used.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryInfer(ulong highest, uint window, uint low, out ulong sequence)
    {
        // RFC 4303 Appendix A2.2: a number that lies left of the window in this 2^32 subspace belongs to the next one (case A, the window lies in one subspace),
        // and a number in the part of the window that reaches back over the boundary belongs to the one before (case B).
        var (high, edge) = ((uint)(highest >> 32), (uint)highest);
        var left = edge - (window - 1);
        if (edge >= window - 1)
        {
            sequence = (ulong)(low >= left ? high : high + 1) << 32 | low;
            return low >= left || high != uint.MaxValue;
        }
        sequence = (ulong)(low >= left ? high - 1 : high) << 32 | low;
        return low < left || high != 0;
    }

    /// <summary>The check before the packet is authenticated; the window must not move yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReplayVerdict Check(SaHotState* state, uint window, uint ringMask, ulong sequence)
    {
        var highest = state->HighestInbound;
        // RFC 4303 §2.2: the first packet sent has the number 1, and numbers never cycle while anti-replay is on.
        if (sequence > highest) return ReplayVerdict.Fresh;
        if (sequence == 0) return ReplayVerdict.Impossible;
        if (highest - sequence >= window) return ReplayVerdict.TooOld;
        return (state->Seen[(sequence & ringMask) >> 6] >> (int)(sequence & 63) & 1) == 0 ? ReplayVerdict.Fresh : ReplayVerdict.Repeated;
    }

    /// <summary>Records a number of an authenticated packet that <see cref="Check"/> found fresh.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Record(SaHotState* state, uint ringMask, ulong sequence)
    {
        if (sequence > state->HighestInbound) Advance(state, ringMask, sequence);
        else state->Seen[(sequence & ringMask) >> 6] |= 1UL << (int)(sequence & 63);
    }

    private static void Advance(SaHotState* state, uint ringMask, ulong sequence)
    {
        var first = state->HighestInbound + 1;
        // The edge goes first. When the process ends right after it, the numbers jumped over still wear the bits of those that left the window: they are refused without
        // need, but nothing is accepted twice. The other way round the numbers about to leave would be forgotten while they are still in the window.
        Volatile.Write(ref state->HighestInbound, sequence);
        var words = (ringMask >> 6) + 1;
        var last = 1UL << (int)(sequence & 63);
        if (sequence - first > ringMask)
        {
            new Span<ulong>(state->Seen, (int)words).Clear();
            state->Seen[(sequence & ringMask) >> 6] = last;
            return;
        }
        var upToLast = last | (last - 1);
        var fromFirst = ulong.MaxValue << (int)(first & 63);
        var (word, end) = (first >> 6, sequence >> 6);
        if (word == end)
        {
            var place = state->Seen + ((uint)word & (words - 1));
            *place = (*place & ~(fromFirst & upToLast)) | last;
            return;
        }
        state->Seen[(uint)word & (words - 1)] &= ~fromFirst;
        while (++word < end) state->Seen[(uint)word & (words - 1)] = 0;
        var edge = state->Seen + ((uint)end & (words - 1));
        *edge = (*edge & ~upToLast) | last;
    }
}
