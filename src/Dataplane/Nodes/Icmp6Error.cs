using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Tells a sender why its IPv6 packet ended (RFC 4443 §2.1).
/// <code>
/// +---------------+---------------+-------------------------------+
/// |     type      |     code      |           checksum            |
/// |                   unused, pointer or MTU                      |
/// |           as much of the packet as fits into 1280 bytes       |
/// </code>
/// </summary>
internal readonly unsafe struct Icmp6Error : INode
{
    private const int MaxLength = 1280;

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
        NodeNames.Icmp6Error,
        [(Edge.Lookup, NodeNames.Ip6Lookup)],
        [],
        [
            (Count.Sent, "ICMPv6 errors that were sent."),
            (Count.NotAllowed, "Packets about which no error may be sent: errors themselves, multicasts, packets without a sender."),
            (Count.RateLimited, "ICMPv6 errors that the rate limit held back."),
            (Count.NoAddress, "ICMPv6 errors without an own address to send them from."),
            (Count.NoBuffer, "ICMPv6 errors for which no packet was free."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (!Allowed(meta, frame.Data(index), frame.Chunk(index))) frame.Add(Count.NotAllowed);
            else if (!frame.Context.IcmpErrors.Take(frame.Now)) frame.Add(Count.RateLimited);
            else Answer(ref frame, index, meta);
            frame.Consume(index);
        }
    }

    /// <summary>RFC 4443 §2.4(e): never about an ICMPv6 error or redirect, nor about a multicast (but for Packet Too Big), nor to a source that is no single host.</summary>
    private static bool Allowed(PacketMeta* meta, byte* ip, byte* chunk)
    {
        if (meta->RxInterface == 0 || (meta->Flags & PacketFlags.LaterFragment) != 0) return false;
        if (IcmpError.TypeOf(meta->Opaque0) != 2 && ((meta->Flags & PacketFlags.Broadcast) != 0 || ip[24] == 0xFF)) return false;
        var high = Wire.U64(ip + 8);
        if (high >> 56 == 0xFF || high == 0 || high >> 54 == 0xFE80 >> 6) return false;
        if (meta->Protocol != 58) return true;
        return meta->L4 < meta->Offset + meta->Length && chunk[meta->L4] >= 128 && chunk[meta->L4] != 137;
    }

    private static void Answer(ref Frame frame, uint index, PacketMeta* meta)
    {
        var original = frame.Data(index);
        if (!SourceFor(ref frame, meta, original, out var high, out var low))
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
        var quoted = Math.Min((int)meta->Length, MaxLength - Ip6Header.Length - 8);
        var total = Ip6Header.Length + 8 + quoted;
        var ip = frame.Data(answer);
        Reply.About(meta, frame.Meta(answer), Ip6Header.Length, total, 58);
        Ip6Header.Write(ip, 8 + quoted, 58, 64, high, low, Wire.U64(original + 8), Wire.U64(original + 16));
        var icmp = ip + Ip6Header.Length;
        icmp[0] = IcmpError.TypeOf(meta->Opaque0);
        icmp[1] = IcmpError.CodeOf(meta->Opaque0);
        Unsafe.WriteUnaligned(icmp + 2, (ushort)0);
        Wire.Put32(icmp + 4, IcmpError.FieldOf(meta->Opaque0));
        Buffer.MemoryCopy(original, icmp + 8, quoted, quoted);
        Unsafe.WriteUnaligned(icmp + 2, Checksum.Fold(Checksum.Add(Checksum.Pseudo6(ip + 8, 58, 8 + quoted), icmp, 8 + quoted)));
        frame.Add(Count.Sent);
        frame.Enqueue(Edge.Lookup, answer);
    }

    /// <summary>RFC 4443 §2.2; the choice for packets out of a tunnel is that of <see cref="Icmp4Error"/>.</summary>
    private static bool SourceFor(ref Frame frame, PacketMeta* meta, byte* ip, out ulong high, out ulong low)
    {
        var tables = frame.Tables;
        if (meta->NextHop == AdjacencyTable.Local && ip[24] != 0xFF)
        {
            (high, low) = (Wire.U64(ip + 24), Wire.U64(ip + 32));
            return true;
        }
        var towards = tables.Interfaces[tables.Adjacencies[meta->NextHop & (AdjacencyTable.Capacity - 1)]->Interface];
        if ((meta->Flags & PacketFlags.Decrypted) == 0 || towards->Ip6High == 0) towards = tables.Interfaces[meta->RxInterface];
        (high, low) = (towards->Ip6High, towards->Ip6Low);
        if (high == 0 && meta->Vrf == 0) (high, low) = (tables.AnyIp6High, tables.AnyIp6Low);
        return high != 0;
    }
}
