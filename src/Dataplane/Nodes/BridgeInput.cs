using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Switches frames between the members of a bridge (IEEE 802.1Q §8): learns where the source is, sends to where the destination is, and to all members when nobody knows or all are meant.
/// A frame that came through a tunnel with several remote ends says in NextHop which one it came from, and leaves with the one it goes to (0: all).
/// </summary>
internal readonly unsafe struct BridgeInput : INode
{
    /// <summary>How far ahead of its turn a frame's header is fetched, and how far the stations that it names.</summary>
    private const int HeaderAhead = 16, StationsAhead = 8;

    private enum Edge : ushort
    {
        Output,
        EthernetInput,
    }

    private enum Reason : ushort
    {
        TooShort,
        NotAMember,
        GroupSource,
        FixedElsewhere,
        SamePort,
        SplitHorizon,
        TooBig,
        ReservedGroup,
        UnknownUnicast,
        FloodLimit,
        NoOtherMember,
        NoBuffer,
    }

    private enum Count : ushort
    {
        Learned,
        Moved,
        MacLimit,
        Flooded,
        ToGateway,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.BridgeInput,
        [(Edge.Output, NodeNames.InterfaceOutput), (Edge.EthernetInput, NodeNames.EthernetInput)],
        [
            (Reason.TooShort, "The frame is shorter than an Ethernet header."),
            (Reason.NotAMember, "The interface belongs to no bridge any more."),
            (Reason.GroupSource, "The source MAC address is a group address."),
            (Reason.FixedElsewhere, "The source MAC address is configured to be at another member."),
            (Reason.SamePort, "The destination is at the member that the frame came from."),
            (Reason.SplitHorizon, "The destination is at a member of the same split-horizon group."),
            (Reason.TooBig, "The frame is bigger than the member takes that it would leave by."),
            (Reason.ReservedGroup, "Frames to 01-80-C2-00-00-00 to -0F are for the next station only and never switched."),
            (Reason.UnknownUnicast, "Nobody knows the destination, and the bridge does not flood."),
            (Reason.FloodLimit, "The member sent more frames a second that go to all members than it may."),
            (Reason.NoOtherMember, "There is no member that the frame could go to."),
            (Reason.NoBuffer, "No packet was free for a copy of a flooded frame."),
        ],
        [
            (Count.Learned, "MAC addresses learned."),
            (Count.Moved, "MAC addresses that were seen at another member than before."),
            (Count.MacLimit, "Frames whose source was not learned because there were as many addresses as there may be."),
            (Count.Flooded, "Frames that went to all members."),
            (Count.ToGateway, "Frames for the gateway itself, at its routed member."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var tables = frame.Tables;
        var interfaces = tables.Interfaces;
        var bridges = tables.Bridges;
        var ports = bridges.Ports;
        var second = (uint)(frame.Now / 1_000_000_000);
        if (frame.Count == 0) return;
        // The frames of a batch mostly come from one bridge; for others the fetching is in vain, and that is all.
        var near = (MacTable*)Volatile.Read(ref *(nint*)&bridges[ports[frame.Meta(frame.Indices[0])->RxInterface & (InterfaceTable.Capacity - 1)].Bridge]->Macs);
        if (near != null)
            for (var i = 0; i < Math.Min(StationsAhead, frame.Count); i++) Fetch(ref frame, near, i);
        for (var i = 0; i < frame.Count; i++)
        {
            if (i + HeaderAhead < frame.Count && Sse.IsSupported) Sse.Prefetch0(frame.Data(frame.Indices[i + HeaderAhead]));
            if (i + StationsAhead < frame.Count && near != null) Fetch(ref frame, near, i + StationsAhead);
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (meta->Length < EthernetInput.HeaderLength)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            var data = frame.Data(index);
            var on = meta->RxInterface & (InterfaceTable.Capacity - 1);
            var port = ports + on;
            // Read first: group and learning of the port were written before it.
            var number = Volatile.Read(ref port->Bridge);
            var bridge = bridges[number];
            var macs = (MacTable*)Volatile.Read(ref *(nint*)&bridge->Macs);
            if (number == 0 || macs == null)
            {
                frame.Drop(Reason.NotAMember, index);
                continue;
            }
            var source = MacAddress.Read(data + 6);
            var destination = MacAddress.Read(data);
            if (MacAddress.IsGroup(source))
            {
                frame.Drop(Reason.GroupSource, index);
                continue;
            }
            var where = on | (ulong)(meta->NextHop & 0x7FFF) << 16;
            var seen = macs->Find(source);
            if ((seen & MacTable.WhereMask) != where || (uint)(seen >> 32) != second)
            {
                if (!Learn(ref frame, macs, port, source, where, seen, second, ports))
                {
                    frame.Drop(Reason.FixedElsewhere, index);
                    continue;
                }
            }
            if (MacAddress.IsGroup(destination))
            {
                // IEEE 802.1Q §8.6.3: reserved addresses. The first byte is the lowest: 01-80-C2-00-00-0x.
                if ((destination & 0xF0FF_FFFF_FFFF) == 0x0000_00C2_8001) frame.Drop(Reason.ReservedGroup, index);
                else Flood(ref frame, index, meta, bridge, port, on, unknown: false);
                continue;
            }
            var there = macs->Find(destination);
            if (there == 0)
            {
                if ((bridge->Flags & BridgeFlags.FloodUnknown) == 0) frame.Drop(Reason.UnknownUnicast, index);
                else Flood(ref frame, index, meta, bridge, port, on, unknown: true);
                continue;
            }
            var to = (uint)(ushort)there;
            if (to == on)
            {
                frame.Drop(Reason.SamePort, index);
                continue;
            }
            if (port->Group != 0 && ports[to].Group == port->Group)
            {
                frame.Drop(Reason.SplitHorizon, index);
                continue;
            }
            if (to == bridge->Bvi)
            {
                ToGateway(ref frame, index, meta, to);
                continue;
            }
            if (meta->TotalLength > interfaces[to]->Mtu + (EthernetInput.HeaderLength + BridgeTable.TagAllowance))
            {
                frame.Drop(Reason.TooBig, index);
                continue;
            }
            meta->TxInterface = to;
            meta->NextHop = (uint)(there >> 16) & 0x7FFF;
            frame.Enqueue(Edge.Output, index);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(ref Frame frame, MacTable* macs, int at)
    {
        // A frame too short for its addresses is read all the same: it lies in a whole chunk.
        var data = frame.Data(frame.Indices[at]);
        macs->Prefetch(MacAddress.Read(data));
        macs->Prefetch(MacAddress.Read(data + 6));
    }

    /// <summary>Shows a source address to the table; false when the frame must not go on.</summary>
    private static bool Learn(ref Frame frame, MacTable* macs, BridgePort* port, ulong source, ulong where, ulong seen, uint second, BridgePort* ports)
    {
        if ((seen & MacTable.Fixed) != 0) return (seen & MacTable.WhereMask) == where;
        if ((port->Flags & BridgeFlags.Learn) == 0 || source == 0) return true;
        switch (macs->Learn(source, where, second, ports))
        {
            case MacLearning.Learned:
                frame.Add(Count.Learned);
                break;
            case MacLearning.Moved:
                frame.Add(Count.Moved);
                break;
            case MacLearning.Full:
                frame.Add(Count.MacLimit);
                break;
            case MacLearning.Fixed:
                return false;
        }
        return true;
    }

    private static void ToGateway(ref Frame frame, uint index, PacketMeta* meta, uint bvi)
    {
        meta->RxInterface = bvi;
        frame.Context.CountReceived(bvi, meta->TotalLength);
        frame.Add(Count.ToGateway);
        frame.Enqueue(Edge.EthernetInput, index);
    }

    /// <summary>Sends a frame to every member but the one it came from and those of its group: copies to all but the last, which gets the frame itself.</summary>
    private static void Flood(ref Frame frame, uint index, PacketMeta* meta, BridgeEntry* bridge, BridgePort* port, uint on, bool unknown)
    {
        if (!port->TakeFlood(frame.Now))
        {
            frame.Drop(Reason.FloodLimit, index);
            return;
        }
        var members = (BridgeMemberEntry*)Volatile.Read(ref *(nint*)&bridge->Members);
        var bvi = bridge->Bvi;
        var interfaces = frame.Tables.Interfaces;
        meta->NextHop = 0;
        uint last = 0;
        for (var member = members; member->Interface != 0; member++)
        {
            var to = member->Interface;
            // The routed member's address is known, so what is for an unknown one is not for it.
            if (to == on || (member->Group != 0 && member->Group == port->Group) || (unknown && to == bvi)) continue;
            if (to != bvi && meta->TotalLength > interfaces[to]->Mtu + (EthernetInput.HeaderLength + BridgeTable.TagAllowance))
            {
                frame.AddDrop(Reason.TooBig);
                continue;
            }
            if (last != 0)
            {
                var copy = PacketCopy.Slice(frame.Pool, index, 0, (int)meta->TotalLength);
                if (copy == 0)
                {
                    frame.AddDrop(Reason.NoBuffer);
                    continue;
                }
                var copied = frame.Meta(copy);
                copied->Flags |= meta->Flags & (PacketFlags.Traced | PacketFlags.ChecksumKnown | PacketFlags.Own);
                copied->TraceId = meta->TraceId;
                copied->RxInterface = on;
                Send(ref frame, copy, copied, last, bvi);
            }
            last = to;
        }
        if (last == 0)
        {
            frame.Drop(Reason.NoOtherMember, index);
            return;
        }
        frame.Add(Count.Flooded);
        Send(ref frame, index, meta, last, bvi);
    }

    private static void Send(ref Frame frame, uint index, PacketMeta* meta, uint to, uint bvi)
    {
        if (to == bvi)
        {
            ToGateway(ref frame, index, meta, bvi);
            return;
        }
        meta->TxInterface = to;
        frame.Enqueue(Edge.Output, index);
    }
}
