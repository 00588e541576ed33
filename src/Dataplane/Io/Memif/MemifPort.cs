using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Netlink;
using Gateway.Dataplane.Io.Offload;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>
/// A port over memory shared with another process. Packets are copied between the rings and the pool: the peer can change what lies in its memory at any moment, and what was checked must stay what it was
/// (ADR 0150). The hub puts a link on the port when a peer has come and takes it away when it has gone; the worker takes up either at its next call.
/// </summary>
internal sealed unsafe class MemifPort : IDevicePort, IReasonedPort
{
    /// <summary>The longest frame that is taken: the largest IP packet with its Ethernet header and two tags.</summary>
    private const uint _maxFrame = 65535 + FrameLayout.EthernetLength + 8;

    private readonly PacketPool _pool;
    private readonly Action<MemifPort> _closing;
    private readonly Action _blamed;
    private readonly Descriptor _epoll = Libc.OpenEpoll();
    private readonly Descriptor _kick = MemifCalls.MakeEvent();
    private readonly ulong[] _faults = new ulong[Enum.GetValues<MemifFault>().Length];
    private PortCounters _counters;
    private MemifLink? _offered;
    private MemifLink? _inUse;
    private ulong _connections;
    private int _nextRing;
    private bool _wakeable;
    private int _disposed;

    /// <param name="blamed">Tells the hub that the worker blamed its link.</param>
    /// <param name="closing">The hub, which frees the port.</param>
    public MemifPort(PacketPool pool, PortSpec.Memif spec, Action blamed, Action<MemifPort> closing)
    {
        _pool = pool;
        _blamed = blamed;
        _closing = closing;
        Spec = spec;
        MemifCalls.WatchEdges(_epoll, _kick);
    }

    public PortSpec.Memif Spec { get; }

    public string Kind => "memif";

    /// <summary>The socket: there is no device.</summary>
    public string Device => Spec.Socket;

    public LinkInfo? Link => null;

    public int PollFd => _epoll.Number;

    public bool IsUp => Volatile.Read(ref _offered) is { Fault: MemifFault.None };

    public ulong RxDamaged { get; private set; }

    public PortCounters Counters => _counters;

    public IEnumerable<PortReason> Reasons
    {
        get
        {
            if (Volatile.Read(ref _connections) is > 0 and var connections) yield return new PortReason("connections", connections, "A peer connected.");
            foreach (MemifFault fault in MemifFaults.All)
                if (Volatile.Read(ref _faults[(int)fault]) is > 0 and var count) yield return new PortReason(MemifFaults.Word(fault), count, MemifFaults.Sentence(fault));
        }
    }

    /// <summary>Hub: counts why a connection ended or did not come about.</summary>
    public void Count(MemifFault fault) => Interlocked.Increment(ref _faults[(int)fault]);

    /// <summary>Hub: how often a connection ended, or did not come about, for that reason.</summary>
    public ulong CountOf(MemifFault fault) => Volatile.Read(ref _faults[(int)fault]);

    /// <summary>Hub: gives the worker a link. The one before must have been let go.</summary>
    public void Attach(MemifLink link)
    {
        foreach (MemifRing ring in link.Receive) MemifCalls.WatchEdges(_epoll, ring.Wake);
        _connections++;
        Volatile.Write(ref _offered, link);
        MemifCalls.Signal(_kick);
    }

    /// <summary>Hub: takes the link away; it may be freed once <see cref="Uses"/> says no.</summary>
    public void Detach(MemifLink link)
    {
        foreach (MemifRing ring in link.Receive) Libc.EpollRemove(_epoll, ring.Wake);
        Volatile.Write(ref _offered, null);
        MemifCalls.Signal(_kick);
    }

    /// <summary>Hub: whether the worker may still be in the link.</summary>
    public bool Uses(MemifLink link)
    {
        Interlocked.MemoryBarrier();
        return ReferenceEquals(Volatile.Read(ref _inUse), link);
    }

    public int Receive(Span<uint> indices)
    {
        MemifLink? link = Current();
        if (link is null) return 0;
        MemifRing[] rings = link.Receive;
        if (_wakeable) SetWakeable(rings, wakeable: false);
        int count = 0;
        for (int i = 0; i < rings.Length && count < indices.Length; i++)
        {
            // Each call begins with another ring, so that none starves.
            _nextRing = _nextRing + 1 < rings.Length ? _nextRing + 1 : 0;
            count += ReceiveFrom(link, rings[_nextRing], indices[count..]);
        }

        return count;
    }

