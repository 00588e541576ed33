using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Flow;

/// <summary>What a packet is to the tracking of flows.</summary>
internal enum FlowPacketKind : byte
{
    /// <summary>It has a key.</summary>
    Flow,

    /// <summary>A fragment: its packet is put together first.</summary>
    Fragment,

    /// <summary>An ICMP error, which belongs to the flow that it quotes.</summary>
    IcmpError,

    /// <summary>Its layer 4 is cut off.</summary>
    Short,

    /// <summary>ICMP that is neither: it belongs to no flow.</summary>
    None,
}

/// <summary>Reads the keys of IPv4 packets and translates packets from one key to another.</summary>
internal static unsafe class FlowPacket
{
    /// <summary>The kind and, of a flow's packet, key and TCP flags. Ip input has parsed it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FlowPacketKind Read(PacketMeta* meta, byte* chunk, out FlowKey key, out byte tcpFlags)
    {
        tcpFlags = 0;
        var l4 = chunk + meta->L4;
        var available = meta->Offset + meta->Length - meta->L4;
        if (meta->Protocol == 6 && (meta->Flags & PacketFlags.Fragment) == 0 && available >= 20)
        {
            tcpFlags = l4[13];
            key = new FlowKey(Unsafe.ReadUnaligned<ulong>(chunk + meta->L3 + 12), FlowKey.Pack(Unsafe.ReadUnaligned<uint>(l4), 6, meta->Vrf, 0));
            return FlowPacketKind.Flow;
        }
        if ((meta->Flags & PacketFlags.Fragment) != 0)
        {
            key = default;
            return FlowPacketKind.Fragment;
        }
        return Read(chunk + meta->L3, meta->Protocol, l4, available, meta->Vrf, quoted: false, out key);
    }

    /// <summary>The key of a packet, or of what an ICMP error quotes of one.</summary>
    public static FlowPacketKind Read(byte* ip, byte protocol, byte* l4, int available, uint vrf, bool quoted, out FlowKey key)
    {
        uint ports = 0;
        byte kind = 0;
        key = default;
        switch (protocol)
        {
            case 6:
                if (available < (quoted ? 8 : 20)) return FlowPacketKind.Short;
                ports = Unsafe.ReadUnaligned<uint>(l4);
                break;
            case 17 or 33 or 132 or 136:
                if (available < 8) return FlowPacketKind.Short;
                ports = Unsafe.ReadUnaligned<uint>(l4);
                break;
            case 1:
                if (available < 8) return FlowPacketKind.Short;
                uint id = Unsafe.ReadUnaligned<ushort>(l4 + 4);
                switch (l4[0])
                {
                    // Questions: echo, timestamp, information, address mask.
                    case 8 or 13 or 15 or 17:
                        ports = id;
                        kind = (byte)(l4[0] == 8 ? 0 : (l4[0] - 11) / 2);
                        break;
                    case 0 or 14 or 16 or 18:
                        ports = id << 16;
                        kind = (byte)(l4[0] == 0 ? 0 : (l4[0] - 12) / 2);
                        break;
                    case 3 or 4 or 11 or 12:
                        return FlowPacketKind.IcmpError;
                    default:
                        return FlowPacketKind.None;
                }
                break;
        }
        key = new FlowKey(Unsafe.ReadUnaligned<ulong>(ip + 12), FlowKey.Pack(ports, protocol, vrf, kind));
        return FlowPacketKind.Flow;
    }

    /// <summary>Makes a packet with one key one with another: addresses, ports (or identifier), checksums by what changed (RFC 1624).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Translate(byte* ip, byte* l4, int available, in FlowKey from, in FlowKey to)
    {
        var addresses = Difference(from.Addresses, to.Addresses);
        Unsafe.WriteUnaligned(ip + 12, to.Addresses);
        Adjust(ip + 10, addresses);
        var protocol = from.Protocol;
        if (protocol == 6)
        {
            Unsafe.WriteUnaligned(l4, to.Ports);
            if (available >= 18) Adjust(l4 + 16, addresses + Difference(from.Ports, to.Ports));
        }
        else
        {
            TranslateOther(protocol, l4, available, addresses, from, to);
        }
    }

    /// <summary>What a change of these words adds to the sum of a checksum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Difference(ulong before, ulong after) =>
        (uint)~before + (ulong)(uint)~(before >> 32) + (uint)after + (after >> 32);

    // RFC 1624 equation 3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Adjust(byte* checksum, ulong difference) =>
        Unsafe.WriteUnaligned(checksum, Checksum.Fold((ushort)~Unsafe.ReadUnaligned<ushort>(checksum) + (difference & 0xFFFF_FFFF) + (difference >> 32)));

    private static void TranslateOther(byte protocol, byte* l4, int available, ulong addresses, in FlowKey from, in FlowKey to)
    {
        switch (protocol)
        {
            case 17 when available >= 8:
                Unsafe.WriteUnaligned(l4, to.Ports);
                // RFC 768: 0 says that there is no checksum, and a sum of 0 is sent as its complement.
                if (Unsafe.ReadUnaligned<ushort>(l4 + 6) == 0) break;
                Adjust(l4 + 6, addresses + Difference(from.Ports, to.Ports));
                if (Unsafe.ReadUnaligned<ushort>(l4 + 6) == 0) Unsafe.WriteUnaligned(l4 + 6, (ushort)0xFFFF);
                break;
            // DCCP and UDP-Lite have the pseudo header in the same place.
            case 33 or 136 when available >= 8:
                Unsafe.WriteUnaligned(l4, to.Ports);
                Adjust(l4 + 6, addresses + Difference(from.Ports, to.Ports));
                break;
            // RFC 5508 §3.1: of ICMP the identifier, and no pseudo header.
            case 1 when available >= 8:
                var before = Unsafe.ReadUnaligned<ushort>(l4 + 4);
                var after = (ushort)(to.Ports | to.Ports >> 16);
                Unsafe.WriteUnaligned(l4 + 4, after);
                Adjust(l4 + 2, Difference(before, after));
                break;
        }
    }
}
