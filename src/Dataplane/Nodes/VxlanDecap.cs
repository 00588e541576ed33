using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Takes the Ethernet frame out of a VXLAN datagram for the gateway (RFC 7348 §5; see <see cref="VxlanEncap"/> for the layout): it goes on as if received by the interface that has the network and
/// the sender as a remote end. Opaque0 holds the number of the local end.
/// </summary>
internal readonly unsafe struct VxlanDecap : INode
{
    private enum Reason : ushort
    {
        TooShort,
        BadChecksum,
        NoNetwork,
        UnknownRemote,
        Down,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<LinkInput.Edge, Reason>(
        NodeNames.VxlanDecap,
        LinkInput.Edges,
        [
            (Reason.TooShort, "The datagram is shorter than its UDP and VXLAN headers and an Ethernet header."),
            (Reason.BadChecksum, "The UDP checksum is wrong."),
            (Reason.NoNetwork, "The VXLAN header names no network."),
            (Reason.UnknownRemote, "No interface has this network with the sender as a remote end."),
            (Reason.Down, "The interface is disabled."),
        ]);

    /// <summary>Whether a datagram for the gateway ends a tunnel here; then Opaque0 is ready for this node. The packet is at its IP header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsFor(TunnelTable tunnels, PacketMeta* meta, byte* chunk, ulong high, ulong low, bool v6)
    {
        if (!tunnels.Active || meta->Protocol != 17 || meta->Vrf != 0 || (meta->Flags & PacketFlags.Fragment) != 0) return false;
        if (meta->L4 + UdpForUs.HeaderLength > meta->Offset + meta->Length) return false;
        if (!tunnels.TryEnd(high, low, v6, Wire.U16(chunk + meta->L4 + 2), out var end)) return false;
        meta->Opaque0 = end;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var tables = frame.Tables;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            var before = meta->L4 - meta->Offset;
            const int headers = UdpForUs.HeaderLength + VxlanEncap.HeaderLength;
            var udp = ip + before;
            if (before + headers > meta->Length)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            int length = Wire.U16(udp + 4);
            if (length < headers + EthernetInput.HeaderLength || before + length > (int)meta->TotalLength)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            var v6 = ip[0] >> 4 == 6;
            if (Unsafe.ReadUnaligned<ushort>(udp + 6) != 0 && (meta->Flags & PacketFlags.ChecksumKnown) == 0)
            {
                var pseudo = v6 ? Checksum.Pseudo6(ip + 8, 17, length) : Checksum.Pseudo4(ip + 12, 17, length);
                if (Checksum.Fold(Checksum.AddPacket(pseudo, frame.Pool, index, before, length)) != 0)
                {
                    frame.Drop(Reason.BadChecksum, index);
                    continue;
                }
            }
            var vxlan = udp + UdpForUs.HeaderLength;
            // RFC 7348 §5: the I flag must be set; all other reserved bits are ignored.
            if ((vxlan[0] & 8) == 0)
            {
                frame.Drop(Reason.NoNetwork, index);
                continue;
            }
            var (high, low) = v6 ? (Wire.U64(ip + 8), Wire.U64(ip + 16)) : (0, Wire.U32(ip + 12));
            if (!tables.Tunnels.TryFind((uint)meta->Opaque0, high, low, Wire.U32(vxlan + 4) >> 8, out var on, out var remote))
            {
                frame.Drop(Reason.UnknownRemote, index);
                continue;
            }
            var entry = tables.Interfaces[on];
            if ((InterfaceTable.FlagsOf(entry) & InterfaceFlags.Enabled) == 0)
            {
                frame.Drop(Reason.Down, index);
                continue;
            }
            if (before + length < (int)meta->TotalLength) PacketTrim.Truncate(frame.Pool, index, (uint)(before + length));
            PacketTrim.Advance(meta, before + headers);
            meta->Flags &= PacketFlags.Traced;
            meta->Sa = 0;
            meta->NextHop = remote;
            LinkInput.Receive(ref frame, index, meta, on, entry->Flags);
        }
    }
}
