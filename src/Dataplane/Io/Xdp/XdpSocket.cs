using System.Numerics;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Xdp;

/// <summary>
/// An AF_XDP socket on one queue of a device (Documentation/networking/af_xdp.rst). Its packet memory is the whole packet pool, so a chunk moves between kernel and graph without a copy by us; which
/// chunks the kernel has is kept here, so that they come back when the socket ends.
/// </summary>
internal sealed unsafe class XdpSocket : IDisposable
{
    /// <summary>What the kernel keeps free in front of a packet that it receives.</summary>
    public const int Headroom = 256;

    /// <summary>Longest frame that fits a chunk behind that.</summary>
    public const int LongestFrame = PacketPool.ChunkSize - Headroom;

    private const int _family = 44, _level = 283;
    private const int _mapOffsets = 1, _rxRing = 2, _txRing = 3, _memory = 4, _fillRing = 5, _completionRing = 6, _statistics = 7, _options = 8, _sendBudget = 9;

    private readonly PacketPool _pool;
    private readonly Descriptor _fd;
    private readonly ulong* _held;
    private readonly int _words;

    /// <param name="device">Index of the device.</param>
    /// <param name="queue">Its queue; <see cref="Errors.Invalid"/> when it has no such one.</param>
    /// <param name="ringSize">Slots of each ring, a power of two.</param>
    public XdpSocket(PacketPool pool, int device, int queue, int ringSize)
    {
        _pool = pool;
        _words = (pool.Capacity / 64) + 1;
        _held = (ulong*)NativeMemory.AllocZeroed((nuint)_words, sizeof(ulong));
        _fd = Libc.OpenSocket(_family, Libc.SockRaw, 0);
        try
        {
            // struct xdp_umem_reg: address, length, size of a chunk, extra headroom, flags, length of the metadata for sending.
            Span<ulong> memory = [(ulong)(nint)pool.Region, pool.RegionBytes, PacketPool.ChunkSize, 0];
            Libc.SetOption(_fd, _level, _memory, MemoryMarshal.AsBytes(memory), "XDP_UMEM_REG (locked memory: RLIMIT_MEMLOCK or CAP_IPC_LOCK)");
            foreach (int ring in (ReadOnlySpan<int>)[_fillRing, _completionRing, _rxRing, _txRing]) Libc.SetOption(_fd, _level, ring, ringSize, "rings of an AF_XDP socket");
            Span<ulong> offsets = stackalloc ulong[16];
            fixed (ulong* o = offsets)
                if (!Libc.TryGetOption(_fd.Number, _level, _mapOffsets, o, (uint)(offsets.Length * sizeof(ulong)))) throw Libc.Failure("XDP_MMAP_OFFSETS");
            Receive = new(_fd, offsets[..4], 0, ringSize, sizeof(XdpDescriptor));
            Transmit = new(_fd, offsets[4..8], 0x8000_0000, ringSize, sizeof(XdpDescriptor));
            Fill = new(_fd, offsets[8..12], 0x1_0000_0000, ringSize, sizeof(ulong));
            Completion = new(_fd, offsets[12..], 0x1_8000_0000, ringSize, sizeof(ulong));

            // Older kernels send 32 packets in a call, whatever is asked for.
            _ = Libc.TrySetOption(_fd, _level, _sendBudget, Math.Min(256, ringSize));

            // struct sockaddr_xdp: family, flags, device, queue, socket to share memory with. The kernel takes the driver's zero-copy mode where there is one.
            const int needWakeup = 8;
            Span<uint> address = [_family | needWakeup << 16, (uint)device, (uint)queue, 0];
            Libc.Bind(_fd, MemoryMarshal.AsBytes(address), "bind of an AF_XDP socket");
            uint options = 0;
            IsZeroCopy = Libc.TryGetOption(_fd.Number, _level, _options, &options, sizeof(uint)) && (options & 1) != 0;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Descriptor Fd => _fd;

    /// <summary>Whether the device reads and writes the pool itself.</summary>
    public bool IsZeroCopy { get; }

    public XdpRing Receive { get; }

    public XdpRing Transmit { get; }

    /// <summary>Chunks for the kernel to receive into.</summary>
    public XdpRing Fill { get; }

    /// <summary>Chunks that were sent.</summary>
    public XdpRing Completion { get; }

    /// <summary>The kernel gets a chunk.</summary>
    public void Hold(uint index) => _held[index >> 6] |= 1ul << (int)(index & 63);

    /// <summary>The kernel gave a chunk back; false when it never had it.</summary>
    public bool LetGo(uint index)
    {
        if (index > (uint)_pool.Capacity) return false;
        ref ulong word = ref _held[index >> 6];
        ulong bit = 1ul << (int)(index & 63);
        if ((word & bit) == 0) return false;
        word &= ~bit;
        return true;
    }

    /// <summary>struct xdp_statistics, as far as it is told.</summary>
    public XdpStatistics ReadStatistics()
    {
        Span<ulong> numbers = stackalloc ulong[6];
        fixed (ulong* n = numbers) _ = Libc.TryGetOption(_fd.Number, _level, _statistics, n, (uint)(numbers.Length * sizeof(ulong)));
        return new(numbers[0], numbers[2], numbers[3], numbers[4]);
    }

    /// <summary>Takes a pending socket error away (the device is gone), which would otherwise keep poll(2) from sleeping.</summary>
    public void TakeError()
    {
        const int error = 4;
        int value = 0;
        _ = Libc.TryGetOption(_fd.Number, Libc.SolSocket, error, &value, sizeof(int));
    }

    /// <summary>Ends the socket; the kernel writes to the pool no more when this returns, and the chunks that it had are free.</summary>
    public void Dispose()
    {
        if (_fd.IsClosed) return;
        Receive.Unmap();
        Transmit.Unmap();
        Fill.Unmap();
        Completion.Unmap();
        _fd.Dispose();
        for (int w = 0; w < _words; w++)
            for (ulong rest = _held[w]; rest != 0; rest &= rest - 1) _pool.Free((uint)((w << 6) + BitOperations.TrailingZeroCount(rest)));
        NativeMemory.Free(_held);
    }
}

/// <param name="Dropped">Received packets that found no chunk or were too long for one.</param>
/// <param name="BadSends">Descriptors that the kernel refused to send.</param>
/// <param name="RingFull">Received packets that found the receive ring full.</param>
/// <param name="FillEmpty">How often the kernel looked for a chunk in vain.</param>
internal readonly record struct XdpStatistics(ulong Dropped, ulong BadSends, ulong RingFull, ulong FillEmpty);
