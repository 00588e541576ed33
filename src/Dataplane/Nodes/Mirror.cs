using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Copies frames for a mirror.</summary>
internal static unsafe class Mirror
{
    /// <summary>Counts of the nodes that use this.</summary>
    public enum Count : ushort
    {
        Copied,
        NoBuffer,
    }

    public static (Count Count, string Sentence)[] Counts { get; } =
        [(Count.Copied, "Frames that were copied to a mirror's destination."), (Count.NoBuffer, "Frames that were not copied because no packet was free.")];

    /// <summary>
    /// Sends a copy of a frame to where the interface's copies go. Its RxInterface marks it, so that it is not copied again, whatever it gets around it.
    /// </summary>
    /// <param name="output">The edge to interface-output.</param>
    public static void Copy<TEdge>(ref Frame frame, uint index, InterfaceEntry* source, TEdge output)
        where TEdge : unmanaged, Enum
    {
        var meta = frame.Meta(index);
        var copy = PacketCopy.Slice(frame.Pool, index, 0, (int)meta->TotalLength);
        if (copy == 0)
        {
            frame.Add(Count.NoBuffer);
            return;
        }
        frame.Add(Count.Copied);
        var copied = frame.Meta(copy);
        copied->Flags = PacketFlags.Own;
        copied->RxInterface = InterfaceTable.Mirrored;
        copied->TxInterface = source->SpanTo;
        copied->NextHop = 0;
        frame.Enqueue(output, copy);
    }
}
