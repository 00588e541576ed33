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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var interfaces = frame.Tables.Interfaces;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (meta->Length < HeaderLength)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            var data = frame.Data(index);
            var entry = interfaces[meta->RxInterface];
            if ((entry->Flags & InterfaceFlags.Layer2) != 0 && TakeLayer2(ref frame, index, meta, entry->Flags, data)) continue;
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
            if ((entry->Flags & InterfaceFlags.Punt) != 0) meta->Flags |= PacketFlags.Own;
            int type = Wire.U16(data + 12);
            PacketTrim.Advance(meta, HeaderLength);
            switch (type)
            {
                case 0x0800:
                    frame.Enqueue(Edge.Ip4Input, index);
                    break;
                case 0x86DD:
                    frame.Enqueue(Edge.Ip6Input, index);
                    break;
                case 0x0806:
                    frame.Enqueue(Edge.ArpInput, index);
                    break;
                case VlanTag.Dot1q when meta->Length >= 4 && (Wire.U16(data + HeaderLength) & VlanTag.IdMask) == 0:
                    // IEEE 802.1Q §6.9: a tag with VLAN 0 says the priority alone; the frame is as good as untagged.
                    PacketTrim.Prepend(meta, HeaderLength);
                    frame.Enqueue(Edge.VlanInput, index);
                    break;
                case VlanTag.Dot1q or VlanTag.Dot1ad:
                    frame.Drop(Reason.Vlan, index);
                    break;
                default:
                    frame.Drop(Reason.UnknownType, index);
                    break;
            }
        }
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
