using System.Buffers.Binary;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Explain;

/// <summary>Makes the octets of a <see cref="ProbeFlow"/>'s packet, with checksums that hold.</summary>
internal static unsafe class ProbePacket
{
    private const int SomeData = 32;

    /// <summary>The IP packet.</summary>
    public static byte[] Of(ProbeFlow flow)
    {
        var header = flow.IsV6 ? 40 : 20;
        var least = header + LeastOf(flow.Protocol);
        // A datagram carries something when nobody says how much: one for the IKE engine must hold a header of its.
        var packet = new byte[Math.Clamp(flow.Size ?? (flow.Protocol == 17 ? least + SomeData : least), least, ProbeFlow.Largest)];
        if (flow.IsV6) Header6(packet, flow);
        else Header4(packet, flow);
        Payload(packet.AsSpan(header), flow);
        fixed (byte* ip = packet) Sum(ip, ip + header, packet.Length - header, flow);
        return packet;
    }

    /// <summary>What a protocol's header takes.</summary>
    public static int LeastOf(byte protocol) => protocol switch
    {
        6 => 20,
        33 => 16,
        132 => 12,
        50 => 24,
        17 or 136 or 1 or 58 => 8,
        _ => 4,
    };

    private static void Header4(Span<byte> packet, ProbeFlow flow)
    {
        packet[0] = 0x45;
        packet[1] = flow.TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], (ushort)(flow.DontFragment ? 0x4000 : 0));
        packet[8] = flow.Ttl;
        packet[9] = flow.Protocol;
        flow.Source.TryWriteBytes(packet[12..], out _);
        flow.Destination.TryWriteBytes(packet[16..], out _);
        fixed (byte* ip = packet)
        {
            var sum = Checksum.Fold(Checksum.Add(0, ip, 20));
            System.Runtime.CompilerServices.Unsafe.WriteUnaligned(ip + 10, sum);
        }
    }

    private static void Header6(Span<byte> packet, ProbeFlow flow)
    {
        BinaryPrimitives.WriteUInt32BigEndian(packet, 6u << 28 | (uint)flow.TrafficClass << 20);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(packet.Length - 40));
        packet[6] = flow.Protocol;
        packet[7] = flow.Ttl;
        flow.Source.TryWriteBytes(packet[8..], out _);
        flow.Destination.TryWriteBytes(packet[24..], out _);
    }

    private static void Payload(Span<byte> l4, ProbeFlow flow)
    {
        if (flow.HasPorts)
        {
            BinaryPrimitives.WriteUInt16BigEndian(l4, flow.SourcePort);
            BinaryPrimitives.WriteUInt16BigEndian(l4[2..], flow.DestinationPort);
        }

        switch (flow.Protocol)
        {
            case 6:
                l4[12] = 5 << 4;
                l4[13] = flow.TcpFlags;
                BinaryPrimitives.WriteUInt16BigEndian(l4[14..], 65_535);
                break;
            case 17:
                BinaryPrimitives.WriteUInt16BigEndian(l4[4..], (ushort)l4.Length);
                break;
            case 1 or 58:
                l4[0] = flow.IcmpType ?? (byte)(flow.Protocol == 1 ? 8 : 128);
                l4[1] = flow.IcmpCode;
                BinaryPrimitives.WriteUInt16BigEndian(l4[4..], flow.IcmpId);
                BinaryPrimitives.WriteUInt16BigEndian(l4[6..], 1);
                break;
            case 50:
                BinaryPrimitives.WriteUInt32BigEndian(l4, flow.Spi);
                BinaryPrimitives.WriteUInt32BigEndian(l4[4..], 1);
                break;
        }
    }

    private static void Sum(byte* ip, byte* l4, int length, ProbeFlow flow)
    {
        var at = flow.Protocol switch
        {
            6 => 16,
            17 or 33 or 136 => 6,
            1 or 58 => 2,
            _ => -1,
        };
        if (at < 0) return;
        ulong sum = flow.Protocol == 1 ? 0 : flow.IsV6 ? Checksum.Pseudo6(ip + 8, flow.Protocol, length) : Checksum.Pseudo4(ip + 12, flow.Protocol, length);
        var folded = Checksum.Fold(Checksum.Add(sum, l4, length));
        // RFC 768, RFC 8200 §8.1: of UDP 0 would say that there is none.
        System.Runtime.CompilerServices.Unsafe.WriteUnaligned(l4 + at, folded == 0 && flow.Protocol == 17 ? ushort.MaxValue : folded);
    }
}
