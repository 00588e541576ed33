using System.Runtime.CompilerServices;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Guard;

/// <summary>
/// Colors packets. A worker takes what all its packets of a frame could cost out of the shared buckets at once, colors them one after the other, and puts the rest back: the rate holds over all workers together, however
/// the packets are spread over them, and a frame costs a few atomic operations, not a packet.
/// </summary>
internal static unsafe class Policing
{
    /// <summary>Judges packets that came at the same time. Those that pass are marked where the policer says so.</summary>
    /// <param name="policer">A policer, which may be gone: then all pass.</param>
    /// <param name="worker">Number of the worker, which counts.</param>
    /// <param name="now">Monotonic nanoseconds.</param>
    /// <param name="packets">The packets in their order; all of them IP.</param>
    /// <param name="count">How many.</param>
    /// <param name="drops">Set for each that ends.</param>
    public static void Judge(Policer* policer, int worker, long now, PolicedPacket* packets, int count, bool* drops)
    {
        var terms = (PolicerTerms*)Volatile.Read(ref *(nint*)&policer->Terms);
        if (terms == null)
        {
            new Span<bool>(drops, count).Clear();
            return;
        }

        Fill(policer, terms, now);
        var need = Need(terms, packets, count);
        var committed = Take(ref policer->Committed, need);
        var further = terms->FurtherCap == 0 ? 0 : Take(ref policer->Further, need);
        var counters = policer->Counters + (nint)worker * Policer.CounterStride;
        for (var i = 0; i < count; i++)
        {
            var came = terms->ColorAware ? (Color)terms->Colors[DscpField.Read(packets[i].Ip)] : Color.Green;
            var color = Meter(terms->Mode, came, terms->InPackets ? terms->Cost : packets[i].Length * terms->Cost, ref committed, ref further);
            counters[(int)color * 2]++;
            counters[(int)color * 2 + 1] += packets[i].Length;
            drops[i] = terms->Drops[(int)color];
            if (terms->Marks[(int)color] != PolicerTerms.Unmarked && !drops[i]) DscpField.Write(packets[i].Ip, terms->Marks[(int)color]);
        }

        if (committed != 0) Pour(ref policer->Committed, committed, terms->Cap);
        if (further != 0) Pour(ref policer->Further, further, terms->FurtherCap);
    }

    /// <summary>The color of one packet; takes its cost out of the buckets that it came to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Color Meter(PolicerMode mode, Color came, long cost, ref long committed, ref long further)
    {
        if (mode == PolicerMode.TwoRate)
        {
            // RFC 2698 §3: red beyond the peak rate, yellow beyond the committed one; what is green counts for both.
            if (came == Color.Red || further < cost) return Color.Red;
            further -= cost;
            if (came == Color.Yellow || committed < cost) return Color.Yellow;
            committed -= cost;
            return Color.Green;
        }

        // RFC 2697 §3, RFC 4115 §2: green out of the first bucket, else yellow out of the second; they differ in what fills it.
        if (came == Color.Green && committed >= cost)
        {
            committed -= cost;
            return Color.Green;
        }

        if (came == Color.Red || further < cost) return Color.Red;
        further -= cost;
        return Color.Yellow;
    }

    /// <summary>Puts in what the time since the last filling brought. One worker wins each stretch of time, so none counts twice.</summary>
    private static void Fill(Policer* policer, PolicerTerms* terms, long now)
    {
        var last = Volatile.Read(ref policer->Filled);
        if (now <= last || Interlocked.CompareExchange(ref policer->Filled, now, last) != last) return;
        var time = now - last;
        var single = terms->Mode == PolicerMode.SingleRate;
        var brought = time >= terms->FillTime ? terms->Cap + (single ? terms->FurtherCap : 0) : time * terms->Rate;
        var over = Pour(ref policer->Committed, brought, terms->Cap);
        if (terms->FurtherCap == 0) return;
        if (!single) over = time >= terms->FurtherFillTime ? terms->FurtherCap : time * terms->FurtherRate;
        if (over > 0) Pour(ref policer->Further, over, terms->FurtherCap);
    }

    private static long Need(PolicerTerms* terms, PolicedPacket* packets, int count)
    {
        if (terms->InPackets) return count * terms->Cost;
        long octets = 0;
        for (var i = 0; i < count; i++) octets += packets[i].Length;
        return octets * terms->Cost;
    }

    /// <summary>Takes tokens out, as many as there are of those wanted.</summary>
    private static long Take(ref long bucket, long wanted)
    {
        while (true)
        {
            var there = Volatile.Read(ref bucket);
            var taken = Math.Min(there, wanted);
            if (taken <= 0) return 0;
            if (Interlocked.CompareExchange(ref bucket, there - taken, there) == there) return taken;
        }
    }

    /// <summary>Puts tokens in; returns those that found no room.</summary>
    private static long Pour(ref long bucket, long tokens, long cap)
    {
        while (true)
        {
            var there = Volatile.Read(ref bucket);
            // A bucket may hold more than it should for a moment after it became smaller.
            var room = Math.Max(0, cap - there);
            var full = Math.Min(there, cap) + Math.Min(tokens, room);
            if (full == there || Interlocked.CompareExchange(ref bucket, full, there) == there) return Math.Max(0, tokens - room);
        }
    }
}
