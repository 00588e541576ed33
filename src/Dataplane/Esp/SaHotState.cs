using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// What must outlive a killed process for a CHILD SA to go on: the outbound mark and the replay window. It lies in the SA's vault slot, which is mapped shared, so each
/// store is there at once for the process that starts next; without a slot (tests) in private native memory. All zeroes is the state of a new SA.
/// </summary>
/// <remarks>
/// It needs no second copy: every field is one aligned word, and the worker stores in an order that is safe when it ends between any two stores
/// (<see cref="OutboundSequence"/> raises the mark before it uses a number below it, <see cref="ReplayWindow"/> raises the edge before it clears what leaves the window).
/// That order is the program's: a process ends between two of its instructions, on processors that let other cores see stores out of order as well.
/// The worst that an end in the middle leaves is numbers that were never used and bits that are set without their packet.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct SaHotState
{
    /// <summary>Size in the slot; alignment 64. Part of the vault's format.</summary>
    public const int Bytes = 640;

    /// <summary>Widest replay window in packets.</summary>
    public const int LargestWindow = 4096;

    /// <summary>All outbound sequence numbers below this may have been used; 0 in a new SA, whose first number is 1.</summary>
    [FieldOffset(0)] public ulong OutboundMark;

    /// <summary>Packets and bytes of inner packets from us and to us, as noted within the last second: volume limits and statistics go on from here.</summary>
    [FieldOffset(8)] public ulong OutboundPackets;
    [FieldOffset(16)] public ulong OutboundBytes;
    [FieldOffset(24)] public ulong InboundPackets;
    [FieldOffset(32)] public ulong InboundBytes;

    /// <summary>Right edge of the replay window: the highest authenticated inbound sequence number (64 bits also without ESN).</summary>
    [FieldOffset(64)] public ulong HighestInbound;

    /// <summary>Bit (n mod ring size) tells whether number n was seen, for the last numbers up to <see cref="HighestInbound"/>. The ring is as long as the window, rounded up to a power of two, at least 64 bits.</summary>
    [FieldOffset(80)] public fixed ulong Seen[LargestWindow / 64];
}
