using System.Runtime.CompilerServices;
using Gateway.Dataplane.Abf;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Finds the route of an IPv4 packet and, when it is forwarded, takes one off its TTL.</summary>
internal readonly unsafe struct Ip4Lookup : INode
{
    private enum Edge : ushort
    {
        Local,
        SpdInput,
        SpdOutput,
        Rewrite,
        IcmpError,
        AclOutput,
        FlowOutput,
    }

    private enum Reason : ushort
    {
        NoRoute,
        Blackhole,
        Prohibited,
        Unreachable,
        LinkBroadcast,
        LinkLocal,
        TtlExpired,
    }

    private enum Count : ushort
    {
        ByPolicy,
        PolicyAway,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip4Lookup,
        [
            (Edge.Local, NodeNames.Ip4Local),
            (Edge.SpdInput, NodeNames.Spd4Input),
            (Edge.SpdOutput, NodeNames.Spd4Output),
            (Edge.Rewrite, NodeNames.Ip4Rewrite),
            (Edge.IcmpError, NodeNames.Icmp4Error),
            (Edge.AclOutput, NodeNames.Ip4AclOutput),
            (Edge.FlowOutput, NodeNames.Ip4FlowOutput),
        ],
        [
            (Reason.NoRoute, "No route leads to the destination."),
            (Reason.Blackhole, "The route to the destination is a blackhole, or it is the broadcast address of a connected network."),
            (Reason.Prohibited, "The route to the destination is prohibited."),
            (Reason.Unreachable, "The route to the destination says that it is unreachable."),
            (Reason.LinkBroadcast, "The packet came as a link broadcast to an address of another host."),
            (Reason.LinkLocal, "A link-local address (169.254.0.0/16) is not forwarded."),
            (Reason.TtlExpired, "The packet's time to live ended here."),
        ],
        [
            (Count.ByPolicy, "Packets that a policy of forwarding sent to its next hop, whatever their route."),
            (Count.PolicyAway, "Packets that a policy of forwarding means, but all its next hops are away."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var tables = frame.Tables;
        var adjacencies = tables.Adjacencies;
        var destinations = stackalloc uint[Frame.Size];
        var nextHops = stackalloc uint[Frame.Size];
        var edges = stackalloc Edge[Frame.Size];
        var indices = frame.Indices;
        var count = frame.Count;
        for (var i = 0; i < count; i++)
        {
            destinations[i] = Wire.U32(frame.Data(indices[i]) + 16);
            nextHops[i] = frame.Meta(indices[i])->Vrf;
        }
        tables.Fib4.Lookup(destinations, nextHops, count);
        if (Volatile.Read(ref tables.Abf.Any))
        {
            var (sent, away) = AbfSteering.Steer<FilterIp4>(ref frame, nextHops);
            frame.Add(Count.ByPolicy, sent);
            frame.Add(Count.PolicyAway, away);
        }
        var spd = Volatile.Read(ref tables.SpdActive);
        var filtered = Volatile.Read(ref tables.Filters.AnyOut);
        for (var i = 0; i < count; i++)
        {
            var index = indices[i];
            var meta = frame.Meta(index);
            edges[i] = Frame.Gone<Edge>();
            var ip = frame.Data(index);
            var nextHop = nextHops[i];
            meta->NextHop = nextHop;
            var kind = adjacencies[nextHop]->Kind;
            var flags = meta->Flags;
            if (kind == AdjacencyKind.Local)
            {
                edges[i] = Edge.Local;
                continue;
            }
            if (kind < AdjacencyKind.Glean)
            {
                if (kind == AdjacencyKind.Multipath)
                {
                    nextHop = PathList.Choose4(adjacencies[nextHop], ip, meta->Length, FlowOrigin.Of(meta));
                    meta->NextHop = nextHop;
                    kind = adjacencies[nextHop]->Kind;
                }
                if (kind < AdjacencyKind.Glean)
                {
                    Unforwarded(ref frame, kind, meta, index);
                    continue;
                }
            }
            if ((flags & PacketFlags.Own) == 0)
            {
                // RFC 1812 §5.3.4: what came as a link-layer broadcast is not forwarded.
                if ((flags & PacketFlags.Broadcast) != 0)
                {
                    frame.Drop(Reason.LinkBroadcast, index);
                    continue;
                }
                // RFC 3927 §7.
                if (Wire.U16(ip + 12) == 0xA9FE || destinations[i] >> 16 == 0xA9FE)
                {
                    frame.Drop(Reason.LinkLocal, index);
                    continue;
                }
                // RFC 1812 §5.3.1: the TTL is checked before forwarding only.
                if (ip[8] <= 1)
                {
                    frame.AddDrop(Reason.TtlExpired);
                    meta->Opaque0 = IcmpError.TtlExceeded4;
                    frame.Enqueue(Edge.IcmpError, index);
                    continue;
                }
                ip[8]--;
                // RFC 1624: the word that holds the TTL went down by 0x0100, so the checksum goes up by as much.
                var sum = (uint)Unsafe.ReadUnaligned<ushort>(ip + 10) + 1;
                Unsafe.WriteUnaligned(ip + 10, (ushort)(sum + (sum >= 0xFFFF ? 1u : 0)));
            }
            if (spd && (flags & PacketFlags.BypassSpd) == 0 && (meta->Vrf == 0 || !VrfExit.StaysOutside(tables, meta)))
            {
                edges[i] = (flags & (PacketFlags.Own | PacketFlags.Decrypted)) != 0 ? Edge.SpdOutput : Edge.SpdInput;
            }
            else if (filtered && FilterExit.Leads(tables, meta, InterfaceFlags.AclOut4))
            {
                edges[i] = Edge.AclOutput;
            }
            else if ((flags & PacketFlags.FlowNew) != 0)
            {
                meta->TxInterface = adjacencies[nextHop]->Interface;
                edges[i] = Edge.FlowOutput;
            }
            else
            {
                edges[i] = Edge.Rewrite;
            }
        }
        frame.Dispatch(edges);
    }

    private static void Unforwarded(ref Frame frame, AdjacencyKind kind, PacketMeta* meta, uint index)
    {
        switch (kind)
        {
            case AdjacencyKind.Local:
                frame.Enqueue(Edge.Local, index);
                break;
            case AdjacencyKind.Blackhole:
                frame.Drop(Reason.Blackhole, index);
                break;
            case AdjacencyKind.Prohibit:
                frame.AddDrop(Reason.Prohibited);
                meta->Opaque0 = IcmpError.Prohibited4;
                frame.Enqueue(Edge.IcmpError, index);
                break;
            case AdjacencyKind.Unreachable:
                frame.AddDrop(Reason.Unreachable);
                meta->Opaque0 = IcmpError.HostUnreachable4;
                frame.Enqueue(Edge.IcmpError, index);
                break;
            default:
                frame.AddDrop(Reason.NoRoute);
                meta->Opaque0 = IcmpError.NetUnreachable4;
                frame.Enqueue(Edge.IcmpError, index);
                break;
        }
    }
}
