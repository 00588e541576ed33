using System.Runtime.CompilerServices;
using Gateway.Crypto.Aead;
using Gateway.Crypto.Packet;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// Protects IP packets with the SA whose number spd-output left in NextHop (RFC 4303 §3.3, RFC 4106), and sends the outer packets to be looked up.
/// Two passes: build all headers and trailers; encrypt all. What is too big for the path goes back or is split before encryption (RFC 4301 §8).
/// </summary>
internal readonly unsafe struct EspEncrypt<TInner> : INode
    where TInner : struct, IInnerFamily
{
    /// <summary>Kept free in front of the outer header: Ethernet with a VLAN tag, and a vnet header.</summary>
    private const int LinkHeadroom = 32;

    /// <summary>Pad length and next header.</summary>
    private const int TrailerLength = 2;

    private const int EspHeaderLength = 8;

    private const int LargestPacket = 65_535;

    private enum Edge : ushort
    {
        Ip4Lookup,
        Ip6Lookup,
        Fragment,
        IcmpError,
        Ip4Rewrite,
        Ip6Rewrite,
    }

    private enum Reason : ushort
    {
        NoSa,
        HandoffFull,
        Expired,
        SequenceEnded,
        TooBig,
        TooLong,
        NoBuffer,
        CipherFailed,
        TransportFragment,
    }

    private enum Count : ushort
    {
        Encrypted,
        SplitBefore,
        MssClamped,
    }

    /// <summary>A packet between the passes.</summary>
    private struct Held
    {
        public uint Index;
        public SaPath* Path;
        public SaEntry* Sa;

        /// <summary>Bytes of the headers in front of UDP or ESP.</summary>
        public int IpLength;
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        TInner.EncryptNode,
        [(Edge.Ip4Lookup, NodeNames.Ip4Lookup), (Edge.Ip6Lookup, NodeNames.Ip6Lookup), (Edge.Fragment, TInner.FragmentNode), (Edge.IcmpError, TInner.IcmpNode),
            (Edge.Ip4Rewrite, NodeNames.Ip4Rewrite), (Edge.Ip6Rewrite, NodeNames.Ip6Rewrite)],
        [
            (Reason.NoSa, "The SA was removed while the packet was on its way."),
            (Reason.HandoffFull, "The SA belongs to another worker, whose ring was full."),
            (Reason.Expired, "The SA has reached its hard lifetime."),
            (Reason.SequenceEnded, "The SA has used up its sequence numbers."),
            (Reason.TooBig, "The packet does not fit the path through the tunnel and must not be split; its sender was told."),
            (Reason.TooLong, "The packet would be longer than an IP packet can be."),
            (Reason.NoBuffer, "No free packet to put a long encrypted packet into."),
            (Reason.CipherFailed, "The cipher library could not encrypt the packet."),
            (Reason.TransportFragment, "The packet is a fragment, which transport mode does not protect (RFC 4303 §3.3.4)."),
        ],
        [
            (Count.Encrypted, "Packets encrypted and sent on."),
            (Count.SplitBefore, "Packets split before encryption because they did not fit the path."),
            (Count.MssClamped, "TCP SYNs whose segment size was lowered to the tunnel."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var jobs = stackalloc AeadJob[Frame.Size];
        var held = stackalloc Held[Frame.Size];
        var edges = stackalloc Edge[Frame.Size];
        var packets = stackalloc uint[Frame.Size];
        var count = 0;
        SaPrefetch.Outbound(ref frame);
        frame.Context.Keys.BeginFrame();
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            if (!Admit(ref frame, index, out var entry, out var sequence)) continue;
            var sa = (SaEntry*)entry;
            var meta = frame.Meta(index);
            var path = (SaPath*)Volatile.Read(ref *(nint*)&sa->Out.Path);
            var front = FrontOf(sa, path);
            if (meta->Next != 0 || meta->Offset < front + LinkHeadroom || meta->Offset + meta->Length + LongestEnd(sa) > PacketPool.ChunkSize)
            {
                EncryptFlat(ref frame, index, sa, path, sequence);
                continue;
            }
            var inner = frame.Data(index);
            int length = meta->Length;
            var total = Build(sa, path, inner, length, sequence, jobs + count, frame.Context, out held[count].IpLength);
            if (total <= 0)
            {
                frame.Drop(total == 0 ? Reason.CipherFailed : Reason.TransportFragment, index);
                continue;
            }
            meta->Offset = (ushort)(meta->Offset - front);
            meta->Length = (ushort)total;
            meta->TotalLength = (uint)total;
            held[count].Index = index;
            held[count].Path = path;
            held[count].Sa = sa;
            count++;
        }

        AesGcmEngine.EncryptBatch(jobs, count, frame.Context.Keys);

        for (var i = 0; i < count; i++)
        {
            if (held[i].Path->SumsUdp) OuterHeader.SumUdp6(frame.Data(held[i].Index), held[i].IpLength);
            edges[i] = PassOn(ref frame, held[i].Index, held[i].Path, held[i].Sa, held[i].IpLength);
            packets[i] = held[i].Index;
        }
        frame.Dispatch(edges, packets, count);
    }

    /// <summary>Bytes that the packet grows by in front.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FrontOf(SaEntry* sa, SaPath* path) =>
        sa->HeaderLength + path->HeaderLength - ((sa->Flags & SaFlags.Transport) == 0 ? 0 : path->IpLength);

    /// <summary>Most bytes behind the inner packet: padding, trailer, ICV.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LongestEnd(SaEntry* sa) => sa->Alignment - 1 + TrailerLength + sa->IcvLength;

    /// <summary>All that may end a packet or send it elsewhere. False when it did.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Admit(ref Frame frame, uint index, out nint entry, out ulong sequence)
    {
        sequence = 0;
        var meta = frame.Meta(index);
        var sa = frame.Tables.Sad[meta->NextHop];
        entry = (nint)sa;
        if (sa == null) return Drop(ref frame, Reason.NoSa, index);
        if (Volatile.Read(ref sa->Place.Whole) != SaPlace.Of(frame.Context.Worker))
            return !frame.Context.FollowSa(sa->Place.Worker, frame.Node, index) && Drop(ref frame, Reason.HandoffFull, index);
        if (!SaUse.IsAllowed(&sa->Out.Traffic))
        {
            sa->Out.Drops.Expired++;
            return Drop(ref frame, Reason.Expired, index);
        }

        var ip = frame.Data(index);
        var mtu = PathMtu.InnerOf(ref frame, sa);
        if (TInner.TcpAt(ip) is var tcp && tcp != 0 && MssClamp.Apply(ip + tcp, meta->Length - tcp, mtu - TInner.TcpOverhead)) frame.Add(Count.MssClamped);
        if ((meta->TotalLength > Math.Max(mtu, TInner.SmallestMtu) || TInner.CameInFragments(meta)) && !Fits(ref frame, index, sa, ip, mtu)) return false;

        if (!OutboundSequence.TryNext(sa, out sequence))
        {
            SaUse.Note(frame.Context, sa->Id, &sa->Out.Traffic, SaNoted.SequenceEnded, SaLimit.SequenceEnded, outbound: true);
            sa->Out.Drops.Expired++;
            return Drop(ref frame, Reason.SequenceEnded, index);
        }
        if (sequence >= sa->Out.NearEnd) SaUse.Note(frame.Context, sa->Id, &sa->Out.Traffic, SaNoted.SequenceNearEnd, SaLimit.SequenceNearEnd, outbound: true);
        SaUse.Count(frame.Context, sa->Id, &sa->Out.Traffic, (int)meta->TotalLength, outbound: true);
        frame.Add(Count.Encrypted);
        return true;
    }

    /// <summary>What happens to a packet that is bigger than the tunnel carries in one piece. False: it went another way.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Fits(ref Frame frame, uint index, SaEntry* sa, byte* ip, int mtu)
    {
        var meta = frame.Meta(index);
        mtu = Math.Max(mtu, TInner.SmallestMtu);
        // RFC 4303 §3.3.4: in transport mode fragmentation comes after encryption, on the way out.
        if ((sa->Flags & SaFlags.Transport) != 0 && !TInner.MustNotSplit(ip)) return true;
        if (TInner.CameInFragments(meta))
        {
            // Its sender had split it; the fragments are made anew, no bigger than they were.
            var size = (int)meta->FragmentSize;
            meta->FragmentSize = 0;
            if (meta->TotalLength <= Math.Min(size, mtu) || ((sa->Flags & SaFlags.Transport) != 0 && meta->TotalLength <= mtu)) return true;
            if (size <= mtu) return Split(ref frame, index, size);
        }
        if (TInner.MustNotSplit(ip))
        {
            // RFC 4301 §8.2.1: the sender of the inner packet learns what the tunnel leaves it.
            sa->Out.Drops.TooBig++;
            frame.AddDrop(Reason.TooBig);
            meta->Opaque0 = TInner.TooBig((uint)mtu);
            frame.Enqueue(Edge.IcmpError, index);
            return false;
        }
        return Split(ref frame, index, mtu);
    }

    private static bool Split(ref Frame frame, uint index, int size)
    {
        // RFC 4303 §3.3.4 leaves the order open; split before encryption, the peer need not put outer fragments together. The parts come back to this node.
        frame.Add(Count.SplitBefore);
        var meta = frame.Meta(index);
        meta->Opaque0 = (uint)size;
        meta->Opaque1 = frame.Node;
        frame.Enqueue(Edge.Fragment, index);
        return false;
    }

    /// <summary>
    /// Writes everything around the inner packet and describes the encryption; returns the length of the outer packet, which starts in front of the inner one.
    /// What AES-GCM does not protect is encrypted here and now, and the job says so; 0 when that failed, negative for a fragment in transport mode.
    /// </summary>
    /// <param name="ipLength">Bytes of the headers in front of UDP or ESP.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Build(SaEntry* sa, SaPath* path, byte* inner, int length, ulong sequence, AeadJob* job, WorkerContext context, out int ipLength)
    {
        ipLength = path->IpLength;
        var @class = TInner.TrafficClassOf(inner);
        var split = TInner.OuterMaySplit(inner, length);
        var nextHeader = TInner.NextHeader;
        var packet = inner;
        var nextField = 0;
        if ((sa->Flags & SaFlags.Transport) != 0)
        {
            // RFC 4303 §3.1.1: the packet's own header moves forward; what followed it is the text.
            ipLength = EspTransport.HeaderOf(inner, length, out nextField);
            if (ipLength == 0) return -1;
            nextHeader = inner[nextField];
            packet = inner - FrontOf(sa, path);
            Buffer.MemoryCopy(inner, packet, ipLength, ipLength);
            inner += ipLength;
            length -= ipLength;
        }
        // RFC 4303 §2.4: padding 1, 2, 3 … up to the boundary behind pad length and next header.
        var padding = -(length + TrailerLength) & (sa->Alignment - 1);
        var text = length + padding + TrailerLength;
        var trailer = inner + length;
        if (sa->Alignment == 4) Unsafe.WriteUnaligned(trailer, 0x00030201);
        else
            for (var i = 0; i < padding; i++) trailer[i] = (byte)(i + 1);
        trailer[padding] = (byte)padding;
        trailer[padding + 1] = nextHeader;

        var esp = inner - sa->HeaderLength;
        Wire.Put32(esp, sa->Out.Spi);
        Wire.Put32(esp + 4, (uint)sequence);
        if (sa->Out.Cipher != null)
        {
            job->Key = null;
            if (!PacketCipherBlock.Seal(sa->Out.Cipher, esp, text, sequence, (sa->Flags & SaFlags.Esn) != 0)) return 0;
        }
        else
        {
            if (!context.Keys.Take(sa->Out.Seed, ref sa->Out.Key, job)) return 0;
            // RFC 4106 §3.1: the IV must be unique under the key; the 64-bit sequence number is, with and without ESN.
            Wire.Put64(esp + EspHeaderLength, sequence);
            job->Source = job->Destination = inner;
            job->Tag = inner + text;
            job->Aad = null;
            job->Length = text;
            job->TagLength = sa->IcvLength;
            job->Salt = sa->Out.Salt;
            job->Iv = Unsafe.ReadUnaligned<ulong>(esp + EspHeaderLength);
            job->AadLength = EspAad.Write(job->InlineAad, sa, sa->Out.Spi, sequence);
        }

        if (nextField != 0) return FinishTransport(packet, ipLength, nextField, path, sa->HeaderLength + text + sa->IcvLength);
        var total = path->HeaderLength + sa->HeaderLength + text + sa->IcvLength;
        OuterHeader.Write(esp - path->HeaderLength, path, sa->Flags, total, @class, split, context);
        return total;
    }

    /// <summary>The header in front, and UDP's where there is encapsulation; returns the length of the packet.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int FinishTransport(byte* packet, int ipLength, int nextField, SaPath* path, int esp)
    {
        var udp = path->HeaderLength - path->IpLength;
        if (udp != 0)
        {
            Unsafe.CopyBlockUnaligned(packet + ipLength, path->Header + path->IpLength, (uint)udp);
            Wire.Put16(packet + ipLength + 4, udp + esp);
        }
        EspTransport.Finish(packet, ipLength, nextField, path->Udp ? (byte)17 : (byte)50, ipLength + udp + esp);
        return ipLength + udp + esp;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Edge PassOn(ref Frame frame, uint index, SaPath* path, SaEntry* sa, int ipLength)
    {
        var meta = frame.Meta(index);
        // The policy does not see outer packets: RFC 4301 §5.1 forwards them past the SPD.
        meta->Flags = (meta->Flags & PacketFlags.Traced) | PacketFlags.Own | PacketFlags.BypassSpd;
        meta->L3 = meta->Offset;
        meta->L4 = (ushort)(meta->Offset + ipLength);
        meta->Protocol = path->Udp ? (byte)17 : (byte)50;
        meta->Vrf = sa->OuterVrf;
        meta->NextHop = SaRoute.NextHopOf(ref frame, sa, path);
        // What is not simply a neighbor with a known address is the lookup's to judge.
        if (frame.Tables.Adjacencies[meta->NextHop]->Kind == AdjacencyKind.Neighbor) return path->V6 ? Edge.Ip6Rewrite : Edge.Ip4Rewrite;
        return path->V6 ? Edge.Ip6Lookup : Edge.Ip4Lookup;
    }

    /// <summary>A packet in several chunks, or without room around it, is built in one piece and becomes a new packet.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void EncryptFlat(ref Frame frame, uint index, SaEntry* sa, SaPath* path, ulong sequence)
    {
        var meta = frame.Meta(index);
        var flat = stackalloc byte[LargestPacket + 1];
        var front = FrontOf(sa, path);
        if (front + meta->TotalLength + LongestEnd(sa) > LargestPacket)
        {
            Drop(ref frame, Reason.TooLong, index);
            return;
        }
        var length = PacketCopy.ToSpan(frame.Pool, index, new Span<byte>(flat + front, LargestPacket + 1 - front));
        AeadJob job;
        var total = Build(sa, path, flat + front, length, sequence, &job, frame.Context, out var ipLength);
        if (total <= 0)
        {
            Drop(ref frame, total == 0 ? Reason.CipherFailed : Reason.TransportFragment, index);
            return;
        }
        AesGcmEngine.EncryptBatch(&job, 1, frame.Context.Keys);
        if (path->SumsUdp) OuterHeader.SumUdp6(flat, ipLength);
        var built = PacketCopy.FromBytes(frame.Pool, new ReadOnlySpan<byte>(flat, total));
        if (built == 0)
        {
            Drop(ref frame, Reason.NoBuffer, index);
            return;
        }
        var fresh = frame.Meta(built);
        fresh->RxInterface = meta->RxInterface;
        fresh->TraceId = meta->TraceId;
        fresh->Flags = meta->Flags;
        frame.Enqueue(PassOn(ref frame, built, path, sa, ipLength), built);
        frame.Consume(index);
    }

    private static bool Drop(ref Frame frame, Reason reason, uint index)
    {
        frame.Drop(reason, index);
        return false;
    }
}
