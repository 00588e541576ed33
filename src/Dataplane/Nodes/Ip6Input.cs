using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Holds an IPv6 packet to RFC 8200 and finds its L4 header.
/// <code>
/// +-------+---------------+---------------------------------------+
/// |version| traffic class |             flow label                |
/// +-------------------------------+---------------+---------------+
/// |        payload length         |  next header  |   hop limit   |
/// +-------------------------------+---------------+---------------+
/// |                    source address (16)                        |
/// |                    destination address (16)                   |
/// </code>
/// </summary>
internal readonly unsafe struct Ip6Input : INode
{
    private enum Edge : ushort
    {
        Lookup,
        Local,
        AclInput,
        FlowInput,
    }

    private enum Reason : ushort
    {
        TooShort,
        BadVersion,
        BadPayloadLength,
        MartianSource,
        MartianDestination,
        OwnSource,
        Multicast,
        ForeignLinkLocal,
        BadExtension,
        TooManyExtensions,
        RoutingHeader0,
        NoWayBack,
        BogonSource,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.Ip6Input,
        [(Edge.Lookup, NodeNames.Ip6Lookup), (Edge.Local, NodeNames.Ip6Local), (Edge.AclInput, NodeNames.Ip6AclInput), (Edge.FlowInput, NodeNames.Ip6FlowInput)],
        [
            (Reason.TooShort, "The packet is shorter than an IPv6 header."),
            (Reason.BadVersion, "The version field is not 6."),
            (Reason.BadPayloadLength, "The payload length is longer than what arrived."),
            (Reason.MartianSource, "The source address cannot be a sender: multicast, loopback, unspecified or an embedded IPv4 address."),
            (Reason.MartianDestination, "The destination address is unspecified, loopback or an embedded IPv4 address."),
            (Reason.OwnSource, "The packet came from a wire with one of the gateway's own addresses as source."),
            (Reason.Multicast, "The packet goes to a multicast group that the gateway does not listen to."),
            (Reason.ForeignLinkLocal, "The packet goes to the link-local address of another host."),
            (Reason.BadExtension, "An extension header runs past the packet or stands where it must not."),
            (Reason.TooManyExtensions, "The packet has more extension headers than are read."),
            (Reason.RoutingHeader0, "The packet has a type 0 routing header, which is forbidden."),
            (Reason.NoWayBack, "No route leads back to the packet's source, or none by the interface that it came in by, and the interface asks for one."),
            (Reason.BogonSource, "The packet's source is an address that nobody has (RFC 6890), and only a default route leads to it."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var tables = frame.Tables;
        var flows = tables.Flows.Active6;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            if (meta->Length < Ip6Header.Length)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            if (ip[0] >> 4 != 6)
            {
                frame.Drop(Reason.BadVersion, index);
                continue;
            }
            var total = (uint)(Ip6Header.Length + Wire.U16(ip + 4));
            if (total > meta->TotalLength)
            {
                frame.Drop(Reason.BadPayloadLength, index);
                continue;
            }
            if (total != meta->TotalLength) PacketTrim.Truncate(frame.Pool, index, total);
            meta->L3 = meta->Offset;
            meta->FragmentSize = 0;

            var (sourceHigh, sourceLow) = (Wire.U64(ip + 8), Wire.U64(ip + 16));
            var (high, low) = (Wire.U64(ip + 24), Wire.U64(ip + 32));
            // RFC 4291 §2.5.3, §2.5.5, §2.7: loopback, embedded IPv4 and multicast are no senders. Unspecified is one only for neighbor discovery, judged below.
            if (sourceHigh >> 56 == 0xFF || (sourceHigh == 0 && sourceLow != 0 && (sourceLow == 1 || sourceLow >> 32 is 0 or 0xFFFF)))
            {
                frame.Drop(Reason.MartianSource, index);
                continue;
            }
            if (high == 0 && (low <= 1 || low >> 32 is 0 or 0xFFFF))
            {
                frame.Drop(Reason.MartianDestination, index);
                continue;
            }
            switch (Ip6Extensions.Walk(meta, ip))
            {
                case Ip6Extensions.Result.Bad:
                    frame.Drop(Reason.BadExtension, index);
                    continue;
                case Ip6Extensions.Result.TooMany:
                    frame.Drop(Reason.TooManyExtensions, index);
                    continue;
                case Ip6Extensions.Result.RoutingHeader0:
                    frame.Drop(Reason.RoutingHeader0, index);
                    continue;
            }
            var unspecified = sourceHigh == 0 && sourceLow == 0;
            if (unspecified && !(meta->Protocol == 58 && high >> 56 == 0xFF))
            {
                frame.Drop(Reason.MartianSource, index);
                continue;
            }
            var entry = tables.Interfaces[meta->RxInterface];
            var filtered = (entry->Flags & InterfaceFlags.AclIn6) != 0;
            if ((meta->Flags & PacketFlags.Own) == 0 && (entry->Flags & (InterfaceFlags.SourceCheck | InterfaceFlags.ReversePath6)) != 0 && !unspecified)
            {
                var back = tables.Fib6.Lookup(meta->Vrf, sourceHigh, sourceLow);
                if (back == AdjacencyTable.Local && (entry->Flags & InterfaceFlags.SourceCheck) != 0)
                {
                    frame.Drop(Reason.OwnSource, index);
                    continue;
                }
                // A link-local source is always on the link; what an SA carries was held to its selectors.
                if (back != AdjacencyTable.Local && (entry->Flags & InterfaceFlags.ReversePath6) != 0 && (meta->Flags & PacketFlags.Decrypted) == 0 && sourceHigh >> 54 != 0xFE80 >> 6
                    && !ReversePath.Allows(tables.Adjacencies, back, meta->RxInterface, (entry->Flags & InterfaceFlags.StrictSource6) != 0))
                {
                    frame.Drop(Reason.NoWayBack, index);
                    continue;
                }
                // A special address is a source where a route of its own leads to it, not where only the default one does.
                if (entry->Bogons6 != 0 && (entry->Bogons6 & Bogons.Of6(sourceHigh, sourceLow)) != 0 && (meta->Flags & PacketFlags.Decrypted) == 0
                    && back == tables.Fib6.Lookup(meta->Vrf, Bogons.Nowhere6High, Bogons.Nowhere6Low))
                {
                    frame.Drop(Reason.BogonSource, index);
                    continue;
                }
            }
            if (high >> 56 == 0xFF)
            {
                // All nodes, all routers (RFC 4291 §2.7.1) and solicited-node groups of ICMPv6 matter here.
                var group = high == 0xFF02_0000_0000_0000 && (low is 1 or 2 || low >> 24 == 0x0000_0001_FF);
                if (group && meta->Protocol == 58 && (meta->Flags & PacketFlags.Decrypted) == 0) frame.Enqueue(filtered ? Edge.AclInput : Edge.Local, index);
                else frame.Drop(Reason.Multicast, index);
                continue;
            }
            if (high >> 54 == 0xFE80 >> 6)
            {
                meta->NextHop = AdjacencyTable.Local;
                if (tables.Local.Has6(meta->RxInterface, high, low) || (entry->Flags & InterfaceFlags.Punt) != 0) frame.Enqueue(filtered ? Edge.AclInput : Edge.Local, index);
                else frame.Drop(Reason.ForeignLinkLocal, index);
                continue;
            }
            frame.Enqueue(flows && (meta->Flags & PacketFlags.Own) == 0 ? Edge.FlowInput : filtered ? Edge.AclInput : Edge.Lookup, index);
        }
    }
}
