using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Offload;

namespace Gateway.Dataplane.Io;

/// <summary>
/// One queue of an <see cref="AfPacketPort"/>: the rings of one socket. The worker owns them; the control side hands over new ones (<see cref="Renew"/>) when a device of the name came back, which the
/// worker takes up at its next call. <see cref="PollFd"/> stays the same all the while.
/// </summary>
internal sealed unsafe class AfPacketQueue : IPacketPort
{
    private const int _vnetLength = 10;

    /// <summary>A super-packet with its headers; larger ones (BIG TCP) are not taken.</summary>
    private const int _stagingLength = _vnetLength + 65535 + 64;

    private readonly PacketPool _pool;
    private readonly AfPacketPort _port;
    private readonly Descriptor _epoll = Libc.OpenEpoll();
    private readonly byte* _staging = (byte*)NativeMemory.AlignedAlloc(_stagingLength, 64);
    private FrameIntake _intake;
    private PortCounters _counters;
    private PacketSocket? _rings;
    private PacketSocket? _next;
    private PacketSocket? _retired;
    private int _rxAt;
    private int _txAt;
    private int _held = -1;
    private int _pending;

    /// <param name="rings">Belong to the queue from now on.</param>
    public AfPacketQueue(AfPacketPort port, PacketPool pool, PacketSocket rings)
    {
        (_port, _pool, _rings) = (port, pool, rings);
        _intake = new FrameIntake(pool);
        Libc.EpollAdd(_epoll, rings.Fd);
    }

    public string Kind => _port.Kind;

    public int PollFd => _epoll.Number;

    public bool IsUp => _port.IsUp;

    public ulong RxDamaged { get; private set; }

    public PortCounters Counters => _counters;

    /// <summary>Control side: these rings (owned from now on) take the place of those before.</summary>
    public void Renew(PacketSocket rings)
    {
        Libc.EpollAdd(_epoll, rings.Fd);
        Interlocked.Exchange(ref _next, rings)?.Dispose();
    }

    /// <summary>Control side: frees the rings that the worker has done with.</summary>
    public void Tidy() => Interlocked.Exchange(ref _retired, null)?.Dispose();

    public int Receive(Span<uint> indices)
    {
        if (Volatile.Read(ref _next) is not null) TakeNext();
        PacketSocket rings = _rings!;
        int count = 0;
        while (count < indices.Length)
        {
            if (_intake.Busy || BeginFrame(rings)) count += _intake.Drain(indices[count..], ref _counters);
            else if (_held < 0) break;
            if (!_intake.Busy && _held >= 0) Release(rings);
        }

        return count;
    }

    public int Transmit(ReadOnlySpan<uint> indices)
    {
        if (Volatile.Read(ref _next) is not null) TakeNext();
        PacketSocket rings = _rings!;
        int taken = 0;
        foreach (uint index in indices)
        {
            byte* frame = rings.TxFrame(_txAt);
            if (Volatile.Read(ref *(uint*)(frame + PacketSocket.Status)) is PacketSocket.SendRequest or PacketSocket.Sending) break;
            taken++;
            PacketMeta* meta = _pool.Meta(index);
            uint length = meta->TotalLength;
            if (length > rings.FrameSize - PacketSocket.TxData - _vnetLength)
            {
                _counters.TxErrors++;
                continue;
            }

            // The header length covers the whole packet: the kernel then copies it, instead of keeping references to a ring frame that is written again while a receiver on this machine still reads it.
            *(VnetHeader*)(frame + PacketSocket.TxData) = new VnetHeader { HeaderLength = (ushort)length };
            Gather(index, frame + PacketSocket.TxData + _vnetLength);
            *(uint*)(frame + PacketSocket.Length) = length + _vnetLength;
            Volatile.Write(ref *(uint*)(frame + PacketSocket.Status), PacketSocket.SendRequest);
            _txAt = _txAt + 1 == rings.TxFrames ? 0 : _txAt + 1;
            _pending++;
            _counters.TxPackets++;
            _counters.TxBytes += length;
        }

        _pool.Free(indices[..taken]);
        if (_pending > 0) Kick(rings);
        return taken;
    }

    public bool PrepareToSleep()
    {
        if (Volatile.Read(ref _next) is not null) return false;
        PacketSocket rings = _rings!;
        _ = rings.TakeError();
        _counters.RxDropped += rings.ReadLosses();
        if (_pending > 0) Kick(rings);
        return _pending == 0 && !_intake.Busy && (Volatile.Read(ref *(uint*)(rings.RxFrame(_rxAt) + PacketSocket.Status)) & PacketSocket.User) == 0;
    }

    /// <summary>The port is disposed as a whole.</summary>
    public void Dispose()
    {
    }

    /// <summary>Control side: frees everything; called once.</summary>
    public void Free()
    {
        _rings?.Dispose();
        Interlocked.Exchange(ref _next, null)?.Dispose();
        Interlocked.Exchange(ref _retired, null)?.Dispose();
        _epoll.Dispose();
        NativeMemory.AlignedFree(_staging);
    }

