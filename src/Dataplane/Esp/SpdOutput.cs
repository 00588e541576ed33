using System.Numerics;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The outbound security policy (RFC 4301 §5.1): forwarded and own packets are protected, let through or discarded. Protected ones go to esp-encrypt with the SA's number
/// in NextHop, since the inner route means nothing any more.
/// </summary>
internal readonly unsafe struct SpdOutput<TFamily, TAddress> : INode
    where TFamily : struct, IPolicyFamily<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private enum Edge : ushort
    {
        Rewrite,
        Encrypt,
    }

    private enum Reason : ushort
    {
        Discarded,
        NoSa = HeldPackets.NoSa,
    }

    private enum Count : ushort
    {
        Acquires,
        Held,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        TFamily.OutputNode,
        [(Edge.Rewrite, TFamily.Rewrite), (Edge.Encrypt, TFamily.Encrypt)],
        [
            (Reason.Discarded, "A security policy says that such packets are discarded."),
            (Reason.NoSa, "A security policy protects such packets, and no CHILD SA is up for them."),
        ],
        [
            (Count.Acquires, "Times that a CHILD SA was asked for because a packet needs it."),
            (Count.Held, "Packets that were kept until the CHILD SA that they asked for is up."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var rules = TFamily.Rules(frame.Tables);
        SpdKey<TAddress> last = default;
        SpdRule<TAddress>* rule = null;
        var known = false;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if ((meta->Flags & PacketFlags.BypassSpd) != 0)
            {
                frame.Enqueue(Edge.Rewrite, index);
                continue;
            }
            var chunk = frame.Chunk(index);
            var ip = chunk + meta->L3;
            SpdKey<TAddress> key;
            key.Local = TFamily.Source(ip);
            key.Remote = TFamily.Destination(ip);
            key.Protocol = meta->Protocol;
            key.HasPorts = PolicyPorts.TryRead(meta, chunk, out key.LocalPort, out key.RemotePort);
            // Packets come in trains: the one before often has the same answer.
            if (!known || !Same(key, last))
            {
                rule = rules.Find(key);
                last = key;
                known = true;
            }
            if (rule == null || rule->Action == SpdAction.Bypass)
            {
                frame.Enqueue(Edge.Rewrite, index);
            }
            else if (rule->Action == SpdAction.Discard)
            {
                frame.Drop(Reason.Discarded, index);
            }
            else if (Volatile.Read(ref rule->Sa) is var sa && sa != 0)
            {
                meta->NextHop = sa;
                frame.Enqueue(Edge.Encrypt, index);
            }
            else
            {
                if (Acquire.Tell(ref frame, rule, key)) frame.Add(Count.Acquires);
                // RFC 4301 §4.4.1 leaves it open what becomes of the packet; a host's first one is not to be lost where its SA is on its way.
                if (rule->Holds && frame.Context.Held.TryHold(index, rule->Policy, frame.Node, frame.Now)) frame.Add(Count.Held);
                else frame.Drop(Reason.NoSa, index);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Same(in SpdKey<TAddress> a, in SpdKey<TAddress> b) =>
        a.Local == b.Local && a.Remote == b.Remote && a.Protocol == b.Protocol && a.LocalPort == b.LocalPort && a.RemotePort == b.RemotePort && a.HasPorts == b.HasPorts;
}
