using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>Ends the way of IPv4 packets for the gateway itself: echo requests are answered here, the rest goes to the host's stack or is refused.</summary>
internal readonly unsafe struct Ip4Deliver : INode
{
    private enum Edge : ushort
    {
        Lookup,
        HostPunt,
        IcmpError,
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
        ProtocolUnreachable,
        BroadcastForUs,
        EchoLimited,
    }

    private enum Count : ushort
    {
        EchoReplies,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip4Deliver,
        [(Edge.Lookup, NodeNames.Ip4Lookup), (Edge.HostPunt, NodeNames.HostPunt), (Edge.IcmpError, NodeNames.Icmp4Error), (Edge.VxlanDecap, NodeNames.VxlanDecap), (Edge.IpTunnelDecap, NodeNames.IpTunnelDecap)],
        [
            (Reason.BadIcmpChecksum, "The ICMP checksum is wrong."),
            (Reason.ShortIcmp, "The ICMP message is shorter than its header."),
            (Reason.IcmpUnwanted, "An ICMP message that nothing here waits for."),
            (Reason.OuterTooBig, "A router said that an outer packet was too big for it; taken note of when a living SA or a tunnel sent it."),
            (Reason.PortUnreachable, "Nothing listens on the gateway's own address: there is no punt interface."),
            (Reason.ProtocolUnreachable, "The gateway does not speak this IP protocol: there is no punt interface."),
            (Reason.BroadcastForUs, "A link broadcast to the gateway's own address is not answered."),
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
            // RFC 1122 §3.3.6: a unicast packet in a link-layer broadcast is discarded.
            if ((meta->Flags & PacketFlags.Broadcast) != 0)
            {
                frame.Drop(Reason.BroadcastForUs, index);
                continue;
            }
            if (meta->Protocol == 1 && (meta->Flags & PacketFlags.Fragment) == 0)
            {
                Icmp(ref frame, index, meta, punt);
                continue;
            }
            if (VxlanDecap.IsFor(frame.Tables.Tunnels, meta, frame.Chunk(index), 0, Wire.U32(frame.Data(index) + 16), v6: false))
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
            var known = meta->Protocol is 6 or 17 or 1;
            frame.AddDrop(known ? Reason.PortUnreachable : Reason.ProtocolUnreachable);
            meta->Opaque0 = known ? IcmpError.PortUnreachable4 : IcmpError.ProtocolUnreachable4;
            frame.Enqueue(Edge.IcmpError, index);
        }
    }

    private static void Icmp(ref Frame frame, uint index, PacketMeta* meta, uint punt)
    {
        var header = meta->L4 - meta->Offset;
        var length = (int)meta->TotalLength - header;
        if (length < 8 || header + 8 > meta->Length)
        {
            frame.Drop(Reason.ShortIcmp, index);
            return;
        }
        if (Checksum.Fold(Checksum.AddPacket(0, frame.Pool, index, header, length)) != 0)
        {
            frame.Drop(Reason.BadIcmpChecksum, index);
            return;
        }
        var ip = frame.Data(index);
        var icmp = ip + header;
        if (icmp[0] != 8)
        {
            if (IpTunnelTooBig.TryTake(ref frame, meta, icmp, meta->Length - header, v6: false) || OuterTooBig.TryTake(ref frame, icmp, meta->Length - header, v6: false))
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
        // RFC 1122 §3.2.2.6: the reply comes from the address that was asked and carries the same data.
        var before = Unsafe.ReadUnaligned<ushort>(icmp);
        icmp[0] = 0;
        Unsafe.WriteUnaligned(icmp + 2, Checksum.Update(Unsafe.ReadUnaligned<ushort>(icmp + 2), before, Unsafe.ReadUnaligned<ushort>(icmp)));
        var source = Unsafe.ReadUnaligned<uint>(ip + 12);
        Unsafe.WriteUnaligned(ip + 12, Unsafe.ReadUnaligned<uint>(ip + 16));
        Unsafe.WriteUnaligned(ip + 16, source);
        ip[8] = 64;
        // A reply may be cut on its way back: DF and identification are the gateway's own.
        Wire.Put16(ip + 4, frame.Context.NextIp4Id());
        Wire.Put16(ip + 6, 0);
        Unsafe.WriteUnaligned(ip + 10, (ushort)0);
        Unsafe.WriteUnaligned(ip + 10, Checksum.Fold(Checksum.Add(0, ip, header)));
        meta->Flags = (meta->Flags | PacketFlags.Own) & ~(PacketFlags.Decrypted | PacketFlags.Broadcast | PacketFlags.FlowNew | PacketFlags.Reflect);
        meta->Sa = 0;
        meta->RxInterface = 0;
        frame.Add(Count.EchoReplies);
        frame.Enqueue(Edge.Lookup, index);
    }
}
