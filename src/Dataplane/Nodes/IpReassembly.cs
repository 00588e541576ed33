using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>What tells fragments of IPv4 and IPv6 apart.</summary>
internal unsafe interface IFragmentFamily
{
    static abstract string Name { get; }

    static abstract string Back { get; }

    /// <summary>The node for packets that came here because their flow was looked for.</summary>
    static abstract string ToFlow { get; }

    /// <summary>Reads the key, where the payload starts from the IP header on, its offset and whether more follow; false when the header is malformed.</summary>
    static abstract bool Read(PacketMeta* meta, byte* ip, scoped Span<ulong> key, out int header, out int start, out bool more);

    /// <summary>Makes the first fragment's header that of the whole packet; returns how many bytes the header has now, after moving its front.</summary>
    static abstract void Mend(PacketMeta* meta, byte* ip, int header, int payload);
}

/// <summary>RFC 791 §3.2.</summary>
internal readonly unsafe struct Fragments4 : IFragmentFamily
{
    public static string Name => NodeNames.Ip4Reassembly;

    public static string Back => NodeNames.Ip4Local;

    public static string ToFlow => NodeNames.Ip4FlowInput;

    public static bool Read(PacketMeta* meta, byte* ip, scoped Span<ulong> key, out int header, out int start, out bool more)
    {
        var word = Wire.U16(ip + 6);
        header = (ip[0] & 15) * 4;
        start = (word & 0x1FFF) * 8;
        more = (word & 0x2000) != 0;
        key[0] = Wire.U64(ip + 12);
        key[1] = (ulong)Wire.U16(ip + 4) << 16 | ip[9];
        key[2] = meta->Vrf;
        key[3] = meta->Sa;
        key[4] = 4;
        return true;
    }

    public static void Mend(PacketMeta* meta, byte* ip, int header, int payload)
    {
        Wire.Put16(ip + 2, header + payload);
        Wire.Put16(ip + 6, 0);
        Unsafe.WriteUnaligned(ip + 10, (ushort)0);
        Unsafe.WriteUnaligned(ip + 10, Checksum.Fold(Checksum.Add(0, ip, header)));
        meta->L4 = (ushort)(meta->Offset + header);
    }
}

/// <summary>RFC 8200 §4.5.</summary>
internal readonly unsafe struct Fragments6 : IFragmentFamily
{
    public static string Name => NodeNames.Ip6Reassembly;

    public static string Back => NodeNames.Ip6Local;

    public static string ToFlow => NodeNames.Ip6FlowInput;

    public static bool Read(PacketMeta* meta, byte* ip, scoped Span<ulong> key, out int header, out int start, out bool more)
    {
        var at = Ip6Extensions.FindFragment(ip, meta->Length, out _);
        header = at + 8;
        start = Wire.U16(ip + at + 2) & 0xFFF8;
        more = (ip[at + 3] & 1) != 0;
        key[0] = Wire.U64(ip + 8);
        key[1] = Wire.U64(ip + 16);
        key[2] = Wire.U64(ip + 24);
        key[3] = Wire.U64(ip + 32);
        key[4] = Wire.U32(ip + at + 4) | (ulong)(meta->Sa & 0xFFFFFF) << 32 | 6ul << 56;
        key[5] = meta->Vrf;
        return at != 0;
    }

    public static void Mend(PacketMeta* meta, byte* ip, int header, int payload)
    {
        // The fragment header goes: what stands before it moves up over it.
        var at = Ip6Extensions.FindFragment(ip, meta->Length, out var pointer);
        ip[pointer] = ip[at];
        Buffer.MemoryCopy(ip, ip + 8, at, at);
        PacketTrim.Advance(meta, 8);
        Wire.Put16(ip + 8 + 4, at - Ip6Header.Length + payload);
        // Layer 4 stays where ip input found it, behind what headers there may be between.
        meta->L3 = meta->Offset;
    }
}

/// <summary>For whom fragments are put together, in <see cref="PacketMeta.Scratch"/> of each.</summary>
internal static class Reassembly
{
    public const byte ForLocal = 0, ForFlow = 1;
}

