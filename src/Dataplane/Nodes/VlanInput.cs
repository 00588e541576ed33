using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Finds the sub-interface of a tagged frame and takes the tags off that are the sub-interface's own; what lies behind them goes on untouched.
/// <code>
/// +-------------------+-------------------+------+-----+------+-----+-----------+---------
/// | destination (6)   | source (6)        | TPID | TCI | TPID | TCI | type (2)  | payload
/// +-------------------+-------------------+------+-----+------+-----+-----------+---------
///                                           outer tag    inner tag
///   TCI: priority (3 bits), drop eligible (1), VLAN (12)
/// </code>
/// </summary>
internal readonly unsafe struct VlanInput : INode
{
    private enum Reason : ushort
    {
        TooShort,
        UnknownVlan,
        Down,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<LinkInput.Edge, Reason>(
        NodeNames.VlanInput,
        LinkInput.Edges,
        [
            (Reason.TooShort, "The frame ends within its VLAN tag."),
            (Reason.UnknownVlan, "The frame's VLAN is none of the interface's sub-interfaces."),
            (Reason.Down, "The frame's sub-interface is disabled."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var tables = frame.Tables;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var data = frame.Data(index);
            if (meta->Length < EthernetInput.HeaderLength + 4)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            var carrier = meta->RxInterface;
            const uint noPriority = 0xFFFF_0000 | VlanTag.IdMask;
            var outer = Wire.U32(data + 12) & noPriority;
            uint inner = 0;
            if (meta->Length >= EthernetInput.HeaderLength + 8 && Wire.U16(data + 16) is VlanTag.Dot1q or VlanTag.Dot1ad) inner = Wire.U32(data + 16) & noPriority;
            if (tables.Vlans.TryFind(carrier, outer, inner, out var sub, out var tagBytes))
            {
                var entry = tables.Interfaces[sub];
                if ((InterfaceTable.FlagsOf(entry) & InterfaceFlags.Enabled) == 0)
                {
                    frame.Drop(Reason.Down, index);
                    continue;
                }
                Untag(meta, data, tagBytes);
                LinkInput.Receive(ref frame, index, meta, sub, entry->Flags);
                continue;
            }
            // A bridged or cross-connected interface takes what is none of its sub-interfaces' with its tags.
            if (LinkInput.TakerOf(tables.Interfaces[carrier]->Flags) is not LinkInput.Edge.EthernetInput and var taker)
            {
                frame.Enqueue(taker, index);
            }
            else if (outer == (uint)VlanTag.Dot1q << 16)
            {
                // IEEE 802.1Q §6.9: a tag with VLAN 0 says the priority alone.
                Untag(meta, data, 4);
                frame.Enqueue(LinkInput.Edge.EthernetInput, index);
            }
            else
            {
                frame.Drop(Reason.UnknownVlan, index);
            }
        }
    }

    /// <summary>Moves the two addresses over the tags.</summary>
    private static void Untag(PacketMeta* meta, byte* data, int tagBytes)
    {
        var last = Unsafe.ReadUnaligned<uint>(data + 8);
        var first = Unsafe.ReadUnaligned<ulong>(data);
        Unsafe.WriteUnaligned(data + tagBytes + 8, last);
        Unsafe.WriteUnaligned(data + tagBytes, first);
        PacketTrim.Advance(meta, tagBytes);
    }
}
