using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Ends the way of IPv6 packets for the gateway itself: echo requests are answered here, the rest goes to the host's stack or is refused.</summary>
internal readonly unsafe struct Ip6Deliver : INode
{
    private enum Edge : ushort
    {
        Lookup,
        HostPunt,
        IcmpError,
        Output,
        VxlanDecap,
        IpTunnelDecap,
    }

    private enum Reason : ushort
    {
        BadIcmpChecksum,
        ShortIcmp,
        IcmpUnwanted,
        OuterTooBig,
        PortUnreachable,
        UnknownNextHeader,
        GroupForUs,
        EchoLimited,
    }

    private enum Count : ushort
    {
        EchoReplies,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip6Deliver,
        [
            (Edge.Lookup, NodeNames.Ip6Lookup),
            (Edge.HostPunt, NodeNames.HostPunt),
            (Edge.IcmpError, NodeNames.Icmp6Error),
            (Edge.Output, NodeNames.InterfaceOutput),
            (Edge.VxlanDecap, NodeNames.VxlanDecap),
            (Edge.IpTunnelDecap, NodeNames.IpTunnelDecap),
        ],
        [
            (Reason.BadIcmpChecksum, "The ICMPv6 checksum is wrong."),
            (Reason.ShortIcmp, "The ICMPv6 message is shorter than its header."),
            (Reason.IcmpUnwanted, "An ICMPv6 message that nothing here waits for."),
            (Reason.OuterTooBig, "A router said that an outer packet was too big for it; taken note of when a living SA or a tunnel sent it."),
            (Reason.PortUnreachable, "Nothing listens on the gateway's own address: there is no punt interface."),
            (Reason.UnknownNextHeader, "The gateway does not speak this IP protocol: there is no punt interface."),
            (Reason.GroupForUs, "A packet to a multicast group is not answered."),
            (Reason.EchoLimited, "More echo requests came in a second than are answered."),
        ],
        [(Count.EchoReplies, "Echo requests that were answered.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var host = Volatile.Read(ref frame.Tables.PuntInterface);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            // The host's stack lives in the default VRF.
            var punt = meta->Vrf == 0 ? host : 0;
            var ip = frame.Data(index);
            if (ip[24] == 0xFF)
            {
                // MLD, router advertisements and pings to all nodes; RFC 4443 §4.2 leaves the answer to us.
                frame.Drop(Reason.GroupForUs, index);
                continue;
            }
            if (meta->Protocol == 58 && (meta->Flags & PacketFlags.Fragment) == 0)
            {
                Icmp(ref frame, index, meta, ip, punt);
                continue;
            }
            if (VxlanDecap.IsFor(frame.Tables.Tunnels, meta, frame.Chunk(index), Wire.U64(ip + 24), Wire.U64(ip + 32), v6: true))
            {
                frame.Enqueue(Edge.VxlanDecap, index);
                continue;
            }
            if (IpTunnelDecap.IsFor(frame.Tables.IpTunnels, meta))
            {
                frame.Enqueue(Edge.IpTunnelDecap, index);
                continue;
            }
            if (punt != 0)
            {
                frame.Enqueue(Edge.HostPunt, index);
                continue;
            }
            if (meta->Protocol is 6 or 17 or 58)
            {
                frame.AddDrop(Reason.PortUnreachable);
                meta->Opaque0 = IcmpError.PortUnreachable6;
            }
            else
            {
                // RFC 4443 §3.4: the pointer names the field that holds the unknown next header.
                frame.AddDrop(Reason.UnknownNextHeader);
                meta->Opaque0 = IcmpError.ParameterProblem6(1, 6);
            }
            frame.Enqueue(Edge.IcmpError, index);
        }
    }

    private static void Icmp(ref Frame frame, uint index, PacketMeta* meta, byte* ip, uint punt)
    {
        var header = meta->L4 - meta->Offset;
        var length = (int)meta->TotalLength - header;
        if (length < 8 || header + 8 > meta->Length)
        {
            frame.Drop(Reason.ShortIcmp, index);
            return;
        }
        if (Checksum.Fold(Checksum.AddPacket(Checksum.Pseudo6(ip + 8, 58, length), frame.Pool, index, header, length)) != 0)
        {
            frame.Drop(Reason.BadIcmpChecksum, index);
            return;
        }
        var icmp = ip + header;
        // With extension headers the reply would need them cut out; the host's stack does that, where there is one.
        if (icmp[0] != 128 || header != Ip6Header.Length)
        {
            if (IpTunnelTooBig.TryTake(ref frame, meta, icmp, meta->Length - header, v6: true) || OuterTooBig.TryTake(ref frame, icmp, meta->Length - header, v6: true))
            {
                frame.Drop(Reason.OuterTooBig, index);
                return;
            }
            if (punt != 0) frame.Enqueue(Edge.HostPunt, index);
            else frame.Drop(Reason.IcmpUnwanted, index);
            return;
        }
        if (!frame.Context.MayEcho())
        {
            frame.Drop(Reason.EchoLimited, index);
            return;
        }
        // RFC 4443 §4.2: the source is the address that was asked. Swapping the addresses leaves the pseudo header's sum as it is.
        var before = Unsafe.ReadUnaligned<ushort>(icmp);
        icmp[0] = 129;
        Unsafe.WriteUnaligned(icmp + 2, Checksum.Update(Unsafe.ReadUnaligned<ushort>(icmp + 2), before, Unsafe.ReadUnaligned<ushort>(icmp)));
        var (sourceHigh, sourceLow) = (Wire.U64(ip + 8), Wire.U64(ip + 16));
        Unsafe.CopyBlockUnaligned(ip + 8, ip + 24, 16);
        Wire.Put64(ip + 24, sourceHigh);
        Wire.Put64(ip + 32, sourceLow);
        ip[7] = 64;
        frame.Add(Count.EchoReplies);
        var received = meta->RxInterface;
        meta->RxInterface = 0;
        meta->Sa = 0;
        var wasDecrypted = (meta->Flags & PacketFlags.Decrypted) != 0;
        meta->Flags = (meta->Flags | PacketFlags.Own) & ~(PacketFlags.Decrypted | PacketFlags.Broadcast | PacketFlags.FlowNew | PacketFlags.Reflect);
        if (sourceHigh >> 54 != 0xFE80 >> 6)
        {
            frame.Enqueue(Edge.Lookup, index);
            return;
        }
        if (wasDecrypted)
        {
            frame.Drop(Reason.IcmpUnwanted, index);
            return;
        }
        // A link-local asker sits on the link that it asked from: its frame is sent back the way it came.
        PacketTrim.Prepend(meta, EthernetInput.HeaderLength);
        var ethernet = frame.Data(index);
        MacAddress.Write(ethernet, MacAddress.Read(ethernet + 6));
        MacAddress.Write(ethernet + 6, frame.Tables.Interfaces[received]->Mac);
        meta->TxInterface = received;
        frame.Enqueue(Edge.Output, index);
    }
}
