using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>
/// One ring in shared memory as one side uses it, and that side's own place in it. Everything in the ring may be changed by the peer at any moment: it is read once and checked then.
/// <code>
///   0   cookie u32   4  flags u16 (1 = the consumer does not want to be woken)   6  head u16
///  64   tail u16
/// 128   descriptors of 16 bytes: flags u16 (1 = goes on in the next), region u16, length u32 | offset u32, metadata u32
/// </code>
/// Head and tail run freely over 16 bits. The client owns all buffers. Towards the server it writes packets and moves the head, the server moves the tail behind what it took;
/// towards the client it gives empty buffers and moves the head, the server fills them and moves the tail.
/// </summary>
internal sealed unsafe class MemifRing
{
    public const uint Cookie = 0x3E31F20;
    public const int HeaderBytes = 128, DescriptorBytes = 16;
    public const ushort MaskInterrupt = 1, Next = 1;
    public const int MaxLog2Size = 14;

    /// <summary>Descriptors hold two aligned words, and each is read in one go.</summary>
    public const uint Alignment = 16;

    private readonly byte* _ring;

    /// <param name="buffers">The client's own buffers, one of <paramref name="bufferSize"/> bytes for each slot; null on the server, where descriptors say where they lie.</param>
    /// <param name="firstOffset">Offset of the first own buffer in region 0.</param>
    public MemifRing(byte* ring, int log2Size, Descriptor wake, byte* buffers, uint bufferSize, uint firstOffset)
    {
        _ring = ring;
        Size = 1u << log2Size;
        Wake = wake;
        Buffers = buffers;
        BufferSize = bufferSize;
        FirstOffset = firstOffset;
    }

    public uint Size { get; }

    /// <summary>The eventfd that wakes the ring's consumer.</summary>
    public Descriptor Wake { get; }

    public byte* Buffers { get; }

    public uint BufferSize { get; }

    public uint FirstOffset { get; }

    /// <summary>Own place: the next slot to take from, or to write to.</summary>
    public ushort Cursor { get; set; }

    /// <summary>The head of a ring that the client takes from: up to there buffers were given.</summary>
    public ushort Given { get; set; }

    public static uint BytesOf(int log2Size) => HeaderBytes + ((uint)DescriptorBytes << log2Size);

    public ushort Head
    {
        get => Volatile.Read(ref *(ushort*)(_ring + 6));
        set => Volatile.Write(ref *(ushort*)(_ring + 6), value);
    }

    public ushort Tail
    {
        get => Volatile.Read(ref *(ushort*)(_ring + 64));
        set => Volatile.Write(ref *(ushort*)(_ring + 64), value);
    }

    /// <summary>Written by the consumer.</summary>
    public ushort Flags
    {
        get => Volatile.Read(ref *(ushort*)(_ring + 4));
        set => Volatile.Write(ref *(ushort*)(_ring + 4), value);
    }

    /// <summary>The descriptor of a free-running place.</summary>
    public ulong* Descriptor(ushort at) => (ulong*)(_ring + HeaderBytes + (at & (Size - 1)) * DescriptorBytes);

    /// <summary>The own buffer of a free-running place.</summary>
    public byte* Buffer(ushort at) => Buffers + (nuint)(at & (Size - 1)) * BufferSize;

    public bool HasCookie => Volatile.Read(ref *(uint*)_ring) == Cookie;

    /// <summary>Client: marks a fresh ring.</summary>
    public void Mark()
    {
        *(uint*)_ring = Cookie;
        Flags = MaskInterrupt;
    }

    /// <summary>Client: gives the buffers of the next slots, whole, to be filled.</summary>
    public void Give(int slots)
    {
        for (int i = 0; i < slots; i++) Write((ushort)(Given + i), BufferSize, more: false);
        Given += (ushort)slots;
        Head = Given;
    }

    /// <summary>Client: the descriptor of an own buffer.</summary>
    public void Write(ushort at, uint length, bool more)
    {
        ulong* descriptor = Descriptor(at);
        descriptor[0] = (more ? Next : 0u) | ((ulong)length << 32);
        descriptor[1] = FirstOffset + (at & (Size - 1)) * BufferSize;
    }
}
