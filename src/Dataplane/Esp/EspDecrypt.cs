using System.Runtime.CompilerServices;
using Gateway.Crypto.Aead;
using Gateway.Crypto.Packet;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// Takes ESP packets for the gateway, native or behind UDP (RFC 3948 §3.1), to the IP packets inside (RFC 4303 §3.4). Three passes over the frame: find the SA and look at
/// the replay window; decrypt all; record, open and pass on.
/// <code>
///  0                   1                   2                   3
///  |               Security Parameters Index (SPI)                 |
///  |                      Sequence Number                          |   low half with ESN
///  |             Initialization Vector (as the cipher has it)      |   RFC 4106 §3.1
///  |           encrypted: payload, padding, pad length, next header|
///  |             Integrity Check Value (8 to 32)                   |
/// </code>
/// </summary>
internal readonly unsafe struct EspDecrypt<TOuter> : INode
    where TOuter : struct, IOuterFamily
{
    private const int HeaderLength = 8, UdpLength = 8, ShortestIcv = 8, ShortestText = 4;

    /// <summary>Header and the IV of AES-GCM.</summary>
    private const int GcmHeaderLength = 16;

    /// <summary>Largest packet that is put together from a chain, bytes.</summary>
    private const int LargestPacket = 65_600;

    /// <summary>A changed endpoint is told again after this time, ns.</summary>
    private const long EndpointInterval = 10_000_000_000;

    /// <summary>A packet between the passes.</summary>
    private struct Held
    {
        public uint Index;
        public SaEntry* Sa;
        public ulong Sequence;

        /// <summary>Bytes of encrypted text.</summary>
        public int Text;
    }

    public static NodeInfo Info { get; } = EspDecryptRows.InfoOf(TOuter.DecryptNode);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var jobs = stackalloc AeadJob[Frame.Size];
        var held = stackalloc Held[Frame.Size];
        var edges = stackalloc EspDecryptEdge[Frame.Size];
        var packets = stackalloc uint[Frame.Size];
        var (count, open) = (0, 0);
        SaPrefetch.Inbound(ref frame);
        frame.Context.Keys.BeginFrame();
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            if (!Admit(ref frame, index, held + count)) continue;
            if (frame.Meta(index)->Next != 0)
            {
                DecryptChain(ref frame, held + count);
                continue;
            }
            var meta = frame.Meta(index);
            Prepare(frame.Context, held + count, frame.Chunk(index) + meta->L4, jobs + count);
            count++;
        }

        AesGcmEngine.DecryptBatch(jobs, count, frame.Context.Keys);

        for (var i = 0; i < count; i++)
        {
            var index = held[i].Index;
            var meta = frame.Meta(index);
            if (!Accept(ref frame, held + i, jobs + i, frame.Chunk(index) + meta->L3, out var start, out var inner, out var edge)) continue;
            meta->Offset = (ushort)(start - frame.Chunk(index));
            meta->Length = (ushort)inner;
            meta->TotalLength = (uint)inner;
            Describe(held[i].Sa, meta);
            (edges[open], packets[open]) = (edge, index);
            open++;
        }
        frame.Dispatch(edges, packets, open);
    }

    /// <summary>Bytes from the ESP header to the end of the IP packet or, behind UDP, of the datagram, which ip-local found to lie in the packet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOf(PacketMeta* meta, byte* esp) =>
        (meta->Flags & PacketFlags.UdpEncapsulated) != 0 ? Wire.U16(esp - 4) - UdpLength : (int)meta->TotalLength - (meta->L4 - meta->Offset);

    /// <summary>All that can be said before decryption: form, SA, sequence number. False when the packet ended here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Admit(ref Frame frame, uint index, Held* held)
    {
        var meta = frame.Meta(index);
        var esp = frame.Chunk(index) + meta->L4;
        var length = LengthOf(meta, esp);
        // RFC 3948 §2.3: one byte of ones keeps a NAT's mapping alive.
        if (length == 1 && (meta->Flags & PacketFlags.UdpEncapsulated) != 0 && *esp == 0xFF) return Drop(ref frame, EspDecryptReason.Keepalive, index);
        // RFC 4303 §3.4.1: ESP processing is for whole packets.
        if ((meta->Flags & PacketFlags.Fragment) != 0) return Drop(ref frame, EspDecryptReason.Fragmented, index);
        // A chain shows at least these bytes in its first chunk, or it is no packet that a port made.
        if (length < HeaderLength + ShortestText + ShortestIcv || meta->Offset + meta->Length - meta->L4 < HeaderLength)
            return Drop(ref frame, EspDecryptReason.TooShort, index);

        var sa = frame.Tables.Sad.Find(Wire.U32(esp));
        if (sa == null) return Drop(ref frame, EspDecryptReason.UnknownSpi, index);
        if (Volatile.Read(ref sa->Place.Whole) != SaPlace.Of(frame.Context.Worker))
            return !frame.Context.FollowSa(sa->Place.Worker, frame.Node, index) && Drop(ref frame, EspDecryptReason.HandoffFull, index);
        var text = length - sa->HeaderLength - sa->IcvLength;
        if (text < ShortestText) return Drop(ref frame, EspDecryptReason.TooShort, index);
        // RFC 4303 §2.4: the trailer ends on a 4-byte boundary, and with a block cipher on that of a block.
        if ((text & (sa->Alignment - 1)) != 0) return Drop(ref frame, EspDecryptReason.BadLength, index);
        if (!SaUse.IsAllowed(&sa->In.Traffic))
        {
            sa->In.Drops.Expired++;
            return Drop(ref frame, EspDecryptReason.Expired, index);
        }

        // RFC 4303 §3.4.3: the window is looked at first, and moved only when the packet is authentic.
        var low = Wire.U32(esp + 4);
        ulong sequence = low;
        if ((sa->Flags & SaFlags.Esn) != 0 && !ReplayWindow.TryInfer(sa->Hot->HighestInbound, Math.Max(sa->In.Window, 64), low, out sequence))
            return Drop(ref frame, EspDecryptReason.ImpossibleSequence, index);
        if (sa->In.Window != 0)
        {
            var verdict = ReplayWindow.Check(sa->Hot, sa->In.Window, sa->In.RingMask, sequence);
            if (verdict != ReplayVerdict.Fresh) return Refuse(ref frame, sa, verdict, index);
        }
        held->Index = index;
        held->Sa = sa;
        held->Sequence = sequence;
        held->Text = text;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prepare(WorkerContext context, Held* held, byte* esp, AeadJob* job)
    {
        var sa = held->Sa;
        var text = held->Text;
        job->Length = text;
        if (sa->In.Cipher != null)
        {
            job->Key = null;
            OpenByLibrary(held, esp, job);
            return;
        }
        // Without room the job has no key, is passed over, and counts as forged.
        _ = context.Keys.Take(sa->In.Seed, ref sa->In.Key, job);
        job->Status = AeadStatus.Pending;
        job->Source = job->Destination = esp + GcmHeaderLength;
        job->Tag = esp + GcmHeaderLength + text;
        job->Aad = null;
        job->TagLength = sa->IcvLength;
        job->Salt = sa->In.Salt;
        job->Iv = Unsafe.ReadUnaligned<ulong>(esp + HeaderLength);
        job->AadLength = EspAad.Write(job->InlineAad, sa, sa->In.Spi, held->Sequence);
    }

    /// <summary>Decrypts here and now what AES-GCM does not protect; the job only carries what came of it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void OpenByLibrary(Held* held, byte* esp, AeadJob* job)
    {
        var sa = held->Sa;
        job->Destination = esp + sa->HeaderLength;
        var fits = PacketCipherBlock.Open(sa->In.Cipher, esp, held->Text, held->Sequence, (sa->Flags & SaFlags.Esn) != 0);
        job->Status = fits ? AeadStatus.Done : AeadStatus.Forged;
    }

    /// <summary>All that follows decryption. False when the packet ended here; else the inner packet lies at <paramref name="start"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Accept(ref Frame frame, Held* held, AeadJob* job, byte* outer, out byte* start, out int inner, out EspDecryptEdge edge)
    {
        start = job->Destination;
        (inner, edge) = (0, EspDecryptEdge.Ip4Input);
        var entry = held->Sa;
        var index = held->Index;
        if (job->Status != AeadStatus.Done)
        {
            entry->In.Drops.Forged++;
            return Drop(ref frame, EspDecryptReason.Forged, index);
        }
        if (entry->In.Window != 0)
        {
            // Once more: the same number may have come twice within this frame.
            var verdict = ReplayWindow.Check(entry->Hot, entry->In.Window, entry->In.RingMask, held->Sequence);
            if (verdict != ReplayVerdict.Fresh) return Refuse(ref frame, entry, verdict, index);
        }
        ReplayWindow.Record(entry->Hot, entry->In.RingMask, held->Sequence);
        if ((frame.Meta(index)->Flags & PacketFlags.UdpEncapsulated) != 0) WatchEndpoint(ref frame, entry, frame.Meta(index), outer);

        var kind = (entry->Flags & SaFlags.Transport) == 0
            ? EspPayload.Open(entry, job->Destination, job->Length, TOuter.TrafficClassOf(outer), out inner)
            : EspTransport.Open(entry, outer, job->Destination, job->Length, (frame.Meta(index)->Flags & PacketFlags.UdpEncapsulated) != 0, out start, out inner);
        switch (kind)
        {
            case EspPayloadKind.Ip4:
                break;
            case EspPayloadKind.Ip6:
                edge = EspDecryptEdge.Ip6Input;
                break;
            case EspPayloadKind.Dummy:
                SaUse.Count(frame.Context, entry->Id, &entry->In.Traffic, 0, outbound: false);
                frame.Add(EspDecryptCount.Dummies);
                frame.Consume(index);
                return false;
            case EspPayloadKind.OutsideSelectors:
                entry->In.Drops.Policy++;
                return Drop(ref frame, EspDecryptReason.OutsideSelectors, index);
            case var fault:
                entry->In.Drops.Malformed++;
                return Drop(ref frame, ReasonOf(fault), index);
        }
        if ((entry->Flags & SaFlags.Routed) != 0 && !Arrives(ref frame, entry, inner)) return Drop(ref frame, EspDecryptReason.NoInterface, index);
        if (edge == EspDecryptEdge.Ip4Input) ClampMss<InnerIp4>(ref frame, entry, start, inner);
        else ClampMss<InnerIp6>(ref frame, entry, start, inner);
        SaUse.Count(frame.Context, entry->Id, &entry->In.Traffic, inner, outbound: false);
        frame.Add(EspDecryptCount.Decrypted);
        return true;
    }

    /// <summary>Counts the packet on the ipsec interface that it arrives on; false when that is not there.</summary>
    private static bool Arrives(ref Frame frame, SaEntry* sa, int length)
    {
        var on = Volatile.Read(ref sa->Interface);
        if ((frame.Tables.Interfaces[on]->Flags & (InterfaceFlags.Present | InterfaceFlags.Enabled)) != (InterfaceFlags.Present | InterfaceFlags.Enabled)) return false;
        frame.Context.CountReceived(on, (uint)length);
        return true;
    }

    /// <summary>What the far end announces is held to what the tunnel can carry back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ClampMss<TInner>(ref Frame frame, SaEntry* sa, byte* ip, int length)
        where TInner : struct, IInnerFamily
    {
        var tcp = TInner.TcpAt(ip);
        if (tcp != 0 && MssClamp.Apply(ip + tcp, length - tcp, PathMtu.InnerOf(ref frame, sa) - TInner.TcpOverhead)) frame.Add(EspDecryptCount.MssClamped);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Describe(SaEntry* sa, PacketMeta* meta)
    {
        meta->Flags = (meta->Flags & PacketFlags.Traced) | PacketFlags.Decrypted;
        meta->Sa = sa->Index;
        meta->Vrf = sa->Vrf;
        if (sa->Interface != 0) meta->RxInterface = sa->Interface;
    }

    /// <summary>A packet that lies in several chunks is put together, decrypted on its own, and becomes a new packet.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DecryptChain(ref Frame frame, Held* held)
    {
        var meta = frame.Meta(held->Index);
        var flat = stackalloc byte[LargestPacket];
        if (meta->TotalLength > LargestPacket)
        {
            Drop(ref frame, EspDecryptReason.BadLength, held->Index);
            return;
        }
        PacketCopy.ToSpan(frame.Pool, held->Index, new Span<byte>(flat, LargestPacket));
        AeadJob job;
        Prepare(frame.Context, held, flat + (meta->L4 - meta->Offset), &job);
        AesGcmEngine.DecryptBatch(&job, 1, frame.Context.Keys);
        if (!Accept(ref frame, held, &job, flat + (meta->L3 - meta->Offset), out var start, out var inner, out var edge)) return;
        var opened = PacketCopy.FromBytes(frame.Pool, new ReadOnlySpan<byte>(start, inner));
        if (opened == 0)
        {
            Drop(ref frame, EspDecryptReason.NoBuffer, held->Index);
            return;
        }
        var fresh = frame.Meta(opened);
        fresh->RxInterface = meta->RxInterface;
        fresh->TraceId = meta->TraceId;
        fresh->Flags = meta->Flags;
        Describe(held->Sa, fresh);
        frame.Enqueue(edge, opened);
        frame.Consume(held->Index);
    }

    // RFC 7296 §2.23: the peer behind a NAT may come from another address or port; IKE decides what to do about it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WatchEndpoint(ref Frame frame, SaEntry* sa, PacketMeta* meta, byte* outer)
    {
        var path = sa->Out.Path;
        var source = TOuter.SourceOf(outer);
        var port = Wire.U16(outer + (meta->L4 - meta->L3) - 8);
        if (path->Udp && (source != path->Remote || port != path->RemotePort || path->V6 != TOuter.V6)) TellEndpoint(ref frame, sa, source, port);
    }

    private static void TellEndpoint(ref Frame frame, SaEntry* sa, UInt128 source, ushort port)
    {
        var mix = ((ulong)(source >> 64) * 0x9E3779B97F4A7C15) ^ ((ulong)source << 16) ^ port ^ 1UL << 63;
        if (mix == sa->In.NotedSource && frame.Now - sa->In.NotedSourceAt < EndpointInterval) return;
        if (!frame.Context.Notices.TryPush(SaNotice.Endpoint(sa->Id, TOuter.V6, source, port))) return;
        sa->In.NotedSource = mix;
        sa->In.NotedSourceAt = frame.Now;
    }

    private static EspDecryptReason ReasonOf(EspPayloadKind fault) => fault switch
    {
        EspPayloadKind.BadPadding => EspDecryptReason.BadPadding,
        EspPayloadKind.BadNextHeader => EspDecryptReason.BadNextHeader,
        EspPayloadKind.CongestionUntellable => EspDecryptReason.CongestionUntellable,
        _ => EspDecryptReason.BadInnerPacket,
    };

    private static bool Refuse(ref Frame frame, SaEntry* sa, ReplayVerdict verdict, uint index)
    {
        sa->In.Drops.Replayed++;
        return Drop(ref frame, verdict switch
        {
            ReplayVerdict.TooOld => EspDecryptReason.TooOld,
            ReplayVerdict.Repeated => EspDecryptReason.Replayed,
            _ => EspDecryptReason.ImpossibleSequence,
        }, index);
    }

    private static bool Drop(ref Frame frame, EspDecryptReason reason, uint index)
    {
        frame.Drop(reason, index);
        return false;
    }
}
