using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Offload;

namespace Gateway.Dataplane.Io.Xdp;

/// <summary>
/// One queue of an <see cref="AfXdpPort"/>. The worker owns the socket's rings; the control side hands over a new socket (<see cref="Renew"/>) when a device of the name came back, which the worker takes
/// up at its next call. <see cref="PollFd"/> stays the same all the while.
/// </summary>
internal sealed unsafe class AfXdpQueue : IPacketPort
{
    /// <summary>Chunks that are moved at a time between pool and fill ring.</summary>
    private const int _batch = 64;

    /// <summary>Loops between two looks at the kernel's counters, under load.</summary>
    private const int _lookInterval = 4096;

    private readonly AfXdpPort _port;
    private readonly PacketPool _pool;
    private readonly Descriptor _epoll = Libc.OpenEpoll();
    private readonly uint* _chunks = (uint*)NativeMemory.Alloc(_batch, sizeof(uint));
    private PortCounters _counters;
    private XdpSocket? _socket;
    private XdpSocket? _next;
    private XdpSocket? _retired;
    private XdpStatistics _seen;
    private XdpStatistics _before;
    private uint _received;
    private uint _filled;
    private uint _sent;
    private uint _completed;
    private uint _withKernel;
    private int _sinceLook;

    /// <param name="socket">Belongs to the queue from now on.</param>
    public AfXdpQueue(AfXdpPort port, PacketPool pool, XdpSocket socket)
    {
        (_port, _pool, _socket) = (port, pool, socket);
        Libc.EpollAdd(_epoll, socket.Fd);
        Refill(socket);
    }

    public string Kind => _port.Kind;

    public int PollFd => _epoll.Number;

    public bool IsUp => _port.IsUp;

    public ulong RxDamaged { get; private set; }

    public PortCounters Counters => _counters;

    /// <summary>What the kernel counted, of this socket and those before it.</summary>
    public XdpStatistics Statistics => new(_before.Dropped + _seen.Dropped, _before.BadSends + _seen.BadSends, _before.RingFull + _seen.RingFull, _before.FillEmpty + _seen.FillEmpty);

    public bool IsZeroCopy => Volatile.Read(ref _socket) is { IsZeroCopy: true };

    /// <summary>Control side: this socket (owned from now on) takes the place of the one before.</summary>
    public void Renew(XdpSocket socket)
    {
        Libc.EpollAdd(_epoll, socket.Fd);
        Interlocked.Exchange(ref _next, socket)?.Dispose();
    }

    /// <summary>Control side: frees the socket that the worker has done with.</summary>
    public void Tidy() => Interlocked.Exchange(ref _retired, null)?.Dispose();

    public int Receive(Span<uint> indices)
    {
        if (Volatile.Read(ref _next) is not null) TakeNext();
        XdpSocket socket = _socket!;
        if (_sent != _completed) Reap(socket);
        if (++_sinceLook >= _lookInterval) LookAtStatistics(socket);
        XdpRing ring = socket.Receive;
        int waiting = (int)(ring.Producer - _received);
        int count = 0;
        for (; waiting > 0 && count < indices.Length; waiting--)
        {
            XdpDescriptor descriptor = ring.Descriptor(_received++);
            uint index = (uint)(descriptor.Address / PacketPool.ChunkSize);
            if (!socket.LetGo(index))
            {
                Damaged();
                continue;
            }

            _withKernel--;
            PacketMeta* meta = _pool.Meta(index);
            *meta = default;
            meta->Offset = (ushort)(descriptor.Address % PacketPool.ChunkSize);
            meta->Length = (ushort)descriptor.Length;
            meta->TotalLength = descriptor.Length;
            if (descriptor.Length < FrameLayout.EthernetLength || descriptor.Length > XdpSocket.LongestFrame)
            {
                _pool.Free(index);
                Damaged();
                continue;
            }

            if (_port.LeavesChecksums) LocalChecksum.Complete(_pool.Data(index), (int)descriptor.Length);
            _counters.RxPackets++;
            _counters.RxBytes += descriptor.Length;
            indices[count++] = index;
        }

        ring.Consumer = _received;
        Refill(socket);
        return count;
    }

    public int Transmit(ReadOnlySpan<uint> indices)
    {
        if (Volatile.Read(ref _next) is not null) TakeNext();
        if (!_port.IsUp)
        {
            // What is put into the ring now would be sent when the device is back, which may be much later.
            _counters.TxErrors += (ulong)indices.Length;
            _pool.Free(indices);
            return indices.Length;
        }

        XdpSocket socket = _socket!;
        int taken = 0;
        for (int tries = 0; ; tries++)
        {
            taken += Queue(socket, indices[taken..]);
            Kick(socket);
            if (taken == indices.Length || tries == 2) return taken;
        }
    }

    public bool PrepareToSleep()
    {
        if (Volatile.Read(ref _next) is not null) return false;
        XdpSocket socket = _socket!;
        socket.TakeError();
        LookAtStatistics(socket);
        Reap(socket);
        if (socket.Transmit.Consumer != _sent && _port.IsUp) Kick(socket);
        Refill(socket);
        return socket.Receive.Producer == _received && (socket.Transmit.Consumer == _sent || !_port.IsUp);
    }

