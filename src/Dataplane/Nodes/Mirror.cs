using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Copies frames for a mirror.</summary>
internal static unsafe class Mirror
{
    /// <summary>A copy of a frame that is ready to leave by the interface that takes the copies; 0 when no packet is free. Its RxInterface marks it, so that it is not copied again, whatever it gets around it.</summary>
    public static uint Copy(ref Frame frame, uint index, InterfaceEntry* source)
    {
        var meta = frame.Meta(index);
        var copy = PacketCopy.Slice(frame.Pool, index, 0, (int)meta->TotalLength);
        if (copy == 0) return 0;
        var copied = frame.Meta(copy);
        copied->Flags = PacketFlags.Own;
        copied->RxInterface = InterfaceTable.Mirrored;
        copied->TxInterface = source->SpanTo;
        copied->NextHop = 0;
        return copy;
    }
}
