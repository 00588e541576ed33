using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>What a group loop starts from and leaves behind. It lives on the kernel's stack.</summary>
internal unsafe struct GcmState
{
    /// <summary>The nonce as it lies in a counter block, with a counter of zero.</summary>
    internal Vector128<uint> Nonce;

    /// <summary>The base of the next counter, see <see cref="CounterStart"/>.</summary>
    internal Vector128<byte> Base;

    /// <summary>The unreduced sums of the current run.</summary>
    internal Vector128<ulong> Low;
    internal Vector128<ulong> Middle;
    internal Vector128<ulong> High;

    /// <summary>The power of H for the next block to be hashed.</summary>
    internal Vector128<ulong>* Power;

    /// <summary>The next counter.</summary>
    internal uint Counter;
}