    /// <summary>The port is disposed as a whole.</summary>
    public void Dispose()
    {
    }

    /// <summary>Control side: frees everything; called once.</summary>
    public void Free()
    {
        _socket?.Dispose();
        Interlocked.Exchange(ref _next, null)?.Dispose();
        Interlocked.Exchange(ref _retired, null)?.Dispose();
        _epoll.Dispose();
        NativeMemory.Free(_chunks);
    }

    private void TakeNext()
    {
        XdpSocket? next = Interlocked.Exchange(ref _next, null);
        if (next is null) return;
        LookAtStatistics(_socket!);
        _before = Statistics;
        _seen = default;
        (_received, _filled, _sent, _completed, _withKernel) = (0, 0, 0, 0, 0);
        XdpSocket? old = Interlocked.Exchange(ref _retired, _socket);
        Volatile.Write(ref _socket, next);
        old?.Dispose();
        Refill(next);
    }

    /// <summary>Puts packets into the transmit ring while there is room; returns how many belong to the port now.</summary>
    private int Queue(XdpSocket socket, ReadOnlySpan<uint> indices)
    {
        XdpRing ring = socket.Transmit;

        // As many as are not completed; then the completion ring, which is as long, never overflows.
        uint room = ring.Size - (_sent - _completed);
        int taken = 0;
        foreach (uint given in indices)
        {
            if (room == 0) break;
            taken++;
            uint index = given;
            uint length = _pool.Meta(index)->TotalLength;
            if (_pool.Meta(index)->Next != 0 && (index = Flatten(index)) == 0)
            {
                _counters.TxErrors++;
                continue;
            }

            socket.Hold(index);
            ring.Descriptor(_sent++) = new() { Address = ((ulong)index * PacketPool.ChunkSize) + _pool.Meta(index)->Offset, Length = length };
            room--;
            _counters.TxPackets++;
            _counters.TxBytes += length;
        }

        ring.Producer = _sent;
        return taken;
    }

    /// <summary>A packet in several chunks goes into one; 0 (and it is freed) when it is too long or there is no chunk.</summary>
    private uint Flatten(uint index)
    {
        uint length = _pool.Meta(index)->TotalLength;
        uint whole = length <= PacketPool.ChunkSize ? _pool.Allocate() : 0;
        if (whole != 0)
        {
            PacketCopy.ToSpan(_pool, index, new Span<byte>(_pool.Chunk(whole), PacketPool.ChunkSize));
            *_pool.Meta(whole) = new PacketMeta { Length = (ushort)length, TotalLength = length };
        }

        _pool.Free(index);
        return whole;
    }

    /// <summary>Has the kernel send what waits in the ring. In copy mode a call sends a limited number.</summary>
    private void Kick(XdpSocket socket)
    {
        for (uint before = socket.Transmit.Consumer; before != _sent;)
        {
            if (socket.Transmit.NeedsWakeup && Libc.SendTo(socket.Fd.Number, null, 0, Libc.MsgDontWait, null, 0) < 0 && Libc.LastError is not (Errors.Again or Errors.Busy or Errors.NoBuffers)) break;
            Reap(socket);
            uint now = socket.Transmit.Consumer;
            if (now == before) break;
            before = now;
        }
    }

    /// <summary>Frees what was sent.</summary>
    private void Reap(XdpSocket socket)
    {
        XdpRing ring = socket.Completion;
        uint end = ring.Producer;
        while (_completed != end)
        {
            uint index = (uint)(ring.Address(_completed++) / PacketPool.ChunkSize);
            if (socket.LetGo(index)) _pool.Free(index);
            else _counters.TxErrors++;
        }

        ring.Consumer = _completed;
    }

    /// <summary>Gives the kernel chunks to receive into, as many as it lacks. With the pool empty it goes on with fewer, and drops and counts what finds none.</summary>
    private void Refill(XdpSocket socket)
    {
        XdpRing ring = socket.Fill;
        while (ring.Size - _withKernel >= _batch)
        {
            int got = _pool.Allocate(new Span<uint>(_chunks, _batch));
            for (int i = 0; i < got; i++)
            {
                socket.Hold(_chunks[i]);
                ring.Address(_filled++) = (ulong)_chunks[i] * PacketPool.ChunkSize;
            }

            _withKernel += (uint)got;
            if (got < _batch) break;
        }

        ring.Producer = _filled;
        if (ring.NeedsWakeup) _ = Libc.Receive(socket.Fd.Number, null, 0, Libc.MsgDontWait);
    }

    private void LookAtStatistics(XdpSocket socket)
    {
        _sinceLook = 0;
        XdpStatistics now = socket.ReadStatistics();
        _counters.RxDropped += now.Dropped - _seen.Dropped + now.RingFull - _seen.RingFull;
        _counters.TxErrors += now.BadSends - _seen.BadSends;
        _seen = now;
    }

    private void Damaged()
    {
        RxDamaged++;
        _counters.RxDropped++;
    }
}
