using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Begins the flow of an IPv6 packet that routes, rules and security policy let through. TxInterface is the interface that its route names; a protected packet (Protected) has its SA in NextHop.
/// </summary>
internal readonly unsafe struct Ip6FlowOutput : INode
{
    private enum Edge : ushort
    {
        Rewrite,
        Encrypt,
    }

    private enum Reason : ushort
    {
        BadState,
        NotSyn,
        SourceLimit,
        TableFull,
        Collision,
    }

    private enum Count : ushort
    {
        Begun,
        Untracked,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip6FlowOutput,
        [(Edge.Rewrite, NodeNames.Ip6Rewrite), (Edge.Encrypt, NodeNames.Esp6Encrypt)],
        [
            (Reason.BadState, "No TCP connection begins with such a segment."),
            (Reason.NotSyn, "A TCP connection was met in its middle, which the configuration does not allow."),
            (Reason.SourceLimit, "The source network has as many flows as one may have."),
            (Reason.TableFull, "The table of flows is full and no flow in it gives way."),
            (Reason.Collision, "Another flow has by chance the same place in the table."),
        ],
        [
            (Count.Begun, "Flows that began."),
            (Count.Untracked, "Packets that went on without a flow: nothing asks for one, or there can be none."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var rules = frame.Tables.Flows.Current;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            if (Begin(ref frame, rules, index) is { } reason) frame.Drop(reason, index);
            else frame.Enqueue((frame.Meta(index)->Flags & PacketFlags.Protected) != 0 ? Edge.Encrypt : Edge.Rewrite, index);
        }
    }

    /// <summary>Why the packet must not go on; null when it may.</summary>
    private static Reason? Begin(ref Frame frame, FlowRules rules, uint index)
    {
        var meta = frame.Meta(index);
        var table = frame.Context.Sessions;
        meta->Flags &= ~PacketFlags.FlowNew;
        if (((meta->Flags & PacketFlags.Reflect) == 0 && !rules.Tracks(meta->RxInterface, meta->TxInterface))
            || Ip6FlowPacket.Read(table.Ip6, meta, frame.Chunk(index), out var key, out var tcpFlags) != FlowPacketKind.Flow)
        {
            frame.Add(Count.Untracked);
            return null;
        }
        if (key.Protocol == 6)
        {
            var segment = FlowTracking.EventOf(tcpFlags);
            if (FlowTracking.Next(FlowState.None, segment, reply: false) == FlowState.None) return Reason.BadState;
            if (!rules.Loose && segment != TcpEvent.Syn) return Reason.NotSyn;
        }
        var ends = frame.Chunk(index) + meta->L3 + 8;
        switch (table.TryAdd6(key, ends, out var slot))
        {
            case SessionResult.SourceLimit:
                return Reason.SourceLimit;
            case SessionResult.Full:
                return Reason.TableFull;
            // The packet before this one in the frame has begun the same flow: this one follows it.
            case SessionResult.Exists:
                slot = table.Find6(key, ends);
                if (slot == 0 || (slot & SessionTable.ReplyBit) != 0 || table[slot]->Generation != rules.Generation) return Reason.Collision;
                break;
            default:
                table[slot]->Generation = rules.Generation;
                table[slot]->In = (ushort)meta->RxInterface;
                table[slot]->Out = (ushort)meta->TxInterface;
                frame.Add(Count.Begun);
                break;
        }
        if (!table.Touch(slot, tcpFlags, meta->TotalLength)) return Reason.BadState;
        meta->Flags |= PacketFlags.FlowKnown;
        return null;
    }
}
