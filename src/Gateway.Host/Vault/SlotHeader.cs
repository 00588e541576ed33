using System.Runtime.InteropServices;

namespace Gateway.Host.Vault;

/// <summary>
/// Start of a slot, 128 octets. Behind it come two buffers of <see cref="BufferLength"/> for the wrapped content, written in turn, then
/// <see cref="HotLength"/> octets of plain hot state that a worker stores into directly (<c>SaHotState</c> of the dataplane).
/// <code>
///   0  kind u8   1  reserved   4  units u32   8  handle (16)   24  buffer length u32   28  hot length u32
///  32  A: generation u64, length u32, reserved u32, nonce (12), tag (16), reserved (4)    80  B: the same
/// </code>
/// A buffer counts when its generation is the higher one and its tag is right: a store that was cut off leaves the other one in force.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 128)]
internal struct SlotHeader
{
    public const int Size = 128;

    public SlotKind Kind;
    public byte Reserved0;
    public ushort Reserved1;
    public uint Units;
    public UInt128 Handle;
    public uint BufferLength;
    public uint HotLength;
    public BufferHeader A;
    public BufferHeader B;
}

/// <summary>Describes one of a slot's two buffers.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = 48)]
internal unsafe struct BufferHeader
{
    public ulong Generation;
    public uint Length;
    public uint Reserved;
    public fixed byte Nonce[12];
    public fixed byte Tag[16];
}