/// <summary>Puts fragments together for the gateway's own IKE and ESP, and for flows, whose later fragments show no ports. Small tables, short waits, and no overlaps: what looks like an attack is dropped whole.</summary>
internal readonly unsafe struct IpReassembly<TFamily> : INode
    where TFamily : struct, IFragmentFamily
{
    private enum Edge : ushort
    {
        Local,
        Flow,
    }

    private enum Reason : ushort
    {
        Malformed,
        Overlap,
        TooMany,
        TooBig,
        Evicted,
        TimedOut,
    }

    private enum Count : ushort
    {
        Reassembled,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        TFamily.Name,
        [(Edge.Local, TFamily.Back), (Edge.Flow, TFamily.ToFlow)],
        [
            (Reason.Malformed, "A fragment is empty, or its length is no multiple of 8 although more follow."),
            (Reason.Overlap, "Fragments of one packet overlap."),
            (Reason.TooMany, "A packet came in more fragments, or they took more buffers, than are kept."),
            (Reason.TooBig, "The fragments make a packet above 65535 bytes or run past its end."),
            (Reason.Evicted, "A partial packet gave way to a newer one."),
            (Reason.TimedOut, "The rest of a packet did not come in time."),
        ],
        [(Count.Reassembled, "Packets put together.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var table = frame.Context.Fragments;
        for (var expired = table.Expire(frame.Now, frame.Pool); expired > 0; expired--) frame.AddDrop(Reason.TimedOut);
        Span<ulong> key = stackalloc ulong[PartialPacket.KeyWords];
        for (var i = 0; i < frame.Count; i++) Take(ref frame, table, key, frame.Indices[i]);
    }

    private static void Take(ref Frame frame, ReassemblyTable table, scoped Span<ulong> key, uint index)
    {
        var meta = frame.Meta(index);
        var ip = frame.Data(index);
        if (!TFamily.Read(meta, ip, key, out var header, out var start, out var more) || header > meta->Length)
        {
            frame.Drop(Reason.Malformed, index);
            return;
        }
        var length = (int)meta->TotalLength - header;
        if (length <= 0 || (more && length % 8 != 0))
        {
            frame.Drop(Reason.Malformed, index);
            return;
        }
        if (start + length + header > 65535)
        {
            frame.Drop(Reason.TooBig, index);
            return;
        }
        var entry = table.Find(key);
        if (entry == null)
        {
            entry = table.Add(key, frame.Now, frame.Pool, out var evicted);
            for (; evicted > 0; evicted--) frame.AddDrop(Reason.Evicted);
        }
        // RFC 5722 §4 for IPv6, and as good for IPv4: an overlap ends the whole packet.
        var reason = Fits(table, entry, start, length, more);
        if (reason is { } bad)
        {
            frame.Drop(bad, index);
            table.Free(entry, frame.Pool);
            return;
        }
        var held = table.TryHold(entry, Buffers(ref frame, index), frame.Pool, out var gone);
        for (; gone > 0; gone--) frame.AddDrop(Reason.Evicted);
        if (!held)
        {
            frame.Drop(Reason.TooMany, index);
            table.Free(entry, frame.Pool);
            return;
        }
        var at = entry->Count;
        for (; at > 0 && entry->Starts[at - 1] > start; at--)
        {
            entry->Starts[at] = entry->Starts[at - 1];
            entry->Lengths[at] = entry->Lengths[at - 1];
            entry->Fragments[at] = entry->Fragments[at - 1];
        }
        entry->Starts[at] = start;
        entry->Lengths[at] = length;
        entry->Fragments[at] = index;
        entry->Count++;
        entry->Received += length;
        if (!more) entry->Total = start + length;
        if (entry->Total != 0 && entry->Received == entry->Total) Join(ref frame, table, entry);
    }

    private static int Buffers(ref Frame frame, uint index)
    {
        var buffers = 1;
        for (var next = frame.Meta(index)->Next; next != 0; next = frame.Meta(next)->Next) buffers++;
        return buffers;
    }

    private static Reason? Fits(ReassemblyTable table, PartialPacket* entry, int start, int length, bool more)
    {
        if (entry->Count >= table.MaxFragments) return Reason.TooMany;
        if (!more && entry->Total != 0) return Reason.Overlap;
        var end = start + length;
        if (entry->Total != 0 && end > entry->Total) return Reason.TooBig;
        for (var i = 0; i < entry->Count; i++)
        {
            if (start < entry->Starts[i] + entry->Lengths[i] && entry->Starts[i] < end) return Reason.Overlap;
            if (!more && entry->Starts[i] + entry->Lengths[i] > end) return Reason.TooBig;
        }
        return null;
    }

    /// <summary>Chains the payloads behind the first fragment; a packet that fits one chunk is copied into it, since most nodes look at the first chunk only.</summary>
    private static void Join(ref Frame frame, ReassemblyTable table, PartialPacket* entry)
    {
        var pool = frame.Pool;
        var first = entry->Fragments[0];
        var meta = frame.Meta(first);
        var largest = meta->TotalLength;
        Span<ulong> key = stackalloc ulong[PartialPacket.KeyWords];
        TFamily.Read(meta, frame.Data(first), key, out var header, out _, out _);
        var last = first;
        for (var i = 1; i < entry->Count; i++)
        {
            var part = entry->Fragments[i];
            var partMeta = frame.Meta(part);
            largest = Math.Max(largest, partMeta->TotalLength);
            TFamily.Read(partMeta, frame.Data(part), key, out var partHeader, out _, out _);
            PacketTrim.Advance(partMeta, partHeader);
            partMeta->TotalLength = 0;
            while (frame.Meta(last)->Next != 0) last = frame.Meta(last)->Next;
            frame.Meta(last)->Next = part;
        }
        meta->TotalLength = (uint)(header + entry->Total);
        Flatten(pool, first, meta);
        meta->Flags &= ~(PacketFlags.Fragment | PacketFlags.LaterFragment);
        // An atomic fragment (RFC 6946) came whole.
        meta->FragmentSize = entry->Count > 1 ? largest : 0;
        TFamily.Mend(meta, frame.Data(first), header, entry->Total);
        table.Remove(entry);
        frame.Add(Count.Reassembled);
        frame.Enqueue(meta->Scratch == Reassembly.ForFlow ? Edge.Flow : Edge.Local, first);
    }

    private static void Flatten(PacketPool pool, uint first, PacketMeta* meta)
    {
        if (meta->Next == 0 || meta->Offset + meta->TotalLength > PacketPool.ChunkSize) return;
        var to = pool.Data(first) + meta->Length;
        for (var from = meta->Next; from != 0; from = pool.Meta(from)->Next)
        {
            var length = pool.Meta(from)->Length;
            Buffer.MemoryCopy(pool.Data(from), to, length, length);
            to += length;
        }
        pool.Free(meta->Next);
        meta->Next = 0;
        meta->Length = (ushort)meta->TotalLength;
    }
}
