using System.Buffers.Binary;
using System.Net;

namespace Gateway.Unit.Dataplane.Packets;

/// <summary>Makes packets byte by byte, with nothing of the dataplane's own code.</summary>
internal static class Build
{
    public static byte[] Mac(string text) => [.. text.Split(':').Select(p => Convert.ToByte(p, 16))];

    /// <summary>A MAC address as text.</summary>
    public static string Text(byte[] mac) => Convert.ToHexStringLower(mac);

    public static byte[] Ethernet(byte[] to, byte[] from, ushort type, byte[] payload) => [.. to, .. from, (byte)(type >> 8), (byte)type, .. payload];

    public static byte[] Ip4(
        string from,
        string to,
        byte protocol,
        byte[] payload,
        byte ttl = 64,
        ushort id = 0x1234,
        bool df = false,
        bool mf = false,
        int offset = 0,
        byte[]? options = null,
        byte tos = 0)
    {
        options ??= [];
        var header = 20 + options.Length;
        var p = new byte[header + payload.Length];
        p[0] = (byte)(0x40 | header / 4);
        p[1] = tos;
        Put16(p, 2, p.Length);
        Put16(p, 4, id);
        Put16(p, 6, (df ? 0x4000 : 0) | (mf ? 0x2000 : 0) | offset / 8);
        p[8] = ttl;
        p[9] = protocol;
        IPAddress.Parse(from).GetAddressBytes().CopyTo(p, 12);
        IPAddress.Parse(to).GetAddressBytes().CopyTo(p, 16);
        options.CopyTo(p, 20);
        Put16(p, 10, SlowChecksum.Of(p.AsSpan(0, header)));
        payload.CopyTo(p, header);
        return p;
    }

    public static byte[] Ip6(string from, string to, byte next, byte[] payload, byte hops = 64, byte trafficClass = 0)
    {
        var p = new byte[40 + payload.Length];
        p[0] = (byte)(0x60 | trafficClass >> 4);
        p[1] = (byte)(trafficClass << 4);
        Put16(p, 4, payload.Length);
        p[6] = next;
        p[7] = hops;
        IPAddress.Parse(from).GetAddressBytes().CopyTo(p, 8);
        IPAddress.Parse(to).GetAddressBytes().CopyTo(p, 24);
        payload.CopyTo(p, 40);
        return p;
    }

    public static byte[] Udp(string from, string to, int sourcePort, int destinationPort, byte[] payload, bool checksum = true)
    {
        var p = new byte[8 + payload.Length];
        Put16(p, 0, sourcePort);
        Put16(p, 2, destinationPort);
        Put16(p, 4, p.Length);
        payload.CopyTo(p, 8);
        if (checksum)
        {
            var sum = SlowChecksum.Of([.. Pseudo(from, to, 17, p.Length), .. p]);
            Put16(p, 6, sum == 0 ? 0xFFFF : sum);
        }
        return p;
    }

    /// <summary>A TCP header with options (a multiple of four bytes).</summary>
    public static byte[] Tcp(string from, string to, byte flags, byte[] options, byte[] payload)
    {
        var p = new byte[20 + options.Length + payload.Length];
        Put16(p, 0, 40000);
        Put16(p, 2, 80);
        p[12] = (byte)((20 + options.Length) / 4 << 4);
        p[13] = flags;
        Put16(p, 14, 65535);
        options.CopyTo(p, 20);
        payload.CopyTo(p, 20 + options.Length);
        Put16(p, 16, SlowChecksum.Of([.. Pseudo(from, to, 6, p.Length), .. p]));
        return p;
    }

    public static byte[] Icmp4(byte type, byte code, uint field, byte[] payload)
    {
        var p = new byte[8 + payload.Length];
        p[0] = type;
        p[1] = code;
        BinaryPrimitives.WriteUInt32BigEndian(p.AsSpan(4), field);
        payload.CopyTo(p, 8);
        Put16(p, 2, SlowChecksum.Of(p));
        return p;
    }

    public static byte[] Icmp6(string from, string to, byte type, byte code, uint field, byte[] payload)
    {
        var p = new byte[8 + payload.Length];
        p[0] = type;
        p[1] = code;
        BinaryPrimitives.WriteUInt32BigEndian(p.AsSpan(4), field);
        payload.CopyTo(p, 8);
        Put16(p, 2, SlowChecksum.Of([.. Pseudo(from, to, 58, p.Length), .. p]));
        return p;
    }

    public static byte[] Arp(ushort operation, byte[] senderMac, string sender, byte[] targetMac, string target) =>
        [0, 1, 8, 0, 6, 4, (byte)(operation >> 8), (byte)operation, .. senderMac, .. IPAddress.Parse(sender).GetAddressBytes(), .. targetMac, .. IPAddress.Parse(target).GetAddressBytes()];

    /// <summary>A neighbor solicitation (135) or advertisement (136) with an optional link-layer address.</summary>
    public static byte[] Neighbor(string from, string to, byte type, uint flags, string target, byte[]? mac, byte hops = 255)
    {
        byte[] body = [.. IPAddress.Parse(target).GetAddressBytes(), .. mac is null ? [] : (byte[])[(byte)(type == 135 ? 1 : 2), 1, .. mac]];
        return Ip6(from, to, 58, Icmp6(from, to, type, 0, flags, body), hops);
    }

    public static byte[] Pseudo(string from, string to, byte protocol, int length)
    {
        byte[] addresses = [.. IPAddress.Parse(from).GetAddressBytes(), .. IPAddress.Parse(to).GetAddressBytes()];
        return addresses.Length == 8
            ? [.. addresses, 0, protocol, (byte)(length >> 8), (byte)length]
            : [.. addresses, 0, 0, (byte)(length >> 8), (byte)length, 0, 0, 0, protocol];
    }

    public static byte[] Bytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static void Put16(byte[] at, int offset, int value) => BinaryPrimitives.WriteUInt16BigEndian(at.AsSpan(offset), (ushort)value);

    public static int Get16(ReadOnlySpan<byte> at, int offset) => BinaryPrimitives.ReadUInt16BigEndian(at[offset..]);
}
