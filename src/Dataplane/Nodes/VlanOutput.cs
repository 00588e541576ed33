using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>Puts the tags of a sub-interface between the addresses and the type of a frame (see <see cref="VlanInput"/> for the layout), and sends it by the interface that carries it.</summary>
internal readonly unsafe struct VlanOutput : INode
{
    private enum Edge : ushort
    {
        Output,
    }

    private enum Reason : ushort
    {
        NoRoom,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.VlanOutput,
        [(Edge.Output, NodeNames.InterfaceOutput)],
        [(Reason.NoRoom, "Too many headers were put around the packet.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var interfaces = frame.Tables.Interfaces;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var entry = interfaces[meta->TxInterface];
            int tagBytes = entry->TagBytes;
            if (meta->Offset < tagBytes)
            {
                frame.Drop(Reason.NoRoom, index);
                continue;
            }
            var data = frame.Data(index);
            var first = Unsafe.ReadUnaligned<ulong>(data);
            var last = Unsafe.ReadUnaligned<uint>(data + 8);
            PacketTrim.Prepend(meta, tagBytes);
            data -= tagBytes;
            Unsafe.WriteUnaligned(data, first);
            Unsafe.WriteUnaligned(data + 8, last);
            var tags = entry->Tags;
            Unsafe.WriteUnaligned(data + 12, (uint)tags);
            if (tagBytes == 8) Unsafe.WriteUnaligned(data + 16, (uint)(tags >> 32));
            meta->TxInterface = entry->Carrier;
            frame.Enqueue(Edge.Output, index);
        }
    }
}
