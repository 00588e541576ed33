using System.Numerics;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The way out of an ipsec interface: what was routed into it is protected by the CHILD SAs with its if_id, where their selectors take the packet, and by nothing else.
/// The policies of all other packets (<see cref="SpdOutput{TFamily,TAddress}"/>) have let it through by now, and ip rewrite has held it to the interface's MTU.
/// </summary>
internal readonly unsafe struct TunnelOutput<TFamily, TAddress> : INode
    where TFamily : struct, IPolicyFamily<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private enum Edge : ushort
    {
        Encrypt,
        IcmpError,
    }

    private enum Reason : ushort
    {
        NoPolicy,
        NoSa = HeldPackets.NoSa,
        Recursive,
        Down,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Acquire.Count>(
        TFamily.TunnelNode,
        [(Edge.Encrypt, TFamily.Encrypt), (Edge.IcmpError, TFamily.IcmpError)],
        [
            (Reason.NoPolicy, "No child with the interface's if_id has selectors for the packet; its sender was told."),
            (Reason.NoSa, "A child with the interface's if_id protects such packets, and no CHILD SA is up for them."),
            (Reason.Recursive, "A packet of IKE or ESP to the peer was itself routed into an ipsec interface."),
            (Reason.Down, "The ipsec interface is disabled or gone."),
        ],
        Acquire.Counts);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var rules = TFamily.RoutedRules(frame.Tables);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            // The route to a peer must not lead through the tunnel to it.
            if ((meta->Flags & PacketFlags.BypassSpd) != 0)
            {
                frame.Drop(Reason.Recursive, index);
                continue;
            }
            var into = frame.Tables.Adjacencies[meta->NextHop]->Interface;
            var entry = frame.Tables.Interfaces[into];
            if ((InterfaceTable.FlagsOf(entry) & (InterfaceFlags.Present | InterfaceFlags.Enabled)) != (InterfaceFlags.Present | InterfaceFlags.Enabled) || entry->IfId == 0)
            {
                frame.Drop(Reason.Down, index);
                continue;
            }
            var chunk = frame.Chunk(index);
            var key = PolicyKey.Outbound<TFamily, TAddress>(meta, chunk);
            var rule = rules.Find(key, entry->IfId);
            if (rule == null)
            {
                frame.AddDrop(Reason.NoPolicy);
                meta->Opaque0 = TFamily.NoWay;
                frame.Enqueue(Edge.IcmpError, index);
            }
            else if (Volatile.Read(ref rule->Sa) is var sa && sa != 0)
            {
                frame.Context.CountSent(into, meta->TotalLength);
                meta->NextHop = sa;
                frame.Enqueue(Edge.Encrypt, index);
            }
            else if (!Acquire.Keep(ref frame, rule, key, index))
            {
                frame.Drop(Reason.NoSa, index);
            }
        }
    }
}
