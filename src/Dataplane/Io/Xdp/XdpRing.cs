using System.Runtime.CompilerServices;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Xdp;

/// <summary>One of the four rings that an AF_XDP socket shares with the kernel: two indices that only grow, flags, and a power of two of slots. One side moves the producer, the other the consumer.</summary>
internal readonly unsafe struct XdpRing
{
    private readonly byte* _map;
    private readonly nuint _length;
    private readonly uint* _producer;
    private readonly uint* _consumer;
    private readonly uint* _flags;
    private readonly byte* _slots;

    /// <param name="offsets">Where producer, consumer, slots and flags lie.</param>
    /// <param name="page">The offset that names the ring to mmap(2).</param>
    public XdpRing(Descriptor socket, ReadOnlySpan<ulong> offsets, long page, int size, int slotLength)
    {
        Size = (uint)size;
        _length = (nuint)offsets[2] + ((nuint)size * (nuint)slotLength);
        _map = Libc.MapShared(socket, _length, page);
        _producer = (uint*)(_map + offsets[0]);
        _consumer = (uint*)(_map + offsets[1]);
        _slots = _map + offsets[2];
        _flags = (uint*)(_map + offsets[3]);
    }

    public uint Size { get; }

    public uint Producer
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *_producer);
        set => Volatile.Write(ref *_producer, value);
    }

    public uint Consumer
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *_consumer);
        set => Volatile.Write(ref *_consumer, value);
    }

    /// <summary>XDP_RING_NEED_WAKEUP: the kernel sleeps until it is called.</summary>
    public bool NeedsWakeup => (Volatile.Read(ref *_flags) & 1) != 0;

    /// <summary>A slot of the fill or completion ring: an address in the packet memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref ulong Address(uint at) => ref ((ulong*)_slots)[at & (Size - 1)];

    /// <summary>A slot of the receive or transmit ring.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref XdpDescriptor Descriptor(uint at) => ref ((XdpDescriptor*)_slots)[at & (Size - 1)];

    public void Unmap()
    {
        if (_map != null) Libc.Unmap(_map, _length);
    }
}

/// <summary>struct xdp_desc.</summary>
internal struct XdpDescriptor
{
    public ulong Address;
    public uint Length;
    public uint Options;
}