    public int Transmit(ReadOnlySpan<uint> indices)
    {
        MemifLink? link = Current();
        if (link is null)
        {
            _counters.TxErrors += (ulong)indices.Length;
            _pool.Free(indices);
            return indices.Length;
        }

        MemifRing[] rings = link.Transmit;
        int taken = 0;
        uint touched = 0;
        foreach (uint index in indices)
        {
            int at = rings.Length == 1 ? 0 : (int)(Flow(index) % (uint)rings.Length);
            MemifRing ring = rings[at];
            int slots = ring.Buffers != null ? WriteOwn(link, ring, index) : WriteTheirs(link, ring, index);
            if (slots == 0) break;
            ring.Cursor += (ushort)slots;
            touched |= 1u << at;
            taken++;
            _counters.TxPackets++;
            _counters.TxBytes += _pool.Meta(index)->TotalLength;
        }

        for (int at = 0; touched != 0; at++, touched >>= 1)
        {
            if ((touched & 1) == 0) continue;
            if (rings[at].Buffers != null) rings[at].Head = rings[at].Cursor;
            else rings[at].Tail = rings[at].Cursor;
            link.WakeConsumer(rings[at]);
        }

        _pool.Free(indices[..taken]);
        return taken;
    }

    public bool PrepareToSleep()
    {
        MemifLink? link = Current();
        if (link is not null) SetWakeable(link.Receive, wakeable: true);
        MemifCalls.TakeEdges(_epoll.Number);

        // Asked first, looked then: what comes in between is seen or wakes.
        Interlocked.MemoryBarrier();
        if (!ReferenceEquals(link, Volatile.Read(ref _offered)) && (link is not null || IsUp)) return false;
        if (link is null) return true;
        foreach (MemifRing ring in link.Receive)
            if (Edge(ring) != ring.Cursor) return false;
        return true;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _closing(this);
    }

    /// <summary>Hub: frees what is the port's own; called once, by way of <see cref="Dispose"/>, with no link on it.</summary>
    public void Free()
    {
        _kick.Dispose();
        _epoll.Dispose();
    }

    /// <summary>How far the peer has come in a ring that packets are taken from.</summary>
    private static ushort Edge(MemifRing ring) => ring.Buffers != null ? ring.Tail : ring.Head;

    /// <summary>The link to work on, taken up or given up on the way; null when there is none or its peer is not trusted any more.</summary>
    private MemifLink? Current()
    {
        MemifLink? offered = Volatile.Read(ref _offered);
        while (!ReferenceEquals(offered, _inUse))
        {
            // Said first, looked again then: the hub takes away first and looks then, so one of the two sees the other.
            Interlocked.Exchange(ref _inUse, offered);
            offered = Volatile.Read(ref _offered);
            _wakeable = true;
            _nextRing = 0;
        }

        return offered is { Fault: MemifFault.None } ? offered : null;
    }

    private void SetWakeable(MemifRing[] rings, bool wakeable)
    {
        _wakeable = wakeable;
        foreach (MemifRing ring in rings) ring.Flags = wakeable ? (ushort)0 : MemifRing.MaskInterrupt;
    }

    private void Blame(MemifLink link, MemifFault fault)
    {
        link.Blame(fault);
        _blamed();
    }

    private int ReceiveFrom(MemifLink link, MemifRing ring, Span<uint> into)
    {
        uint waiting = (ushort)(Edge(ring) - ring.Cursor);
        if (waiting == 0) return 0;
        uint most = ring.Buffers != null ? (ushort)(ring.Given - ring.Cursor) : ring.Size;
        if (waiting > most)
        {
            Blame(link, MemifFault.RingIndex);
            return 0;
        }

        int chunks = _pool.Allocate(into[..(int)Math.Min((uint)into.Length, waiting)]);
        int count = 0;
        ushort from = ring.Cursor;
        ushort end = (ushort)(from + waiting);
        while (ring.Cursor != end && (count < chunks || chunks < into.Length))
        {
            // Without a chunk the packet is still taken from the ring, as one lost on the wire.
            uint chunk = count < chunks ? into[count] : 0;
            MemifFault fault = Take(link, ring, end, chunk, out bool whole);
            if (fault != MemifFault.None)
            {
                Blame(link, fault);
                break;
            }

            if (!whole) continue;
            _counters.RxPackets++;
            _counters.RxBytes += _pool.Meta(chunk)->TotalLength;
            count++;
        }

        if (count < chunks) _pool.Free(into[count..chunks]);
        if (ring.Buffers == null) ring.Tail = ring.Cursor;
        else ring.Give((ushort)(ring.Cursor - from));
        return count;
    }

