using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Buffers;

/// <summary>Moves the two ends of a packet.</summary>
internal static unsafe class PacketTrim
{
    /// <summary>Steps over bytes at the front; they must lie in the first chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Advance(PacketMeta* meta, int bytes)
    {
        meta->Offset = (ushort)(meta->Offset + bytes);
        meta->Length = (ushort)(meta->Length - bytes);
        meta->TotalLength -= (uint)bytes;
    }

    /// <summary>Steps back over bytes before the front; the headroom must hold them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prepend(PacketMeta* meta, int bytes)
    {
        meta->Offset = (ushort)(meta->Offset - bytes);
        meta->Length = (ushort)(meta->Length + bytes);
        meta->TotalLength += (uint)bytes;
    }

    /// <summary>Cuts the packet to that many bytes and frees chunks that hold nothing any more. The packet must be at least that long.</summary>
    public static void Truncate(PacketPool pool, uint index, uint total)
    {
        var meta = pool.Meta(index);
        meta->TotalLength = total;
        while (true)
        {
            if (total <= meta->Length)
            {
                meta->Length = (ushort)total;
                var rest = meta->Next;
                meta->Next = 0;
                if (rest != 0) pool.Free(rest);
                return;
            }
            total -= meta->Length;
            meta = pool.Meta(meta->Next);
        }
    }
}
