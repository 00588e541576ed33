using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>Hands IKE datagrams to the control side through the worker's ring: the offset then stands at the IKE message, L3 at the IP header, L4 at the UDP header.</summary>
internal readonly unsafe struct IkePunt : INode
{
    private enum Reason : ushort
    {
        BadChecksum,
        Empty,
        RingFull,
        OtherVrf,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<NodeInfo.None, Reason>(
        NodeNames.IkePunt,
        [],
        [
            (Reason.BadChecksum, "The UDP checksum of an IKE datagram is wrong."),
            (Reason.Empty, "The datagram is too short to be IKE."),
            (Reason.RingFull, "The control side did not take IKE datagrams fast enough."),
            (Reason.OtherVrf, "IKE is spoken in the default VRF alone."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            // An answer would leave by another routing table.
            if (meta->Vrf != 0)
            {
                frame.Drop(Reason.OtherVrf, index);
                continue;
            }
            var udp = frame.Chunk(index) + meta->L4;
            var ip = frame.Data(index);
            int length = Wire.U16(udp + 4);
            var v6 = ip[0] >> 4 == 6;
            // RFC 768: a zero checksum means none; RFC 8200 §8.1: not over IPv6.
            if (Unsafe.ReadUnaligned<ushort>(udp + 6) != 0 || v6)
            {
                var pseudo = v6 ? Checksum.Pseudo6(ip + 8, 17, length) : Checksum.Pseudo4(ip + 12, 17, length);
                if (Checksum.Fold(Checksum.AddPacket(pseudo, frame.Pool, index, meta->L4 - meta->Offset, length)) != 0)
                {
                    frame.Drop(Reason.BadChecksum, index);
                    continue;
                }
            }
            var skip = UdpForUs.HeaderLength + (Wire.U16(udp + 2) == frame.Context.IkePorts.Nat ? 4 : 0);
            var before = meta->L4 - meta->Offset;
            if (length <= skip || before + skip > meta->Length)
            {
                frame.Drop(Reason.Empty, index);
                continue;
            }
            PacketTrim.Truncate(frame.Pool, index, (uint)(before + length));
            PacketTrim.Advance(meta, before + skip);
            frame.Context.Interfaces[meta->RxInterface & (Tables.InterfaceTable.Capacity - 1)].Punted++;
            if (!frame.Context.Punt.TryPush(index)) frame.Drop(Reason.RingFull, index);
        }
    }
}