    /// <summary>Takes one packet, of one descriptor or a chain, into a chunk (and more when it is long); moves the ring's cursor behind it.</summary>
    /// <param name="chunk">0 only skips it.</param>
    /// <param name="whole">Whether the chunk holds a packet now; if not it is still empty.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private MemifFault Take(MemifLink link, MemifRing ring, ushort end, uint chunk, out bool whole)
    {
        whole = false;
        ulong* descriptor = ring.Descriptor(ring.Cursor);
        ulong first = Volatile.Read(ref descriptor[0]);
        byte* data = Locate(link, ring, ring.Cursor, descriptor, first, out uint length, out MemifFault fault);
        if (data == null) return fault;
        if ((first & MemifRing.Next) != 0 || length > PacketPool.Room) return TakeChain(link, ring, end, chunk, out whole);
        ring.Cursor++;
        if (chunk == 0 || length < FrameLayout.EthernetLength)
        {
            Lose(damaged: chunk != 0);
            return MemifFault.None;
        }

        PacketMeta* meta = _pool.Meta(chunk);
        Unsafe.CopyBlockUnaligned(_pool.Data(chunk), data, length);
        meta->Length = (ushort)length;
        meta->TotalLength = length;
        whole = true;
        return MemifFault.None;
    }

    private MemifFault TakeChain(MemifLink link, MemifRing ring, ushort end, uint chunk, out bool whole)
    {
        whole = false;
        uint total = 0;
        uint last = chunk;
        bool lost = chunk == 0, tooLong = false;
        for (bool more = true; more;)
        {
            if (ring.Cursor == end) return Undo(chunk, MemifFault.DescriptorChain);
            ulong* descriptor = ring.Descriptor(ring.Cursor);
            ulong word = Volatile.Read(ref descriptor[0]);
            byte* data = Locate(link, ring, ring.Cursor, descriptor, word, out uint length, out MemifFault fault);
            if (data == null) return Undo(chunk, fault);
            ring.Cursor++;
            more = (word & MemifRing.Next) != 0;
            if (lost || tooLong) continue;
            tooLong = length > _maxFrame - total;
            if (tooLong) continue;
            total += length;
            lost = !Append(ref last, data, length);
        }

        if (lost || tooLong || total < FrameLayout.EthernetLength)
        {
            if (chunk != 0) Undo(chunk, MemifFault.None);
            Lose(damaged: !lost);
            return MemifFault.None;
        }

        _pool.Meta(chunk)->TotalLength = total;
        whole = true;
        return MemifFault.None;
    }

    /// <summary>Puts bytes behind a packet, taking more chunks as needed; false when there are none.</summary>
    private bool Append(ref uint last, byte* data, uint length)
    {
        while (length > 0)
        {
            PacketMeta* meta = _pool.Meta(last);
            uint here = Math.Min(length, (uint)PacketPool.Room - meta->Length);
            Unsafe.CopyBlockUnaligned(_pool.Data(last) + meta->Length, data, here);
            meta->Length += (ushort)here;
            data += here;
            length -= here;
            if (length == 0) return true;
            uint next = _pool.Allocate();
            if (next == 0) return false;
            meta->Next = next;
            last = next;
        }

        return true;
    }

    /// <summary>Empties a chunk that a packet was begun in.</summary>
    private MemifFault Undo(uint chunk, MemifFault fault)
    {
        if (chunk == 0) return fault;
        PacketMeta* meta = _pool.Meta(chunk);
        if (meta->Next != 0) _pool.Free(meta->Next);
        meta->Next = 0;
        meta->Length = 0;
        return fault;
    }

    private void Lose(bool damaged)
    {
        if (damaged) RxDamaged++;
        _counters.RxDropped++;
    }

