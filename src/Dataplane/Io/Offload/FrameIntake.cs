using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>
/// Turns a frame as the kernel gave it (flat memory, perhaps a super-packet, perhaps with an open checksum or a VLAN tag beside it) into pool packets that are complete in themselves.
/// A burst that does not fit the caller's span is continued by the next <see cref="Drain"/>; the frame must stay in place until <see cref="Busy"/> is false.
/// </summary>
internal unsafe struct FrameIntake(PacketPool pool)
{
    private const int _macs = 12;
    private const int _tagLength = 4;

    private SuperPacket _super;
    private byte* _frame;
    private int _length;
    private bool _isSuper;
    private uint _tag;

    /// <summary>Whether a frame is being taken in.</summary>
    public bool Busy { get; private set; }

    /// <summary>Starts on a frame. <paramref name="tag"/> is the VLAN tag that the kernel keeps apart, TPID in the upper half, 0 none. A damaged frame leaves the intake idle.</summary>
    public OffloadFault Begin(byte* frame, int length, in VnetHeader header, uint tag)
    {
        Busy = false;
        _frame = frame;
        _length = length;
        _tag = tag;
        if (length < FrameLayout.EthernetLength) return OffloadFault.Truncated;
        _isSuper = header.Gso != VnetGso.None;
        OffloadFault fault = OffloadFault.None;
        if (_isSuper) fault = SuperPacket.Begin(frame, length, header, out _super);
        else if ((header.Flags & VnetFlags.NeedsChecksum) != 0) fault = PartialChecksum.Complete(frame, length, header);
        Busy = fault == OffloadFault.None;
        return fault;
    }

    /// <summary>Gives up on the rest of the frame, as when its memory goes away.</summary>
    public void Abandon() => Busy = false;

    /// <summary>Fills the span with packets of the frame and returns how many. What finds no free chunk is lost and counted.</summary>
    public int Drain(Span<uint> into, ref PortCounters counters)
    {
        int count = 0;
        while (Busy && count < into.Length)
        {
            uint index = _isSuper ? NextSegment() : WholeFrame();
            if (index == 0)
            {
                counters.RxDropped++;
                continue;
            }

            counters.RxPackets++;
            counters.RxBytes += pool.Meta(index)->TotalLength;
            into[count++] = index;
        }

        return count;
    }

    private uint WholeFrame()
    {
        Busy = false;
        uint index = pool.Allocate();
        if (index == 0) return 0;
        byte* into = pool.Data(index);
        if (_tag == 0) return Append(index, 0, _frame, _length);
        Unsafe.CopyBlockUnaligned(into, _frame, _macs);
        WriteTag(into);
        return Append(index, _macs + _tagLength, _frame + _macs, _length - _macs);
    }

    private uint NextSegment()
    {
        byte* payload = _super.Payload;
        int size = _super.NextPayload, headers = _super.HeaderLength;
        uint index = pool.Allocate();
        if (index == 0)
        {
            _super.Skip();
            Busy = !_super.Done;
            return 0;
        }

        byte* into = pool.Data(index);
        if (_tag == 0)
        {
            _super.WriteHeaders(into);
        }
        else
        {
            _super.WriteHeaders(into + _tagLength);
            Buffer.MemoryCopy(into + _tagLength, into, _macs, _macs);
            WriteTag(into);
            headers += _tagLength;
        }

        Busy = !_super.Done;
        pool.Meta(index)->Flags |= PacketFlags.ChecksumKnown;
        return Append(index, headers, payload, size);
    }

    private readonly void WriteTag(byte* frame)
    {
        frame[_macs] = (byte)(_tag >> 24);
        frame[_macs + 1] = (byte)(_tag >> 16);
        frame[_macs + 2] = (byte)(_tag >> 8);
        frame[_macs + 3] = (byte)_tag;
    }

    /// <summary>Puts bytes behind the <paramref name="written"/> ones of a fresh packet, chaining chunks for what is longer than one; 0 (and all freed) without enough of them.</summary>
    private readonly uint Append(uint first, int written, byte* from, int length)
    {
        PacketMeta* meta = pool.Meta(first);
        meta->TotalLength = (uint)(written + length);
        meta->Length = (ushort)written;
        byte* into = pool.Data(first) + written;
        int room = PacketPool.Room - written;
        while (true)
        {
            int here = Math.Min(room, length);
            Unsafe.CopyBlockUnaligned(into, from, (uint)here);
            meta->Length += (ushort)here;
            from += here;
            length -= here;
            if (length == 0) return first;
            uint next = pool.Allocate();
            if (next == 0)
            {
                pool.Free(first);
                return 0;
            }

            meta->Next = next;
            meta = pool.Meta(next);
            into = pool.Data(next);
            room = PacketPool.Room;
        }
    }
}
