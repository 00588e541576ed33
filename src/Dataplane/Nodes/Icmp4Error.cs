using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Tells a sender why its IPv4 packet ended (RFC 792).
/// <code>
/// +---------------+---------------+-------------------------------+
/// |     type      |     code      |           checksum            |
/// |                   unused, pointer or MTU                      |
/// |      the packet's header and as much of its data as fits      |
/// </code>
/// </summary>
internal readonly unsafe struct Icmp4Error : INode
{
    /// <summary>RFC 1812 §4.3.2.3: an error is at most 576 bytes long.</summary>
    private const int MaxLength = 576;

    private enum Edge : ushort
    {
        Lookup,
    }

    private enum Count : ushort
    {
        Sent,
        NotAllowed,
        RateLimited,
        NoAddress,
        NoBuffer,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, NodeInfo.None, Count>(
        NodeNames.Icmp4Error,
        [(Edge.Lookup, NodeNames.Ip4Lookup)],
        [],
        [
            (Count.Sent, "ICMP errors that were sent."),
            (Count.NotAllowed, "Packets about which no error may be sent: errors themselves, broadcasts, later fragments."),
            (Count.RateLimited, "ICMP errors that the rate limit held back."),
            (Count.NoAddress, "ICMP errors without an own address to send them from."),
            (Count.NoBuffer, "ICMP errors for which no packet was free."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (!Allowed(meta, frame.Data(index))) frame.Add(Count.NotAllowed);
            else if (!frame.Context.IcmpErrors.Take(frame.Now)) frame.Add(Count.RateLimited);
            else
            {
                if ((meta->Flags & PacketFlags.FlowKnown) != 0) Flow.FlowError.Undo(ref frame, meta, index);
                Answer(ref frame, index, meta);
            }
            frame.Consume(index);
        }
    }

    /// <summary>RFC 1122 §3.2.2 and RFC 1812 §4.3.2.7: never about an ICMP error, a broadcast or multicast, a later fragment, or a source that is no single host.</summary>
    private static bool Allowed(PacketMeta* meta, byte* ip)
    {
        if (meta->RxInterface == 0) return false;
        if ((meta->Flags & (PacketFlags.Broadcast | PacketFlags.LaterFragment)) != 0) return false;
        var source = Wire.U32(ip + 12);
        if (source >> 24 is 0 or 127 || source >= 0xE000_0000 || Wire.U32(ip + 16) >= 0xE000_0000) return false;
        if (ip[9] != 1) return true;
        // Of ICMP only queries may be answered with an error.
        var header = (ip[0] & 15) * 4;
        return meta->Length > header && ip[header] is 0 or 8 or 13 or 14 or 15 or 16 or 17 or 18;
    }

    private static void Answer(ref Frame frame, uint index, PacketMeta* meta)
    {
        var original = frame.Data(index);
        var from = SourceFor(ref frame, meta, original);
        if (from == 0)
        {
            frame.Add(Count.NoAddress);
            return;
        }
        var answer = frame.Pool.Allocate();
        if (answer == 0)
        {
            frame.Add(Count.NoBuffer);
            return;
        }
        var quoted = Math.Min(Math.Min(meta->Length, (int)meta->TotalLength), MaxLength - Ip4Input.MinHeader - 8);
        var total = Ip4Input.MinHeader + 8 + quoted;
        var ip = frame.Data(answer);
        Reply.About(meta, frame.Meta(answer), Ip4Input.MinHeader, total, 1);
        // RFC 1812 §4.3.2.5: precedence 6 is for errors.
        Ip4Header.Write(ip, total, frame.Context.NextIp4Id(), 64, 1, from, Wire.U32(original + 12), 0xC0);
        var icmp = ip + Ip4Input.MinHeader;
        icmp[0] = IcmpError.TypeOf(meta->Opaque0);
        icmp[1] = IcmpError.CodeOf(meta->Opaque0);
        Unsafe.WriteUnaligned(icmp + 2, (ushort)0);
        Wire.Put32(icmp + 4, IcmpError.FieldOf(meta->Opaque0));
        Buffer.MemoryCopy(original, icmp + 8, quoted, quoted);
        Unsafe.WriteUnaligned(icmp + 2, Checksum.Fold(Checksum.Add(0, icmp, 8 + quoted)));
        frame.Add(Count.Sent);
        frame.Enqueue(Edge.Lookup, answer);
    }

    /// <summary>
    /// The address that the error comes from: of the interface that the packet came in by (RFC 1812 §4.3.2.4 leaves the choice); for a packet out of a tunnel that of
    /// the interface towards its destination, since that one lies within the tunnel's selectors and the error finds its way back into the tunnel.
    /// </summary>
    private static uint SourceFor(ref Frame frame, PacketMeta* meta, byte* ip)
    {
        var interfaces = frame.Tables.Interfaces;
        if ((meta->Flags & PacketFlags.Decrypted) != 0)
        {
            var towards = interfaces[frame.Tables.Adjacencies[meta->NextHop & (AdjacencyTable.Capacity - 1)]->Interface]->Ip4;
            if (towards != 0) return towards;
        }
        // A local packet is refused in the name of the address it was sent to.
        if (meta->NextHop == AdjacencyTable.Local) return Wire.U32(ip + 16);
        var own = interfaces[meta->RxInterface]->Ip4;
        // The addresses of one VRF mean nothing in another.
        return own != 0 ? own : meta->Vrf == 0 ? frame.Tables.AnyIp4 : 0;
    }
}
