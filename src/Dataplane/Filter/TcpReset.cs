using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Filter;

/// <summary>What differs between IPv4 and IPv6 for resets.</summary>
internal unsafe interface IResetFamily
{
    static abstract string Node { get; }
    static abstract string Lookup { get; }

    /// <summary>Bytes of the IP header.</summary>
    static abstract int HeaderLength { get; }

    /// <summary>Whether the packet came from one host to one host, and an answer finds its way.</summary>
    static abstract bool IsAnswerable(byte* original);

    /// <summary>Writes the IP header of the answer, and the checksum of the TCP header behind it.</summary>
    static abstract void Write(byte* ip, byte* original, WorkerContext context);
}

/// <inheritdoc/>
internal readonly unsafe struct ResetIp4 : IResetFamily
{
    public static string Node => NodeNames.Tcp4Reset;
    public static string Lookup => NodeNames.Ip4Lookup;
    public static int HeaderLength => Ip4Input.MinHeader;

    public static bool IsAnswerable(byte* original) => Wire.U32(original + 12) < 0xE000_0000 && Wire.U32(original + 16) < 0xE000_0000;

    public static void Write(byte* ip, byte* original, WorkerContext context)
    {
        Ip4Header.Write(ip, HeaderLength + TcpReset.Length, context.NextIp4Id(), 64, 6, Wire.U32(original + 16), Wire.U32(original + 12));
        Unsafe.WriteUnaligned(ip + HeaderLength + 16, Checksum.Fold(Checksum.Pseudo4(ip + 12, 6, TcpReset.Length) + Checksum.Add(0, ip + HeaderLength, TcpReset.Length)));
    }
}

/// <inheritdoc/>
internal readonly unsafe struct ResetIp6 : IResetFamily
{
    public static string Node => NodeNames.Tcp6Reset;
    public static string Lookup => NodeNames.Ip6Lookup;
    public static int HeaderLength => Ip6Header.Length;

    // A link-local address is not looked up.
    public static bool IsAnswerable(byte* original) => original[24] != 0xFF && Wire.U16(original + 8) >> 6 != 0xFE80 >> 6;

    public static void Write(byte* ip, byte* original, WorkerContext context)
    {
        Ip6Header.Write(ip, TcpReset.Length, 6, 64, Wire.U64(original + 24), Wire.U64(original + 32), Wire.U64(original + 8), Wire.U64(original + 16));
        Unsafe.WriteUnaligned(ip + HeaderLength + 16, Checksum.Fold(Checksum.Pseudo6(ip + 8, 6, TcpReset.Length) + Checksum.Add(0, ip + HeaderLength, TcpReset.Length)));
    }
}

/// <summary>The TCP header of a reset (RFC 9293 §3.5.2).</summary>
internal static unsafe class TcpReset
{
    /// <summary>A TCP header without options.</summary>
    public const int Length = 20;

    private const byte Fin = 1, Syn = 2, Rst = 4, Ack = 16;

    /// <summary>Writes the answer to a segment, its checksum left open; false when the segment must not be answered.</summary>
    /// <param name="tcp">Room for the answer.</param>
    /// <param name="segment">The segment, with its whole header.</param>
    /// <param name="length">Bytes of the segment, header included.</param>
    public static bool TryWrite(byte* tcp, byte* segment, int length)
    {
        // RFC 9293 §3.10.7.1: a reset is never answered with one.
        var (flags, header) = (segment[13], (segment[12] >> 4) * 4);
        if ((flags & Rst) != 0 || header < Length || header > length) return false;
        Wire.Put16(tcp, Wire.U16(segment + 2));
        Wire.Put16(tcp + 2, Wire.U16(segment));
        var acknowledges = (flags & Ack) != 0;
        // With ACK the reset takes its sequence number from it, else it has number 0 and acknowledges the segment.
        Wire.Put32(tcp + 4, acknowledges ? Wire.U32(segment + 8) : 0);
        Wire.Put32(tcp + 8, acknowledges ? 0 : Wire.U32(segment + 4) + (uint)(length - header) + ((flags & Syn) != 0 ? 1u : 0) + ((flags & Fin) != 0 ? 1u : 0));
        tcp[12] = Length / 4 << 4;
        tcp[13] = acknowledges ? Rst : (byte)(Rst | Ack);
        // Window, checksum, urgent pointer.
        Wire.Put16(tcp + 14, 0);
        Wire.Put32(tcp + 16, 0);
        return true;
    }
}

/// <summary>Answers a rejected TCP segment with a reset in the name of the host that it was for, so that its sender gives up at once.</summary>
internal readonly unsafe struct TcpReset<TFamily> : INode
    where TFamily : struct, IResetFamily
{
    private enum Edge : ushort
    {
        Lookup,
    }

    private enum Count : ushort
    {
        Sent,
        NotAllowed,
        RateLimited,
        NoBuffer,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, NodeInfo.None, Count>(
        TFamily.Node,
        [(Edge.Lookup, TFamily.Lookup)],
        [],
        [
            (Count.Sent, "Resets that were sent."),
            (Count.NotAllowed, "Segments that are not answered: resets, fragments, broadcasts, headers that are cut off."),
            (Count.RateLimited, "Resets that the rate limit held back."),
            (Count.NoBuffer, "Resets for which no packet was free."),
        ]);

    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            Answer(ref frame, index, frame.Meta(index));
            frame.Consume(index);
        }
    }

    private static void Answer(ref Frame frame, uint index, PacketMeta* meta)
    {
        var original = frame.Data(index);
        var header = meta->L4 - meta->Offset;
        if ((meta->Flags & (PacketFlags.Broadcast | PacketFlags.Fragment)) != 0 || header + TcpReset.Length > meta->Length || !TFamily.IsAnswerable(original))
        {
            frame.Add(Count.NotAllowed);
            return;
        }
        if (!frame.Context.Resets.Take(frame.Now))
        {
            frame.Add(Count.RateLimited);
            return;
        }
        var answer = frame.Pool.Allocate();
        if (answer == 0)
        {
            frame.Add(Count.NoBuffer);
            return;
        }
        var ip = frame.Data(answer);
        if (!TcpReset.TryWrite(ip + TFamily.HeaderLength, original + header, (int)meta->TotalLength - header))
        {
            frame.Consume(answer);
            frame.Add(Count.NotAllowed);
            return;
        }
        TFamily.Write(ip, original, frame.Context);
        Reply.About(meta, frame.Meta(answer), TFamily.HeaderLength, TFamily.HeaderLength + TcpReset.Length, 6);
        frame.Add(Count.Sent);
        frame.Enqueue(Edge.Lookup, answer);
    }
}