    /// <summary>Where the bytes of a descriptor lie. In an own buffer only the length is the peer's to say.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Locate(MemifLink link, MemifRing ring, ushort at, ulong* descriptor, ulong first, out uint length, out MemifFault fault)
    {
        length = (uint)(first >> 32);
        if (ring.Buffers == null) return link.Find((ushort)(first >> 16), (uint)Volatile.Read(ref descriptor[1]), length, out fault);
        fault = length <= ring.BufferSize ? MemifFault.None : MemifFault.DescriptorRange;
        return fault == MemifFault.None ? ring.Buffer(at) : null;
    }

    /// <summary>Client: writes a packet into own buffers; returns how many slots it took, 0 when there are not enough.</summary>
    private int WriteOwn(MemifLink link, MemifRing ring, uint index)
    {
        uint used = (ushort)(ring.Cursor - ring.Tail);
        if (used > ring.Size)
        {
            Blame(link, MemifFault.RingIndex);
            return 0;
        }

        uint total = _pool.Meta(index)->TotalLength;
        uint needed = total <= ring.BufferSize ? 1 : (total + ring.BufferSize - 1) / ring.BufferSize;
        if (needed > ring.Size - used) return 0;
        uint offset = 0;
        for (uint slot = 0; slot < needed; slot++)
        {
            uint here = Math.Min(total, ring.BufferSize);
            ushort at = (ushort)(ring.Cursor + slot);
            Gather(ref index, ref offset, ring.Buffer(at), here);
            total -= here;
            ring.Write(at, here, more: total > 0);
        }

        return (int)needed;
    }

    /// <summary>Server: writes a packet into the buffers that the client gave; returns how many slots it took, 0 when there are not enough or the client lied.</summary>
    private int WriteTheirs(MemifLink link, MemifRing ring, uint index)
    {
        uint given = (ushort)(ring.Head - ring.Cursor);
        if (given > ring.Size)
        {
            Blame(link, MemifFault.RingIndex);
            return 0;
        }

        uint rest = _pool.Meta(index)->TotalLength;
        uint offset = 0;
        for (uint slot = 0; slot < given; slot++)
        {
            ulong* descriptor = ring.Descriptor((ushort)(ring.Cursor + slot));
            ulong first = Volatile.Read(ref descriptor[0]);
            uint room = (uint)(first >> 32);
            byte* data = link.Find((ushort)(first >> 16), (uint)Volatile.Read(ref descriptor[1]), room, out MemifFault fault);
            if (room == 0) fault = MemifFault.DescriptorRange;
            if (fault != MemifFault.None)
            {
                Blame(link, fault);
                return 0;
            }

            uint here = Math.Min(rest, room);
            Gather(ref index, ref offset, data, here);
            rest -= here;

            // What is not published is not read: running out of slots half way leaves nothing behind.
            descriptor[0] = (first & 0xFFFF_0000) | (rest > 0 ? MemifRing.Next : 0u) | ((ulong)here << 32);
            if (rest == 0) return (int)slot + 1;
        }

        return 0;
    }

    /// <summary>Copies the next bytes of a packet's chain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Gather(ref uint index, ref uint offset, byte* into, uint length)
    {
        PacketMeta* meta = _pool.Meta(index);
        if (offset == 0 && meta->Length == length)
        {
            Unsafe.CopyBlockUnaligned(into, _pool.Data(index), length);
            index = meta->Next;
            return;
        }

        while (length > 0)
        {
            meta = _pool.Meta(index);
            uint here = Math.Min(length, meta->Length - offset);
            Unsafe.CopyBlockUnaligned(into, _pool.Data(index) + offset, here);
            into += here;
            length -= here;
            offset += here;
            if (offset < meta->Length) continue;
            offset = 0;
            index = meta->Next;
        }
    }

    /// <summary>A number that is the same for all packets between two addresses, so that they stay in order; other frames all have the same.</summary>
    private uint Flow(uint index)
    {
        byte* frame = _pool.Data(index);
        int length = _pool.Meta(index)->Length;
        ulong sum = 0;
        if (length >= 34 && frame[12] == 0x08 && frame[13] == 0x00)
            sum = *(ulong*)(frame + 26);
        else if (length >= 54 && frame[12] == 0x86 && frame[13] == 0xDD)
            sum = *(ulong*)(frame + 22) ^ *(ulong*)(frame + 30) ^ *(ulong*)(frame + 38) ^ *(ulong*)(frame + 46);
        return (uint)((sum * 0x9E37_79B9_7F4A_7C15) >> 40);
    }
}
