using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Graph;

/// <summary>A traced packet as it arrived at a node, or its end; 128 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal unsafe struct TraceRecord
{
    public const int Bytes = 88;
    public const ushort NotDropped = ushort.MaxValue;

    public long Time;
    public uint RxInterface;
    public uint TotalLength;

    /// <summary>Names the packet through all its records, and through its copies.</summary>
    public ushort TraceId;
    public ushort Node;

    /// <summary>Number of the drop reason, or <see cref="NotDropped"/>.</summary>
    public ushort Drop;

    /// <summary>How many of <see cref="Head"/> there are.</summary>
    public ushort HeadLength;
    public uint Sa;
    public uint NextHop;

    /// <summary>Interface that the packet is to leave by, as far as a node said so.</summary>
    public ushort TxInterface;
    public ushort Vrf;
    public PacketFlags Flags;
    public byte Protocol;

    /// <summary>Octets from the current header to what follows the IP header; 255 when it is not in <see cref="Head"/>.</summary>
    public byte L4;

    /// <summary>The bytes from the current header on.</summary>
    public fixed byte Head[Bytes];
}

/// <summary>
/// The last steps of traced packets of one worker. The control side arms it for a number of packets, reads it, and turns it off; while it is off the graph pays one branch per frame.
/// A full ring overwrites the oldest.
/// </summary>
internal sealed unsafe class TraceRing : IDisposable
{
    private readonly TraceRecord* _records;
    private readonly uint _mask;
    private ulong _written;
    private int _wanted;
    private uint _onInterface;
    private TraceFilter? _filter;
    private ushort _lastId;
    private ushort _lastNode;
    private volatile bool _on;

    public TraceRing(int capacity)
    {
        var size = System.Numerics.BitOperations.RoundUpToPowerOf2((uint)capacity);
        _mask = size - 1;
        _records = (TraceRecord*)NativeMemory.AlignedAlloc(size * (nuint)sizeof(TraceRecord), 64);
        NativeMemory.Clear(_records, size * (nuint)sizeof(TraceRecord));
    }

    public bool IsOn => _on;

    /// <summary>Starts to trace the next packets received, on one interface or (0) on any, those of one flow or (null) all.</summary>
    public void Arm(int packets, uint onInterface, TraceFilter? filter = null)
    {
        Volatile.Write(ref _filter, filter);
        Volatile.Write(ref _onInterface, onInterface);
        Volatile.Write(ref _wanted, packets);
        _on = true;
    }

    public void Off() => _on = false;

    /// <summary>Marks packets just received while some are wanted.</summary>
    public void Mark(WorkerContext context, uint* indices, int count)
    {
        var filter = Volatile.Read(ref _filter);
        for (var i = 0; i < count && _wanted > 0; i++)
        {
            var meta = context.Pool.Meta(indices[i]);
            if (_onInterface != 0 && meta->RxInterface != _onInterface) continue;
            if (filter is not null && !filter.Matches(context.Pool.Data(indices[i]), meta->Length)) continue;
            _wanted--;
            meta->Flags |= PacketFlags.Traced;
            // Numbers of different workers differ: a packet may go on with another one.
            meta->TraceId = (ushort)((++_lastId * Math.Max(1, context.HandoffTo.Length)) + context.Worker);
        }
    }

    public void Visited(WorkerContext context, ushort node, uint* indices, int count)
    {
        _lastNode = node;
        for (var i = 0; i < count; i++)
            if ((context.Pool.Meta(indices[i])->Flags & PacketFlags.Traced) != 0) Write(context, node, TraceRecord.NotDropped, indices[i]);
    }

    public void Dropped(WorkerContext context, ushort reason, uint index)
    {
        if (_on) Write(context, _lastNode, reason, index);
    }

    /// <summary>Copies the records, oldest first. Records written meanwhile may be torn; turn the ring off first where that matters.</summary>
    public int Read(Span<TraceRecord> into)
    {
        var written = Volatile.Read(ref _written);
        var count = (int)Math.Min(written, Math.Min(_mask + 1, (ulong)into.Length));
        for (var i = 0; i < count; i++) into[i] = _records[(written - (ulong)(count - i)) & _mask];
        return count;
    }

    public void Clear() => Volatile.Write(ref _written, 0);

    public void Dispose() => NativeMemory.AlignedFree(_records);

    private void Write(WorkerContext context, ushort node, ushort drop, uint index)
    {
        var meta = context.Pool.Meta(index);
        var record = _records + (_written & _mask);
        record->Time = context.Now;
        record->RxInterface = meta->RxInterface;
        record->TotalLength = meta->TotalLength;
        record->TraceId = meta->TraceId;
        record->Node = node;
        record->Drop = drop;
        record->Sa = meta->Sa;
        record->NextHop = meta->NextHop;
        record->TxInterface = (ushort)meta->TxInterface;
        record->Vrf = (ushort)meta->Vrf;
        record->Flags = meta->Flags;
        record->Protocol = meta->Protocol;
        var l4 = meta->L4 - meta->Offset;
        record->L4 = l4 is < 0 or > TraceRecord.Bytes ? byte.MaxValue : (byte)l4;
        record->HeadLength = Math.Min(meta->Length, (ushort)TraceRecord.Bytes);
        Buffer.MemoryCopy(context.Pool.Data(index), record->Head, TraceRecord.Bytes, record->HeadLength);
        Volatile.Write(ref _written, _written + 1);
    }
}
