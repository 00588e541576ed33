using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Flow;

/// <summary>Reads the keys of IPv6 packets.</summary>
internal static unsafe class Ip6FlowPacket
{
    /// <summary>ICMPv6 echo (RFC 4443 §4).</summary>
    private const byte EchoRequest = 128, EchoReply = 129;

    /// <summary>The kind and, of a flow's packet, key and TCP flags. Ip input has parsed it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FlowPacketKind Read(in Ip6Seed seed, PacketMeta* meta, byte* chunk, out FlowKey key, out byte tcpFlags)
    {
        tcpFlags = 0;
        key = default;
        if ((meta->Flags & PacketFlags.Fragment) != 0) return FlowPacketKind.Fragment;
        var l4 = chunk + meta->L4;
        var available = meta->Offset + meta->Length - meta->L4;
        var kind = ReadPorts(meta->Protocol, l4, available, quoted: false, out var ports);
        if (kind != FlowPacketKind.Flow) return kind;
        if (meta->Protocol == 6) tcpFlags = l4[13];
        key = seed.Key(chunk + meta->L3 + 8, FlowKey.Pack(ports, meta->Protocol, meta->Vrf, 0));
        return FlowPacketKind.Flow;
    }

    /// <summary>The ports of a packet, or of what an ICMPv6 error quotes of one, as they lie in it; of an echo the identifier as <see cref="FlowKey"/> has it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FlowPacketKind ReadPorts(byte protocol, byte* l4, int available, bool quoted, out uint ports)
    {
        ports = 0;
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
            case 58:
                if (available < 8) return FlowPacketKind.Short;
                uint id = Unsafe.ReadUnaligned<ushort>(l4 + 4);
                switch (l4[0])
                {
                    case EchoRequest:
                        ports = id;
                        break;
                    case EchoReply:
                        ports = id << 16;
                        break;
                    // RFC 4443 §2.1: the errors that there are. Another number says nothing about a packet that could be held to a flow.
                    case >= 1 and <= 4:
                        return FlowPacketKind.IcmpError;
                    // Neighbor discovery, multicast listeners and whatever else there is are between neighbors.
                    default:
                        return FlowPacketKind.None;
                }
                break;
        }
        return FlowPacketKind.Flow;
    }
}