    private void TakeNext()
    {
        PacketSocket? next = Interlocked.Exchange(ref _next, null);
        if (next is null) return;
        _intake.Abandon();
        _held = -1;
        _rxAt = 0;
        _txAt = 0;
        _pending = 0;
        PacketSocket? old = Interlocked.Exchange(ref _retired, _rings);
        _rings = next;
        old?.Dispose();
    }

    /// <summary>Starts on the next ring frame that the kernel filled. False when there is none, or when the one there was no good (then it is held, to be released).</summary>
    private bool BeginFrame(PacketSocket rings)
    {
        byte* frame = rings.RxFrame(_rxAt);
        uint status = Volatile.Read(ref *(uint*)(frame + PacketSocket.Status));
        if ((status & PacketSocket.User) == 0) return false;
        _held = _rxAt;
        if ((status & PacketSocket.Losing) != 0) _counters.RxDropped += rings.ReadLosses();

        // The tag follows 802.1Q unless the kernel names another TPID.
        uint tag = (status & PacketSocket.HasVlan) == 0 ? 0
            : (((status & PacketSocket.HasVlanTpid) != 0 ? *(ushort*)(frame + PacketSocket.VlanTpid) : 0x8100u) << 16) | *(ushort*)(frame + PacketSocket.VlanTci);
        uint length = *(uint*)(frame + PacketSocket.Length);
        byte* data = frame + *(ushort*)(frame + PacketSocket.MacOffset);
        if ((status & PacketSocket.Copied) != 0)
        {
            if (!ReadCopy(rings, length)) return Damaged();
            data = _staging + _vnetLength;
        }
        else if (*(uint*)(frame + PacketSocket.Captured) < length)
        {
            return Damaged();
        }

        return _intake.Begin(data, (int)length, *(VnetHeader*)(data - _vnetLength), tag) == OffloadFault.None || Damaged();
    }

    /// <summary>
    /// Reads the whole copy of a frame that is longer than its ring frame. Copies come in the order of their ring frames; should one have been missed, those before the one of the right length are
    /// skipped. An error of the socket (its device went down) stands before the first copy and is taken away.
    /// </summary>
    private bool ReadCopy(PacketSocket rings, uint length)
    {
        while (true)
        {
            nint whole = Libc.Receive(rings.Fd.Number, _staging, _stagingLength, Libc.MsgDontWait | Libc.MsgTruncate);
            if (whole < 0 && Libc.LastError is not (Errors.NetDown or Errors.Interrupted)) return false;
            if (whole == (nint)length + _vnetLength) return whole <= _stagingLength;
        }
    }

    private bool Damaged()
    {
        RxDamaged++;
        _counters.RxDropped++;
        return false;
    }

    private void Release(PacketSocket rings)
    {
        Volatile.Write(ref *(uint*)(rings.RxFrame(_held) + PacketSocket.Status), 0u);
        _held = -1;
        _rxAt = _rxAt + 1 == rings.RxFrames ? 0 : _rxAt + 1;
    }

    private void Gather(uint index, byte* into)
    {
        for (; index != 0; index = _pool.Meta(index)->Next)
        {
            uint here = _pool.Meta(index)->Length;
            Unsafe.CopyBlockUnaligned(into, _pool.Data(index), here);
            into += here;
        }
    }

    /// <summary>Has the kernel send what waits in the ring. What it cannot take now (no buffer) stays for the next time; on a device that is down everything waiting is given up.</summary>
    private void Kick(PacketSocket rings)
    {
        const int tries = 4;
        for (int i = 0; i < tries; i++)
        {
            if (Libc.SendTo(rings.Fd.Number, null, 0, Libc.MsgDontWait, null, 0) >= 0) break;
            int errno = Libc.LastError;
            if (errno == Errors.Again) break;
            if (errno is Errors.NetDown or Errors.NoDeviceOrAddress or Errors.NoDevice)
            {
                GiveUp(rings);
                return;
            }

            // The device refused one packet; the kernel went past it, and the rest still waits.
            _counters.TxErrors++;
        }

        _pending = Waiting(rings);
    }

    /// <summary>How many of the last frames still wait; the kernel takes them in order, so the first that does not ends the count.</summary>
    private int Waiting(PacketSocket rings)
    {
        int waiting = 0;
        for (int at = Before(rings, _txAt); waiting < _pending && Volatile.Read(ref *(uint*)(rings.TxFrame(at) + PacketSocket.Status)) == PacketSocket.SendRequest; at = Before(rings, at)) waiting++;
        return waiting;
    }

    private void GiveUp(PacketSocket rings)
    {
        int waiting = Waiting(rings);
        for (int i = 0; i < waiting; i++)
        {
            _txAt = Before(rings, _txAt);
            Volatile.Write(ref *(uint*)(rings.TxFrame(_txAt) + PacketSocket.Status), 0u);
        }

        _pending = 0;
        _counters.TxErrors += (ulong)waiting;
    }

    private static int Before(PacketSocket rings, int at) => at == 0 ? rings.TxFrames - 1 : at - 1;
}
