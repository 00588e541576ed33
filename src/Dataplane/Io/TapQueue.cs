using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Offload;

namespace Gateway.Dataplane.Io;

/// <summary>One queue of a <see cref="TapPort"/>: what the kernel sends into it is received here, super-packets segmented. A short frame is read right into its chunk.</summary>
internal sealed unsafe class TapQueue : IPacketPort
{
    private const int _stagingLength = 65535 + 64;

    /// <summary>Chunks gathered into one write; more than a 64 KB packet has.</summary>
    private const int _maxVectors = 32;

    private readonly PacketPool _pool;
    private readonly TapPort _port;
    private readonly TapDevice _tap;
    private readonly byte* _staging = (byte*)NativeMemory.AlignedAlloc(_stagingLength, 64);
    private FrameIntake _intake;
    private PortCounters _counters;
    private uint _fresh;
    private bool _readable;

    /// <param name="tap">Belongs to the queue from now on.</param>
    public TapQueue(TapPort port, PacketPool pool, TapDevice tap)
    {
        (_port, _pool, _tap) = (port, pool, tap);
        _intake = new FrameIntake(pool);
    }

    public string Kind => _port.Kind;

    /// <summary>Of a device that someone removed nothing comes any more but errors, on which poll(2) would not sleep.</summary>
    public int PollFd => _port.Link is null ? -1 : _tap.Fd.Number;

    public bool IsUp => _port.IsUp;

    public ulong RxDamaged { get; private set; }

    public PortCounters Counters => _counters;

    public int Receive(Span<uint> indices)
    {
        int count = _intake.Busy ? _intake.Drain(indices, ref _counters) : 0;
        while (count < indices.Length)
        {
            if (_fresh == 0 && (_fresh = _pool.Allocate()) == 0)
            {
                DropOne();
                break;
            }

            VnetHeader header;
            IoVectors vectors = default;
            vectors[0] = new() { Base = (byte*)&header, Length = TapDevice.VnetLength };
            vectors[1] = new() { Base = _pool.Data(_fresh), Length = PacketPool.Room };
            vectors[2] = new() { Base = _staging + PacketPool.Room, Length = _stagingLength - PacketPool.Room };
            nint got = Libc.ReadVector(_tap.Fd.Number, &vectors.First, 3);
            _readable = got >= 0;
            if (got < 0) break;
            int length = (int)got - TapDevice.VnetLength;
            if (length < FrameLayout.EthernetLength)
            {
                Damaged();
                continue;
            }

            if (length <= PacketPool.Room && header.Gso == VnetGso.None)
            {
                if ((header.Flags & VnetFlags.NeedsChecksum) != 0 && PartialChecksum.Complete(_pool.Data(_fresh), length, header) != OffloadFault.None)
                {
                    Damaged();
                    continue;
                }

                PacketMeta* meta = _pool.Meta(_fresh);
                meta->Length = (ushort)length;
                meta->TotalLength = (uint)length;
                _counters.RxPackets++;
                _counters.RxBytes += (uint)length;
                indices[count++] = _fresh;
                _fresh = 0;
                continue;
            }

            // The first part joins the rest, and the chunk is taken again for the next read.
            Unsafe.CopyBlockUnaligned(_staging, _pool.Data(_fresh), (uint)Math.Min(length, PacketPool.Room));
            if (_intake.Begin(_staging, length, header, 0) != OffloadFault.None) Damaged();
            else count += _intake.Drain(indices[count..], ref _counters);
        }

        return count;
    }

    public int Transmit(ReadOnlySpan<uint> indices)
    {
        VnetHeader header = default;
        IoVectors vectors = default;
        vectors[0] = new() { Base = (byte*)&header, Length = TapDevice.VnetLength };
        foreach (uint first in indices)
        {
            int used = 1;
            for (uint index = first; index != 0 && used < _maxVectors; index = _pool.Meta(index)->Next)
                vectors[used++] = new() { Base = _pool.Data(index), Length = _pool.Meta(index)->Length };
            uint length = _pool.Meta(first)->TotalLength;
            if (Libc.WriteVector(_tap.Fd.Number, &vectors.First, used) < 0)
            {
                _counters.TxErrors++;
                continue;
            }

            _counters.TxPackets++;
            _counters.TxBytes += length;
        }

        _pool.Free(indices);
        return indices.Length;
    }

    public bool PrepareToSleep() => !_intake.Busy && !_readable;

    /// <summary>The port is disposed as a whole.</summary>
    public void Dispose()
    {
    }

    /// <summary>Control side: frees everything; called once.</summary>
    public void Free()
    {
        if (_fresh != 0) _pool.Free(_fresh);
        _tap.Dispose();
        NativeMemory.AlignedFree(_staging);
    }

    /// <summary>With the pool empty the frame is still taken from the kernel, as a frame lost on the wire.</summary>
    private void DropOne()
    {
        byte* nothing = stackalloc byte[16];
        IoVectors one = default;
        one[0] = new() { Base = nothing, Length = 16 };
        _readable = Libc.ReadVector(_tap.Fd.Number, &one.First, 1) >= 0;
        if (_readable) _counters.RxDropped++;
    }

    private void Damaged()
    {
        RxDamaged++;
        _counters.RxDropped++;
    }

    [InlineArray(_maxVectors)]
    private struct IoVectors
    {
        public Libc.IoVector First;
    }
}
