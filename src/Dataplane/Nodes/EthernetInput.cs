using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Tells apart what an Ethernet frame carries.
/// <code>
/// +-------------------+-------------------+-----------+---------
/// | destination (6)   | source (6)        | type (2)  | payload
/// +-------------------+-------------------+-----------+---------
/// </code>
/// </summary>
internal readonly unsafe struct EthernetInput : INode
{
    public const int HeaderLength = 14;

    private enum Edge : ushort
    {
        Ip4Input,
        Ip6Input,
        ArpInput,
        VlanInput,
        BridgeInput,
        CrossConnect,
    }

    private enum Reason : ushort
    {
        TooShort,
        NotForUs,
        GroupSource,
        Vlan,
        UnknownType,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.EthernetInput,
        [(Edge.Ip4Input, NodeNames.Ip4Input), (Edge.Ip6Input, NodeNames.Ip6Input), (Edge.ArpInput, NodeNames.ArpInput),
            (Edge.VlanInput, NodeNames.VlanInput), (Edge.BridgeInput, NodeNames.BridgeInput), (Edge.CrossConnect, NodeNames.CrossConnect)],
        [
            (Reason.TooShort, "The frame is shorter than an Ethernet header."),
            (Reason.NotForUs, "The frame is addressed to another station."),
            (Reason.GroupSource, "The source MAC address is a group address."),
            (Reason.Vlan, "The frame carries a VLAN tag and the interface has no sub-interfaces."),
            (Reason.UnknownType, "The frame carries neither IPv4, IPv6 nor ARP."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var edges = stackalloc Edge[Frame.Size];
        var interfaces = frame.Tables.Interfaces;
        var indices = frame.Indices;
        var count = frame.Count;
        for (var i = 0; i < count; i++)
        {
            var index = indices[i];
            var meta = frame.Meta(index);
            edges[i] = Frame.Gone<Edge>();
            if (meta->Length < HeaderLength)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            var data = frame.Data(index);
            var entry = interfaces[meta->RxInterface];
            var flags = InterfaceTable.FlagsOf(entry);
            if ((flags & InterfaceFlags.Layer2) != 0 && TakeLayer2(ref frame, index, meta, flags, data)) continue;
            var destination = MacAddress.Read(data);
            if (destination != entry->Mac)
            {
                if (!MacAddress.IsGroup(destination))
                {
                    frame.Drop(Reason.NotForUs, index);
                    continue;
                }
                meta->Flags |= PacketFlags.Broadcast;
            }
            if ((data[6] & 1) != 0)
            {
                frame.Drop(Reason.GroupSource, index);
                continue;
            }
            meta->Vrf = entry->Vrf;
            if ((flags & InterfaceFlags.Punt) != 0) meta->Flags |= PacketFlags.Own;
            var type = Wire.U16(data + 12);
            PacketTrim.Advance(meta, HeaderLength);
            edges[i] = type switch
            {
                0x0800 => Edge.Ip4Input,
                0x86DD => Edge.Ip6Input,
                0x0806 => Edge.ArpInput,
                _ => Other(ref frame, index, meta, type, data),
            };
        }
        frame.Dispatch(edges);
    }

    /// <summary>A frame of none of the protocols that the gateway speaks, or with a tag.</summary>
    private static Edge Other(ref Frame frame, uint index, PacketMeta* meta, ushort type, byte* data)
    {
        if (type == VlanTag.Dot1q && meta->Length >= 4 && (Wire.U16(data + HeaderLength) & VlanTag.IdMask) == 0)
        {
            // IEEE 802.1Q §6.9: a tag with VLAN 0 says the priority alone; the frame is as good as untagged.
            PacketTrim.Prepend(meta, HeaderLength);
            return Edge.VlanInput;
        }
        frame.Drop(type is VlanTag.Dot1q or VlanTag.Dot1ad ? Reason.Vlan : Reason.UnknownType, index);
        return Frame.Gone<Edge>();
    }

    /// <summary>Frames of an interface that carries others or belongs to a bridge. False when the frame is the interface's own to take.</summary>
    private static bool TakeLayer2(ref Frame frame, uint index, PacketMeta* meta, InterfaceFlags flags, byte* data)
    {
        if ((flags & InterfaceFlags.SubInterfaces) != 0 && Wire.U16(data + 12) is VlanTag.Dot1q or VlanTag.Dot1ad) frame.Enqueue(Edge.VlanInput, index);
        else if ((flags & InterfaceFlags.Bridged) != 0) frame.Enqueue(Edge.BridgeInput, index);
        else if ((flags & InterfaceFlags.Connected) != 0) frame.Enqueue(Edge.CrossConnect, index);
        else return false;
        return true;
    }
}
