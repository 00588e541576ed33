using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Keeps the latest packet for a next hop whose MAC address is unknown and asks for it, every second or as its interface says; a next hop that stays silent ends in an ICMP error.</summary>
internal readonly unsafe struct NeighborResolve : INode
{
    private enum Edge : ushort
    {
        Output,
        Icmp4Error,
        Icmp6Error,
        Rewrite4,
        Rewrite6,
    }

    private enum Reason : ushort
    {
        Superseded,
        TableFull,
        Silent,
        NotOnLink,
    }

    private enum Count : ushort
    {
        Asked,
        RateLimited,
        Released,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.NeighborResolve,
        [
            (Edge.Output, NodeNames.InterfaceOutput),
            (Edge.Icmp4Error, NodeNames.Icmp4Error),
            (Edge.Icmp6Error, NodeNames.Icmp6Error),
            (Edge.Rewrite4, NodeNames.Ip4Rewrite),
            (Edge.Rewrite6, NodeNames.Ip6Rewrite),
        ],
        [
            (Reason.Superseded, "A later packet took the place of this one while both waited for a neighbor."),
            (Reason.TableFull, "Too many neighbors are being asked for at once."),
            (Reason.Silent, "The neighbor did not answer."),
            (Reason.NotOnLink, "The destination is the gateway's own address or no host address on this link."),
        ],
        [
            (Count.Asked, "ARP requests and neighbor solicitations sent."),
            (Count.RateLimited, "ARP requests and neighbor solicitations that the rate limit held back."),
            (Count.Released, "Packets that waited and were sent."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var context = frame.Context;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            // A packet that the timer gave up on comes here once more to get its end.
            if ((meta->Flags & PacketFlags.GaveUp) != 0)
            {
                meta->Flags &= ~PacketFlags.GaveUp;
                frame.AddDrop(Reason.Silent);
                var is6 = frame.Data(index)[0] >> 4 == 6;
                meta->Opaque0 = is6 ? IcmpError.AddressUnreachable6 : IcmpError.HostUnreachable4;
                frame.Enqueue(is6 ? Edge.Icmp6Error : Edge.Icmp4Error, index);
                continue;
            }
            var adjacency = frame.Tables.Adjacencies[meta->NextHop];
            var ip = frame.Data(index);
            var v6 = adjacency->V6;
            var (high, low) = (adjacency->NextHopHigh, adjacency->NextHopLow);
            if (adjacency->Kind == AdjacencyKind.Glean) (high, low) = v6 ? (Wire.U64(ip + 24), Wire.U64(ip + 32)) : (0, Wire.U32(ip + 16));
            // The neighbor may have answered while the packet was on its way here.
            if (frame.Tables.Neighbors.TryGet(high, low, DataplaneTables.NeighborTag(adjacency->Interface, v6), out var known)
                && frame.Tables.Adjacencies[known]->Kind == AdjacencyKind.Neighbor)
            {
                meta->NextHop = known;
                frame.Enqueue(v6 ? Edge.Rewrite6 : Edge.Rewrite4, index);
                continue;
            }
            var pending = context.Neighbors.Find(adjacency->Interface, high, low, v6);
            if (pending == null)
            {
                pending = context.Neighbors.Add(adjacency->Interface, high, low, v6);
                if (pending == null)
                {
                    frame.Drop(Reason.TableFull, index);
                    continue;
                }
                Ask(context, pending, frame.Node);
                context.Notices.TryPush(new Notice
                {
                    Kind = NoticeKind.NeighborWanted,
                    Interface = pending->Interface,
                    AddressHigh = high,
                    AddressLow = low,
                    V6 = v6,
                });
            }
            if (pending->Packet != 0) frame.Drop(Reason.Superseded, pending->Packet);
            pending->Packet = index;
        }
    }

    /// <summary>Asks again for the silent and gives up on those asked often enough. Called by the worker's loop.</summary>
    public static void Tick(WorkerContext context, ushort node)
    {
        for (var i = 0; i < PendingNeighbors.Capacity && context.Neighbors.Count > 0; i++)
        {
            var pending = context.Neighbors[i];
            if (!pending->InUse || pending->NextTime > context.Now) continue;
            if (context.Tables.Neighbors.TryGet(pending->High, pending->Low, DataplaneTables.NeighborTag(pending->Interface, pending->V6), out var known)
                && context.Tables.Adjacencies[known]->Kind == AdjacencyKind.Neighbor)
            {
                Release(context, node, pending->Interface, pending->High, pending->Low, pending->V6, known);
                continue;
            }
            if (pending->Asked < context.Tables.Interfaces[pending->Interface]->NeighborProbes)
            {
                Ask(context, pending, node);
                continue;
            }
            context.Notices.TryPush(new Notice
            {
                Kind = NoticeKind.NeighborFailed,
                Interface = pending->Interface,
                AddressHigh = pending->High,
                AddressLow = pending->Low,
                V6 = pending->V6,
            });
            if (pending->Packet != 0)
            {
                context.Pool.Meta(pending->Packet)->Flags |= PacketFlags.GaveUp;
                context.Enqueue(node, pending->Packet);
            }
            context.Neighbors.Remove(pending);
        }
    }

    /// <summary>Lets the packet go that waited for a neighbor. Called by the worker's loop when the control side has the neighbor in the tables.</summary>
    public static void Release(WorkerContext context, ushort node, uint onInterface, ulong high, ulong low, bool v6, uint adjacency)
    {
        var pending = context.Neighbors.Find(onInterface, high, low, v6);
        if (pending == null) return;
        if (pending->Packet != 0)
        {
            context.Counts[context.Graph.CountBase[node] + (int)Count.Released]++;
            // The adjacency it came by may be another's by now.
            context.Pool.Meta(pending->Packet)->NextHop = adjacency;
            context.Enqueue(node, pending->Packet);
        }
        context.Neighbors.Remove(pending);
    }

    private static void Ask(WorkerContext context, PendingNeighbor* pending, ushort node)
    {
        pending->NextTime = context.Now + context.Tables.Interfaces[pending->Interface]->NeighborRetrans * 1_000_000_000L;
        pending->Asked++;
        var counts = context.Counts + context.Graph.CountBase[node];
        if (!context.Solicitations.Take(context.Now))
        {
            counts[(int)Count.RateLimited]++;
            return;
        }
        var output = context.EdgesOf(node)[(int)Edge.Output];
        if (NeighborSolicit.Send(context, output, pending->Interface, pending->High, pending->Low, pending->V6)) counts[(int)Count.Asked]++;
    }
}
