using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>Splits an IPv4 packet that may be fragmented (RFC 791 §3.2).</summary>
internal readonly unsafe struct Ip4Fragment : INode
{
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
        NodeNames.Ip4Fragment,
        [(Edge.Rewrite, NodeNames.Ip4Rewrite)],
        [
            (Reason.NoBuffer, "No packets were free for the fragments."),
            (Reason.TooSmall, "The size asked for leaves no room for data."),
        ],
        [(Count.Fragmented, "Packets that were split."), (Count.Fragments, "Fragments made.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++) Split(ref frame, frame.Indices[i]);
    }

    private static void Split(ref Frame frame, uint index)
    {
        var meta = frame.Meta(index);
        var ip = frame.Data(index);
        var header = (ip[0] & 15) * 4;
        var room = ((int)meta->Opaque0 - header) & ~7;
        if (room < 8)
        {
            frame.Drop(Reason.TooSmall, index);
            return;
        }
        var payload = (int)meta->TotalLength - header;
        var parts = (payload + room - 1) / room;
        var word = Wire.U16(ip + 6);
        var target = (ushort)meta->Opaque1;
        var start = (word & 0x1FFF) * 8;
        // RFC 791: an unset identification would mix this packet's fragments with another's.
        if (Wire.U16(ip + 4) == 0 && (word & 0x3FFF) == 0) Wire.Put16(ip + 4, frame.Context.NextIp4Id());

        Span<uint> made = stackalloc uint[parts];
        for (var part = 0; part < parts; part++)
        {
            var at = part * room;
            var length = Math.Min(room, payload - at);
            made[part] = Part(ref frame, index, ip, header, at, length, start, (word & 0x2000) != 0 || part < parts - 1);
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

    private static uint Part(ref Frame frame, uint index, byte* ip, int header, int at, int length, int start, bool more)
    {
        var fragment = PacketCopy.Slice(frame.Pool, index, header + at, length);
        if (fragment == 0) return 0;
        var from = frame.Meta(index);
        var meta = frame.Meta(fragment);
        // RFC 791 §3.1: options without the copied bit stay with the first fragment.
        var first = start + at == 0;
        Span<byte> room = stackalloc byte[60];
        new ReadOnlySpan<byte>(ip, header).CopyTo(room);
        var headerLength = first || header == Ip4Input.MinHeader ? header : KeepCopiedOptions(room, header);
        PacketTrim.Prepend(meta, headerLength);
        var to = frame.Data(fragment);
        room[..headerLength].CopyTo(new Span<byte>(to, headerLength));
        to[0] = (byte)(0x40 | headerLength / 4);
        Wire.Put16(to + 2, headerLength + length);
        Wire.Put16(to + 6, (more ? 0x2000 : 0) | (start + at) / 8);
        Unsafe.WriteUnaligned(to + 10, (ushort)0);
        Unsafe.WriteUnaligned(to + 10, Checksum.Fold(Checksum.Add(0, to, headerLength)));
        meta->Flags = (from->Flags | PacketFlags.Fragment) & ~PacketFlags.LaterFragment | (first ? 0 : PacketFlags.LaterFragment);
        meta->TraceId = from->TraceId;
        meta->RxInterface = from->RxInterface;
        meta->Vrf = from->Vrf;
        meta->NextHop = from->NextHop;
        meta->Sa = from->Sa;
        meta->Protocol = from->Protocol;
        meta->L3 = meta->Offset;
        meta->L4 = (ushort)(meta->Offset + headerLength);
        return fragment;
    }

    private static int KeepCopiedOptions(Span<byte> bytes, int header)
    {
        var kept = Ip4Input.MinHeader;
        for (var at = Ip4Input.MinHeader; at < header && bytes[at] != 0;)
        {
            var length = bytes[at] == 1 || at + 1 >= header ? 1 : Math.Clamp((int)bytes[at + 1], 1, header - at);
            if ((bytes[at] & 0x80) != 0)
            {
                bytes.Slice(at, length).CopyTo(bytes[kept..]);
                kept += length;
            }
            at += length;
        }
        while (kept % 4 != 0) bytes[kept++] = 0;
        return kept;
    }
}
