using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Begins the flow of a packet that routes, rules and security policy let through: chooses its outside address where a NAT rule says so, and remembers both directions. TxInterface is the interface that
/// its route names; a protected packet (Protected) has its SA in NextHop. Whose source was translated meets the security policy again.
/// </summary>
internal readonly unsafe struct Ip4FlowOutput : INode
{
    private enum Edge : ushort
    {
        Rewrite,
        Encrypt,
        SpdOutput,
    }

    private enum Reason : ushort
    {
        BadState,

        // The number of HeldPackets.NoSa: what waited in vain.
        NoBlock,
        NotSyn,
        PortsExhausted,
        NoAddress,
        SourceLimit,
        TableFull,
        Collision,
    }

    private enum Count : ushort
    {
        Begun,
        Translated,
        Untracked,
        Held,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip4FlowOutput,
        [(Edge.Rewrite, NodeNames.Ip4Rewrite), (Edge.Encrypt, NodeNames.Esp4Encrypt), (Edge.SpdOutput, NodeNames.Spd4Output)],
        [
            (Reason.BadState, "No TCP connection begins with such a segment."),
            (Reason.NoBlock, "No block of outside ports could be had for the host: all are given, the limit of new ones was reached, or the journal did not take it."),
            (Reason.NotSyn, "A TCP connection was met in its middle, which the configuration does not allow."),
            (Reason.PortsExhausted, "No outside port is free for a new flow to this remote end."),
            (Reason.NoAddress, "The interface whose address a NAT rule uses has none."),
            (Reason.SourceLimit, "The source has as many flows as one may have."),
            (Reason.TableFull, "The table of flows is full and no flow in it gives way."),
            (Reason.Collision, "Another flow has the same addresses and ports on one side of the translation."),
        ],
        [
            (Count.Begun, "Flows that began."),
            (Count.Translated, "Flows that began with a translation."),
            (Count.Untracked, "Packets that went on without a flow: nothing asks for one, or there can be none."),
            (Count.Held, "Packets that were kept until their host has a block of outside ports."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var rules = frame.Tables.Flows.Current;
        for (var i = 0; i < frame.Count; i++) Begin(ref frame, rules, frame.Indices[i]);
    }

    private static void Begin(ref Frame frame, FlowRules rules, uint index)
    {
        var meta = frame.Meta(index);
        var ip = frame.Data(index);
        var flags = meta->Flags;
        meta->Flags &= ~PacketFlags.FlowNew;
        if (FlowPacket.Read(meta, frame.Chunk(index), out var key, out var tcpFlags) != FlowPacketKind.Flow)
        {
            frame.Add(Count.Untracked);
            GoOn(ref frame, meta, index);
            return;
        }
        var isProtected = (flags & PacketFlags.Protected) != 0;
        var origin = meta->Opaque0;
        var forward = Arrived(ref frame, meta, key, origin);
        var rule = origin == 0 ? 0 : rules.Nat.RuleAt(NatOrigin.Rule(origin));
        if (!TrySource(ref frame, rules, meta, forward, key, origin, isProtected, ref rule, out var leaving, out var fault, out var wishing))
        {
            if (wishing is not null && TryHold(ref frame, wishing, forward, index)) return;
            frame.Drop(fault, index);
            return;
        }
        var isTranslated = rule != 0;
        if (!isTranslated && (flags & PacketFlags.Reflect) == 0 && !rules.Tracks(meta->RxInterface, meta->TxInterface))
        {
            frame.Add(Count.Untracked);
            GoOn(ref frame, meta, index);
            return;
        }
        if (key.Protocol == 6)
        {
            var segment = FlowTracking.EventOf(tcpFlags);
            if (FlowTracking.Next(FlowState.None, segment, reply: false) == FlowState.None)
            {
                frame.Drop(Reason.BadState, index);
                return;
            }
            if (!rules.Loose && segment != TcpEvent.Syn)
            {
                frame.Drop(Reason.NotSyn, index);
                return;
            }
        }
        var table = frame.Context.Sessions;
        switch (table.TryAdd(forward, leaving.Reverse, out var slot))
        {
            case SessionResult.SourceLimit:
                frame.Drop(Reason.SourceLimit, index);
                return;
            case SessionResult.Full:
                frame.Drop(Reason.TableFull, index);
                return;
            // The packet before this one in the frame has begun the same flow: this one follows it.
            case SessionResult.Exists when Follow(ref frame, table, rules, forward, key, tcpFlags, meta, index, ip):
                return;
            case SessionResult.Exists:
                frame.Drop(Reason.Collision, index);
                return;
        }
        var session = table[slot];
        session->Generation = rules.Generation;
        session->Rule = rule;
        session->In = (ushort)meta->RxInterface;
        session->Out = (ushort)meta->TxInterface;
        if (isTranslated) session->Flags |= SessionFlags.Translated;
        table.Touch(slot, tcpFlags, meta->TotalLength);
        meta->Flags |= PacketFlags.FlowKnown;
        frame.Add(Count.Begun);
        if (isTranslated) frame.Add(Count.Translated);
        Leave(ref frame, meta, index, ip, key, leaving);
    }

    private static bool Follow(ref Frame frame, SessionTable table, FlowRules rules, in FlowKey forward, in FlowKey key, byte tcpFlags, PacketMeta* meta, uint index, byte* ip)
    {
        var slot = table.Find(forward);
        if (slot == 0 || (slot & SessionTable.ReplyBit) != 0 || table[slot]->Generation != rules.Generation) return false;
        if (!table.Touch(slot, tcpFlags, meta->TotalLength))
        {
            frame.Drop(Reason.BadState, index);
            return true;
        }
        meta->Flags |= PacketFlags.FlowKnown;
        Leave(ref frame, meta, index, ip, key, table[slot]->Reply.Reverse);
        return true;
    }

    private static void Leave(ref Frame frame, PacketMeta* meta, uint index, byte* ip, in FlowKey key, in FlowKey leaving)
    {
        if (leaving.WithVrf(key.Vrf) == key)
        {
            GoOn(ref frame, meta, index);
            return;
        }
        FlowPacket.Translate(ip, frame.Chunk(index) + meta->L4, meta->Offset + meta->Length - meta->L4, key, leaving);
        if (!Volatile.Read(ref frame.Tables.SpdActive))
        {
            GoOn(ref frame, meta, index);
            return;
        }
        // RFC 4301 §5.1: the policy that holds is the one of the packet that leaves.
        if ((meta->Flags & PacketFlags.Protected) != 0)
        {
            meta->NextHop = Route(ref frame, meta, ip, key);
            meta->Flags &= ~PacketFlags.Protected;
        }
        frame.Enqueue(Edge.SpdOutput, index);
    }

    private static uint Route(ref Frame frame, PacketMeta* meta, byte* ip, in FlowKey key)
    {
        var route = frame.Tables.Fib4.Lookup(meta->Vrf, Wire.U32(ip + 16));
        var adjacency = frame.Tables.Adjacencies[route];
        return adjacency->Kind == AdjacencyKind.Multipath ? PathList.Choose4(adjacency, ip, meta->Length, FlowOrigin.Pack(key)) : route;
    }

    private static void GoOn(ref Frame frame, PacketMeta* meta, uint index) =>
        frame.Enqueue((meta->Flags & PacketFlags.Protected) != 0 ? Edge.Encrypt : Edge.Rewrite, index);

    /// <summary>How the packet came: before its destination was translated, in the VRF of the interface that it came in by.</summary>
    private static FlowKey Arrived(ref Frame frame, PacketMeta* meta, in FlowKey key, ulong origin) =>
        origin == 0 ? key : key.WithDestination(NatOrigin.Address(origin), NatOrigin.Port(origin)).WithVrf(frame.Tables.Interfaces[meta->RxInterface]->Vrf);

    /// <summary>What the flow looks like when it leaves, in the VRF that it leaves into; false when it has to be translated and cannot be.</summary>
    private static bool TrySource(ref Frame frame, FlowRules rules, PacketMeta* meta, in FlowKey forward, in FlowKey arrived, ulong origin, bool isProtected, ref uint rule, out FlowKey leaving, out Reason fault, out NatSourceProgram? wishing)
    {
        // A route may lead into another VRF, where the answers will arrive.
        var key = arrived.WithVrf(frame.Tables.Interfaces[meta->TxInterface]->Vrf);
        leaving = key;
        wishing = null;
        fault = Reason.PortsExhausted;
        var nat = rules.Nat;
        if (!nat.Any) return true;
        var context = frame.Context;
        var workers = context.HandoffTo.Length;
        var ike = new NatChoice.Ike(context.IkePorts.Ike, context.IkePorts.Nat);
        if (origin != 0 && meta->TxInterface == meta->RxInterface)
        {
            // Hairpin: the host behind the address would answer on the link, past the gateway; so it sees the address that was asked for.
            var outside = NatOrigin.Address(origin);
            return NatChoice.TryPort(context.Sessions, nat, outside, NatPorts.DefaultFirst, NatPorts.DefaultLast, key, context.Worker, workers, ike, out leaving);
        }
        if (origin == 0 && !isProtected && nat.TryOutside(forward.Vrf, key.Source, key.Vrf, out var mapping, out var address))
        {
            rule = mapping;
            leaving = key.WithSource(address, key.SourcePort);
            return true;
        }
        if (nat.Source(forward.Vrf, key.Source, meta->TxInterface, key.Vrf, isProtected) is not { } source) return true;
        var masquerade = frame.Tables.Interfaces[meta->TxInterface]->Ip4;
        if (source.Addresses.Length == 0 && masquerade == 0)
        {
            fault = Reason.NoAddress;
            return false;
        }
        // A flow that begins as another has is that one; its port is taken, by itself.
        if (context.Sessions.Find(forward) is var known && known != 0 && (known & SessionTable.ReplyBit) == 0)
        {
            leaving = context.Sessions[known]->Reply.Reverse;
            rule = context.Sessions[known]->Rule;
            return true;
        }
        if (source.Blocks is { } blocks)
        {
            if (!TryBlock(ref frame, nat, source, blocks, forward.Vrf, key, ike, out leaving, out fault, out wishing)) return false;
        }
        else if (!NatChoice.TryChoose(context.Sessions, nat, source, masquerade, key, context.Worker, workers, ike, out leaving)) return false;
        if (rule == 0) rule = source.Id;
        return true;
    }

    /// <summary>A port of the host's blocks; false with the reason, and with the rule when another block may be had.</summary>
    private static bool TryBlock(ref Frame frame, NatProgram nat, NatSourceProgram source, BlockPool blocks, uint vrf, in FlowKey key, NatChoice.Ike ike, out FlowKey leaving, out Reason fault, out NatSourceProgram? wishing)
    {
        var context = frame.Context;
        leaving = default;
        wishing = null;
        fault = Reason.PortsExhausted;
        var host = blocks.Find(key.Source, vrf);
        if (host is not null && NatChoice.TryBlocks(context.Sessions, nat, blocks, host, key, context.Worker, context.HandoffTo.Length, ike, out leaving)) return true;
        if (host is not null && host.Firsts.Length >= blocks.PerHost) return false;
        fault = Reason.NoBlock;
        if (host is null ? !blocks.IsFull(frame.Now) : host.FullUntil <= frame.Now) wishing = source;
        return false;
    }

    /// <summary>Asks for a block and keeps the packet until it is there: a host's first packet is not to be lost for it.</summary>
    private static bool TryHold(ref Frame frame, NatSourceProgram source, in FlowKey key, uint index)
    {
        var context = frame.Context;
        if (!context.BlockWishes.Take(frame.Now)) return false;
        if (!context.Held.TryHold(index, BlockBook.HoldKey(key.Source, key.Vrf), frame.Node, frame.Now)) return false;
        frame.Add(Count.Held);
        context.Notices.TryPush(new Notice { Kind = NoticeKind.BlockWanted, AddressLow = key.Source, D = key.Vrf, A = source.Id, C = (ulong)(source.Blocks!.Find(key.Source, key.Vrf)?.Firsts.Length ?? 0) });
        return true;
    }
}
