using System.Buffers.Binary;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Apply;

/// <summary>Makes packets of UDP datagrams of the gateway's own.</summary>
internal static unsafe class DatagramMaker
{
    /// <summary>Largest UDP payload that is made.</summary>
    public const int MaxPayload = 65535 - 20 - UdpForUs.HeaderLength - 4;

    /// <summary>Packets with the offset at the IP header: one, or the fragments of an IPv6 datagram above the MTU (IPv4 is split by the graph). Empty when the pool has none left.</summary>
    public static uint[] Make(PacketPool pool, AddressWords source, ushort sourcePort, AddressWords destination, ushort destinationPort, ReadOnlySpan<byte> payload, bool marker, uint mtu, byte trafficClass = 0)
    {
        var udpLength = UdpForUs.HeaderLength + (marker ? 4 : 0) + payload.Length;
        var udp = new byte[udpLength];
        BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), (ushort)udpLength);
        payload.CopyTo(udp.AsSpan(udpLength - payload.Length));
        if (!source.V6)
        {
            var packet = Wrap(pool, udp, Ip4Input.MinHeader);
            if (packet == 0) return [];
            var ip = pool.Data(packet);
            Ip4Header.Write(ip, Ip4Input.MinHeader + udpLength, (ushort)Random.Shared.Next(1, 65536), 64, 17, (uint)source.Low, (uint)destination.Low, trafficClass);
            SetChecksum(pool, packet, Checksum.Pseudo4(ip + 12, 17, udpLength), Ip4Input.MinHeader, udpLength);
            Finish(pool, packet, Ip4Input.MinHeader, 17);
            return [packet];
        }
        var whole = Wrap(pool, udp, Ip6Header.Length);
        if (whole == 0) return [];
        Ip6Header.Write(pool.Data(whole), udpLength, 17, 64, source.High, source.Low, destination.High, destination.Low, trafficClass);
        SetChecksum(pool, whole, Checksum.Pseudo6(pool.Data(whole) + 8, 17, udpLength), Ip6Header.Length, udpLength);
        Finish(pool, whole, Ip6Header.Length, 17);
        return pool.Meta(whole)->TotalLength <= mtu ? [whole] : Fragment(pool, whole, udpLength, mtu, source, destination, trafficClass);
    }

    /// <summary>RFC 8200 §4.5: the sender splits.</summary>
    private static uint[] Fragment(PacketPool pool, uint whole, int length, uint mtu, AddressWords source, AddressWords destination, byte trafficClass)
    {
        var room = ((int)mtu - Ip6Header.Length - 8) & ~7;
        var id = (uint)Random.Shared.Next();
        List<uint> parts = [];
        for (var at = 0; at < length; at += room)
        {
            var here = Math.Min(room, length - at);
            var part = PacketCopy.Slice(pool, whole, Ip6Header.Length + at, here);
            if (part == 0)
            {
                foreach (var made in parts) pool.Free(made);
                pool.Free(whole);
                return [];
            }
            PacketTrim.Prepend(pool.Meta(part), Ip6Header.Length + 8);
            var ip = pool.Data(part);
            Ip6Header.Write(ip, 8 + here, 44, 64, source.High, source.Low, destination.High, destination.Low, trafficClass);
            ip[40] = 17;
            ip[41] = 0;
            Wire.Put16(ip + 42, at | (at + here < length ? 1 : 0));
            Wire.Put32(ip + 44, id);
            Finish(pool, part, Ip6Header.Length + 8, 17);
            pool.Meta(part)->Flags |= PacketFlags.Fragment | (at > 0 ? PacketFlags.LaterFragment : 0);
            parts.Add(part);
        }
        pool.Free(whole);
        return [.. parts];
    }

    private static uint Wrap(PacketPool pool, byte[] udp, int header)
    {
        var packet = PacketCopy.FromBytes(pool, udp);
        if (packet != 0) PacketTrim.Prepend(pool.Meta(packet), header);
        return packet;
    }

    private static void SetChecksum(PacketPool pool, uint packet, ulong pseudo, int header, int length)
    {
        var sum = Checksum.Fold(Checksum.AddPacket(pseudo, pool, packet, header, length));
        // RFC 768: a sum of zero is sent as all ones.
        System.Runtime.CompilerServices.Unsafe.WriteUnaligned(pool.Data(packet) + header + 6, sum == 0 ? ushort.MaxValue : sum);
    }

    private static void Finish(PacketPool pool, uint packet, int header, byte protocol)
    {
        var meta = pool.Meta(packet);
        meta->Flags = PacketFlags.Own | PacketFlags.BypassSpd;
        meta->L3 = meta->Offset;
        meta->L4 = (ushort)(meta->Offset + header);
        meta->Protocol = protocol;
    }
}
