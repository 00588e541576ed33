using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Crypto.Aead;

/// <summary>What a group loop starts from and leaves behind. It lives on the kernel's stack.</summary>
internal unsafe struct GcmState
{
    /// <summary>The next counter block, with its last word in the processor's byte order so that it can be added to.</summary>
    internal Vector128<uint> Counter;

    /// <summary>The unreduced sums of the current run.</summary>
    internal Vector128<ulong> Low;
    internal Vector128<ulong> Middle;
    internal Vector128<ulong> High;

    /// <summary>The power of H for the next block to be hashed.</summary>
    internal Vector128<ulong>* Power;

    /// <summary>A counter block in its byte order on the wire.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Block(Vector128<uint> counter) =>
        Ssse3.Shuffle(counter.AsByte(), Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 14, 13, 12));
}
