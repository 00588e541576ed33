using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Splits an IPv6 packet that its sender had split and that was put together here for its flow (RFC 8200 §4.5): into fragments no bigger than the sender's, since no other router may split them.
/// Opaque0 is the size, the low half of Opaque1 the node that the fragments go on to, 0 rewrite.
/// <code>
/// +---------------+---------------+-------------------------------+
/// |  next header  |   reserved    |     fragment offset     |res|M|
/// |                        identification                         |
/// </code>
/// </summary>
internal readonly unsafe struct Ip6Fragment : INode
{
    private const int HeaderLength = 8;

    /// <summary>Bytes of headers that each fragment repeats, at most; they have to fit in front of its data.</summary>
    private const int MaxRepeated = 128;

    private enum Edge : ushort
    {
        Rewrite,
    }

    private enum Reason : ushort
    {
        NoBuffer,
        TooSmall,
    }

    private enum Count : ushort
    {
        Fragmented,
        Fragments,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip6Fragment,
        [(Edge.Rewrite, NodeNames.Ip6Rewrite)],
        [
            (Reason.NoBuffer, "No packets were free for the fragments."),
            (Reason.TooSmall, "The headers that each fragment repeats leave no room for data."),
        ],
        [(Count.Fragmented, "Packets that came in fragments and were split again."), (Count.Fragments, "Fragments made.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++) Split(ref frame, frame.Indices[i]);
    }

    private static void Split(ref Frame frame, uint index)
    {
        var meta = frame.Meta(index);
        var ip = frame.Data(index);
        var head = Repeated(ip, meta->Length, out var pointer);
        var room = ((int)meta->Opaque0 - head - HeaderLength) & ~7;
        if (room < 8 || head > MaxRepeated)
        {
            frame.Drop(Reason.TooSmall, index);
            return;
        }
        var payload = (int)meta->TotalLength - head;
        var parts = (payload + room - 1) / room;
        var target = (ushort)meta->Opaque1;
        // RFC 7739 §5.2: at random, so that nobody foretells it.
        var id = frame.Context.Sessions.Random(uint.MaxValue);
        Span<uint> made = stackalloc uint[parts];
        for (var part = 0; part < parts; part++)
        {
            var at = part * room;
            made[part] = Part(ref frame, index, ip, head, pointer, at, Math.Min(room, payload - at), part < parts - 1, id);
            if (made[part] != 0) continue;
            frame.Pool.Free(made[..part]);
            frame.Drop(Reason.NoBuffer, index);
            return;
        }
        frame.Add(Count.Fragmented);
        frame.Add(Count.Fragments, (ulong)parts);
        foreach (var fragment in made)
        {
            if (target == 0) frame.Enqueue(Edge.Rewrite, fragment);
            else frame.Context.Enqueue(target, fragment);
        }
        frame.Consume(index);
    }

    private static uint Part(ref Frame frame, uint index, byte* ip, int head, int pointer, int at, int length, bool more, uint id)
    {
        var fragment = PacketCopy.Slice(frame.Pool, index, head + at, length);
        if (fragment == 0) return 0;
        var from = frame.Meta(index);
        var meta = frame.Meta(fragment);
        PacketTrim.Prepend(meta, head + HeaderLength);
        var to = frame.Data(fragment);
        Unsafe.CopyBlockUnaligned(to, ip, (uint)head);
        var header = to + head;
        header[0] = to[pointer];
        header[1] = 0;
        to[pointer] = 44;
        Wire.Put16(header + 2, at | (more ? 1 : 0));
        Wire.Put32(header + 4, id);
        Wire.Put16(to + 4, head - Ip6Header.Length + HeaderLength + length);
        meta->Flags = from->Flags | PacketFlags.Fragment | (at == 0 ? 0 : PacketFlags.LaterFragment);
        meta->TraceId = from->TraceId;
        meta->RxInterface = from->RxInterface;
        meta->Vrf = from->Vrf;
        meta->NextHop = from->NextHop;
        meta->Sa = from->Sa;
        meta->Protocol = from->Protocol;
        meta->L3 = meta->Offset;
        // Of the first fragment as in the whole packet, whatever headers stand between.
        meta->L4 = (ushort)(meta->Offset + HeaderLength + (at == 0 ? from->L4 - from->Offset : head));
        return fragment;
    }

    /// <summary>RFC 8200 §4.5: what routers on the way look at stands before the fragment header: hop-by-hop options, a routing header and destination options in front of it.</summary>
    private static int Repeated(byte* ip, int length, out int pointer)
    {
        var (head, last, at) = (Ip6Header.Length, 6, 6);
        for (var end = Ip6Header.Length; end + 8 <= length && ip[at] is 0 or 43 or 60;)
        {
            var counts = ip[at] != 60;
            at = end;
            end += (ip[at + 1] + 1) * 8;
            if (counts) (head, last) = (end, at);
        }
        pointer = last;
        return head;
    }
}
