namespace Gateway.Dataplane.Buffers;

/// <summary>Moves bytes between packets and flat memory, over chains too.</summary>
public static unsafe class PacketCopy
{
    /// <summary>A new packet (a chain when long) with these bytes; 0 when the pool has not enough chunks.</summary>
    public static uint FromBytes(PacketPool pool, ReadOnlySpan<byte> bytes)
    {
        var first = pool.Allocate();
        if (first == 0) return 0;
        pool.Meta(first)->TotalLength = (uint)bytes.Length;
        for (var last = first; ;)
        {
            var meta = pool.Meta(last);
            var here = Math.Min(bytes.Length, PacketPool.Room);
            bytes[..here].CopyTo(new Span<byte>(pool.Data(last), here));
            meta->Length = (ushort)here;
            bytes = bytes[here..];
            if (bytes.IsEmpty) return first;
            var next = pool.Allocate();
            if (next == 0)
            {
                pool.Free(first);
                return 0;
            }
            meta->Next = next;
            last = next;
        }
    }

    /// <summary>Copies up to that many bytes from the packet's current header on; returns how many there were.</summary>
    public static int ToSpan(PacketPool pool, uint index, Span<byte> into)
    {
        var copied = 0;
        for (; index != 0 && copied < into.Length; index = pool.Meta(index)->Next)
        {
            var here = Math.Min(pool.Meta(index)->Length, into.Length - copied);
            new ReadOnlySpan<byte>(pool.Data(index), here).CopyTo(into[copied..]);
            copied += here;
        }
        return copied;
    }

    /// <summary>A new packet (a chain when long) with some bytes of another, counted from that one's current header; 0 when the pool has not enough chunks.</summary>
    public static uint Slice(PacketPool pool, uint source, int offset, int count)
    {
        var first = pool.Allocate();
        if (first == 0) return 0;
        pool.Meta(first)->TotalLength = (uint)count;
        var last = first;
        while (count > 0)
        {
            var from = pool.Meta(source);
            if (offset >= from->Length)
            {
                offset -= from->Length;
                source = from->Next;
                continue;
            }
            var meta = pool.Meta(last);
            var here = Math.Min(Math.Min(from->Length - offset, count), PacketPool.Room - meta->Length);
            if (here == 0)
            {
                var next = pool.Allocate();
                if (next == 0)
                {
                    pool.Free(first);
                    return 0;
                }
                meta->Next = next;
                last = next;
                continue;
            }
            Buffer.MemoryCopy(pool.Data(source) + offset, pool.Data(last) + meta->Length, here, here);
            meta->Length = (ushort)(meta->Length + here);
            offset += here;
            count -= here;
        }
        return first;
    }

    /// <summary>All bytes from the packet's current header on.</summary>
    public static byte[] ToArray(PacketPool pool, uint index)
    {
        var bytes = new byte[pool.Meta(index)->TotalLength];
        ToSpan(pool, index, bytes);
        return bytes;
    }
}
