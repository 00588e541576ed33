using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// Sequence numbers of outbound packets (RFC 4303 §3.3.3), which are also the IVs of AES-GCM (RFC 4106 §3.1), so none may ever be used twice with a key.
/// A worker may use only numbers below the mark in the hot state; it raises the mark by a block before it goes on. Whoever resumes the SA starts at the mark.
/// </summary>
internal static unsafe class OutboundSequence
{
    /// <summary>Numbers taken at a time: at a million packets a second the mark moves every 4 ms, and a resumed SA skips at most this many numbers, which a peer's window does not mind.</summary>
    public const ulong Block = 4096;

    /// <summary>Sets the numbers of an SA from its hot state.</summary>
    public static void Start(SaEntry* sa)
    {
        var esn = (sa->Flags & SaFlags.Esn) != 0;
        // RFC 4303 §3.3.3: without ESN the number must not cycle after 2^32−1; with ESN 2^64−1 is never reached, and held to all the same.
        sa->Out.End = esn ? ulong.MaxValue : 1UL << 32;
        // An eighth of the 32-bit space is 54 seconds at ten million packets a second: time for a rekey.
        sa->Out.NearEnd = sa->Out.End - (1UL << 29);
        sa->Out.Mark = Math.Max(sa->Hot->OutboundMark, 1);
        sa->Out.Next = sa->Out.Mark;
    }

    /// <summary>The next number; false when there is none left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryNext(SaEntry* sa, out ulong sequence)
    {
        sequence = sa->Out.Next;
        if (sequence >= sa->Out.Mark && !Reserve(sa)) return false;
        sa->Out.Next = sequence + 1;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Reserve(SaEntry* sa)
    {
        var left = sa->Out.End - sa->Out.Next;
        if (left == 0) return false;
        var mark = sa->Out.Next + Math.Min(left, Block);
        // Stored before the first number of the block is used.
        Volatile.Write(ref sa->Hot->OutboundMark, mark);
        sa->Out.Mark = mark;
        return true;
    }
}
