using System.Runtime.CompilerServices;
using Gateway.Dataplane.Abf;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Finds the route of an IPv6 packet and, when it is forwarded, takes one off its hop limit.</summary>
internal readonly unsafe struct Ip6Lookup : INode
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
        HopLimitExpired,
    }

    private enum Count : ushort
    {
        ByPolicy,
        PolicyAway,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip6Lookup,
        [
            (Edge.Local, NodeNames.Ip6Local),
            (Edge.SpdInput, NodeNames.Spd6Input),
            (Edge.SpdOutput, NodeNames.Spd6Output),
            (Edge.Rewrite, NodeNames.Ip6Rewrite),
            (Edge.IcmpError, NodeNames.Icmp6Error),
            (Edge.AclOutput, NodeNames.Ip6AclOutput),
            (Edge.FlowOutput, NodeNames.Ip6FlowOutput),
        ],
        [
            (Reason.NoRoute, "No route leads to the destination."),
            (Reason.Blackhole, "The route to the destination is a blackhole."),
            (Reason.Prohibited, "The route to the destination is prohibited."),
            (Reason.Unreachable, "The route to the destination says that it is unreachable."),
            (Reason.LinkBroadcast, "The packet came as a link multicast to an address of another host."),
            (Reason.LinkLocal, "A packet from a link-local address is not forwarded."),
            (Reason.HopLimitExpired, "The packet's hop limit ended here."),
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
        var highs = stackalloc ulong[Frame.Size];
        var lows = stackalloc ulong[Frame.Size];
        var nextHops = stackalloc uint[Frame.Size];
        for (var i = 0; i < frame.Count; i++)
        {
            var to = frame.Data(frame.Indices[i]) + 24;
            highs[i] = Wire.U64(to);
            lows[i] = Wire.U64(to + 8);
            nextHops[i] = frame.Meta(frame.Indices[i])->Vrf;
        }
        tables.Fib6.Lookup(highs, lows, nextHops, frame.Count);
        if (Volatile.Read(ref tables.Abf.Any))
        {
            var (sent, away) = AbfSteering.Steer<FilterIp6>(ref frame, nextHops);
            frame.Add(Count.ByPolicy, sent);
            frame.Add(Count.PolicyAway, away);
        }
        var spd = Volatile.Read(ref tables.SpdActive);
        var filtered = Volatile.Read(ref tables.Filters.AnyOut);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            var nextHop = nextHops[i];
            meta->NextHop = nextHop;
            var kind = adjacencies[nextHop]->Kind;
            var flags = meta->Flags;
            if (kind < AdjacencyKind.Glean)
            {
                if (kind == AdjacencyKind.Multipath)
                {
                    nextHop = PathList.Choose6(adjacencies[nextHop], ip, meta->Length);
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
                if ((flags & PacketFlags.Broadcast) != 0)
                {
                    frame.Drop(Reason.LinkBroadcast, index);
                    continue;
                }
                // RFC 4291 §2.5.6: routers do not forward packets with a link-local source.
                if (Wire.U16(ip + 8) >> 6 == 0xFE80 >> 6)
                {
                    frame.Drop(Reason.LinkLocal, index);
                    continue;
                }
                if (ip[7] <= 1)
                {
                    frame.AddDrop(Reason.HopLimitExpired);
                    meta->Opaque0 = IcmpError.HopLimitExceeded6;
                    frame.Enqueue(Edge.IcmpError, index);
                    continue;
                }
                ip[7]--;
            }
            if (!spd || (flags & PacketFlags.BypassSpd) != 0 || (meta->Vrf != 0 && VrfExit.StaysOutside(tables, meta)))
            {
                if (filtered && FilterExit.Leads(tables, meta, InterfaceFlags.AclOut6)) frame.Enqueue(Edge.AclOutput, index);
                else if ((flags & PacketFlags.FlowNew) != 0)
                {
                    meta->TxInterface = adjacencies[nextHop]->Interface;
                    frame.Enqueue(Edge.FlowOutput, index);
                }
                else frame.Enqueue(Edge.Rewrite, index);
            }
            else if ((flags & (PacketFlags.Own | PacketFlags.Decrypted)) != 0) frame.Enqueue(Edge.SpdOutput, index);
            else frame.Enqueue(Edge.SpdInput, index);
        }
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
                meta->Opaque0 = IcmpError.Prohibited6;
                frame.Enqueue(Edge.IcmpError, index);
                break;
            case AdjacencyKind.Unreachable:
                frame.AddDrop(Reason.Unreachable);
                meta->Opaque0 = IcmpError.NoRoute6;
                frame.Enqueue(Edge.IcmpError, index);
                break;
            default:
                frame.AddDrop(Reason.NoRoute);
                meta->Opaque0 = IcmpError.NoRoute6;
                frame.Enqueue(Edge.IcmpError, index);
                break;
        }
    }
}
