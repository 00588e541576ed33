using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Nodes;

/// <summary>Tells IKE, ESP in UDP and other datagrams for the gateway apart.</summary>
internal static unsafe class UdpForUs
{
    public const int HeaderLength = 8;

    public enum Kind
    {
        Other,
        Short,
        Ike,
        Esp,
    }

    /// <summary>
    /// Judges the datagram at L4. For ESP, L4 moves behind the UDP header and the packet is marked UdpEncapsulated.
    /// <code>
    /// +-----------------------+-----------------------+
    /// |     source port       |    destination port   |
    /// |       length          |       checksum        |
    /// </code>
    /// </summary>
    public static Kind Sort(PacketMeta* meta, byte* chunk, IkePorts ports)
    {
        var left = meta->Offset + meta->Length - meta->L4;
        if (left < HeaderLength) return Kind.Short;
        var udp = chunk + meta->L4;
        var port = Wire.U16(udp + 2);
        if (port != ports.Ike && port != ports.Nat) return Kind.Other;
        int length = Wire.U16(udp + 4);
        if (length < HeaderLength || length > meta->Offset + (int)meta->TotalLength - meta->L4) return Kind.Short;
        if (port == ports.Ike) return Kind.Ike;
        // RFC 3948 §2.2: four zero bytes where an SPI would be mark IKE; §2.3: a keepalive is one byte and goes where ESP goes.
        if (length >= HeaderLength + 4 && left >= HeaderLength + 4 && Unsafe.ReadUnaligned<uint>(udp + HeaderLength) == 0) return Kind.Ike;
        meta->L4 += HeaderLength;
        meta->Flags |= PacketFlags.UdpEncapsulated;
        return Kind.Esp;
    }
}
