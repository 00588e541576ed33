using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Puts a frame into a UDP datagram to the other end of its network (RFC 7348 §5); one that is for all goes to every remote end (head-end replication).
/// <code>
/// +-------------+-----------------------------------+---------------+----------------
/// | IP header   | UDP: port of the flow, 4789, …    | VXLAN header  | Ethernet frame
/// +-------------+-----------------------------------+---------------+----------------
/// |R|R|R|R|I|R|R|R|            reserved (24)                        |
/// |            network identifier (24)              | reserved (8)  |
/// </code>
/// </summary>
internal readonly unsafe struct VxlanEncap : INode
{
    public const int HeaderLength = 8;

    private enum Edge : ushort
    {
        Rewrite4,
        Lookup4,
        Lookup6,
    }

    private enum Reason : ushort
    {
        Gone,
        NoRoom,
        NoBuffer,
    }

    private enum Count : ushort
    {
        Replicated,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.VxlanEncap,
        [(Edge.Rewrite4, NodeNames.Ip4Rewrite), (Edge.Lookup4, NodeNames.Ip4Lookup), (Edge.Lookup6, NodeNames.Ip6Lookup)],
        [
            (Reason.Gone, "The interface was removed, or has no remote end."),
            (Reason.NoRoom, "Too many headers were put around the packet, as when a tunnel leads through itself."),
            (Reason.NoBuffer, "No packet was free for a copy to a remote end."),
        ],
        [(Count.Replicated, "Frames that went to every remote end.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var interfaces = frame.Tables.Interfaces;
        var way = new Way { Direct = !Volatile.Read(ref frame.Tables.SpdActive) };
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var entry = interfaces[meta->TxInterface];
            var tunnel = (TunnelEntry*)Volatile.Read(ref *(nint*)&entry->Tunnel);
            if (tunnel == null || tunnel->Remotes == 0)
            {
                frame.Drop(Reason.Gone, index);
                continue;
            }
            // Out of a bridge the frame says which end it is for; a routed one is for all.
            var remote = (entry->Flags & InterfaceFlags.Bridged) != 0 ? meta->NextHop : 0;
            if (remote > tunnel->Remotes) remote = 0;
            if (remote == 0)
            {
                if (tunnel->Remotes > 1) Replicate(ref frame, ref way, index, meta, tunnel);
                remote = tunnel->Remotes;
            }
            Send(ref frame, ref way, index, meta, tunnel, remote);
        }
    }

    /// <summary>What was found for the remote end before, which the next frame mostly goes to too.</summary>
    private ref struct Way
    {
        public TunnelRemote* Remote;
        public uint NextHop;

        /// <summary>No security policy has to be asked.</summary>
        public bool Direct;
    }

    /// <summary>Copies to all remote ends but the last, which gets the frame itself.</summary>
    private static void Replicate(ref Frame frame, ref Way way, uint index, PacketMeta* meta, TunnelEntry* tunnel)
    {
        frame.Add(Count.Replicated);
        for (uint remote = 1; remote < tunnel->Remotes; remote++)
        {
            var copy = PacketCopy.Slice(frame.Pool, index, 0, (int)meta->TotalLength);
            if (copy == 0)
            {
                frame.AddDrop(Reason.NoBuffer);
                continue;
            }
            var copied = frame.Meta(copy);
            copied->Flags |= meta->Flags & PacketFlags.Traced;
            copied->RxInterface = meta->RxInterface;
            copied->TraceId = meta->TraceId;
            Send(ref frame, ref way, copy, copied, tunnel, remote);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Send(ref Frame frame, ref Way way, uint index, PacketMeta* meta, TunnelEntry* tunnel, uint number)
    {
        var remote = TunnelEntry.Remote(tunnel, number);
        var bytes = (int)tunnel->HeaderBytes;
        // What comes after needs room too: Ethernet, tags, ESP.
        if (meta->Offset < bytes + 64)
        {
            frame.Drop(Reason.NoRoom, index);
            return;
        }
        var port = FlowPort(frame.Data(index), meta->Length);
        PacketTrim.Prepend(meta, bytes);
        var ip = frame.Data(index);
        var total = (int)meta->TotalLength;
        meta->Flags = (meta->Flags & PacketFlags.Traced) | PacketFlags.Own;
        meta->Sa = 0;
        meta->Vrf = tunnel->Vrf;
        meta->L3 = meta->Offset;
        meta->Protocol = 17;
        if (tunnel->V6)
        {
            Unsafe.CopyBlockUnaligned(ip, remote->Headers, 56);
            meta->L4 = (ushort)(meta->Offset + 40);
            Wire.Put16(ip + 4, total - 40);
            Wire.Put16(ip + 40, port);
            Wire.Put16(ip + 44, total - 40);
            // RFC 8200 §8.1: over IPv6 a UDP datagram carries its checksum (RFC 6935 would allow none, but not every receiver does).
            var sum = Checksum.Fold(Checksum.AddPacket(Checksum.Pseudo6(ip + 8, 17, total - 40), frame.Pool, index, 40, total - 40));
            Unsafe.WriteUnaligned(ip + 46, sum == 0 ? (ushort)0xFFFF : sum);
            frame.Enqueue(Edge.Lookup6, index);
            return;
        }
        Vector256.Load(remote->Headers).Store(ip);
        Unsafe.WriteUnaligned(ip + 32, Unsafe.ReadUnaligned<uint>(remote->Headers + 32));
        meta->L4 = (ushort)(meta->Offset + 20);
        var length = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((ushort)total);
        Unsafe.WriteUnaligned(ip + 2, length);
        Unsafe.WriteUnaligned(ip + 10, Checksum.Fold(remote->HeaderSum + length));
        Wire.Put16(ip + 20, port);
        Wire.Put16(ip + 24, total - 20);
        if (!way.Direct)
        {
            frame.Enqueue(Edge.Lookup4, index);
            return;
        }
        if (way.Remote != remote)
        {
            way.Remote = remote;
            way.NextHop = frame.Tables.Fib4.Lookup(tunnel->Vrf, (uint)remote->Low);
        }
        meta->NextHop = way.NextHop;
        if (frame.Tables.Adjacencies[way.NextHop]->Kind == AdjacencyKind.Neighbor) frame.Enqueue(Edge.Rewrite4, index);
        else frame.Enqueue(Edge.Lookup4, index);
    }

    /// <summary>RFC 7348 §5: a source port out of the dynamic range that is the same for all frames of a flow, so that the paths between the ends are shared by flows.</summary>
    private static int FlowPort(byte* frame, int length)
    {
        var hash = Unsafe.ReadUnaligned<ulong>(frame) ^ (ulong)Unsafe.ReadUnaligned<uint>(frame + 8) << 16;
        if (length >= 38 && Unsafe.ReadUnaligned<ushort>(frame + 12) == 0x0008 && frame[14] == 0x45)
        {
            hash ^= Unsafe.ReadUnaligned<ulong>(frame + 26) * 0x9E3779B97F4A7C15;
            // Fragments show no ports, and all of a datagram are one flow.
            if ((Wire.U16(frame + 20) & 0x3FFF) == 0 && frame[23] is 6 or 17) hash ^= Unsafe.ReadUnaligned<uint>(frame + 34) * 0xC2B2AE3D27D4EB4Ful;
        }
        else if (length >= 58 && Unsafe.ReadUnaligned<ushort>(frame + 12) == 0xDD86)
        {
            hash ^= (Unsafe.ReadUnaligned<ulong>(frame + 30) ^ System.Numerics.BitOperations.RotateLeft(Unsafe.ReadUnaligned<ulong>(frame + 46), 23)) * 0x9E3779B97F4A7C15;
            if (frame[20] is 6 or 17) hash ^= Unsafe.ReadUnaligned<uint>(frame + 54) * 0xC2B2AE3D27D4EB4Ful;
        }
        hash *= 0xBF58476D1CE4E5B9;
        return 0xC000 | (int)(hash >> 50);
    }
}
