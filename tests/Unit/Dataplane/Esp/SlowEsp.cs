using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>
/// ESP in tunnel mode with AES-GCM once more, slow and plain, on arrays and the library's AesGcm: what the nodes are compared with. Written from RFC 4303, 4106 and 3948 alone.
/// </summary>
internal sealed record SlowEsp
{
    public required byte[] Key { get; init; }
    public required byte[] Salt { get; init; }
    public required uint Spi { get; init; }
    public required IPAddress Source { get; init; }
    public required IPAddress Destination { get; init; }
    public bool Esn { get; init; }
    public int Icv { get; init; } = 16;

    /// <summary>Source and destination port; null = native.</summary>
    public (ushort Source, ushort Destination)? Udp { get; init; }

    public byte[] Keymat => [.. Key, .. Salt];

    /// <summary>The whole outer packet.</summary>
    public byte[] Wrap(byte[] inner, ulong sequence, byte trafficClass = 0, bool df = false, ushort id = 0)
    {
        var padding = (4 - (inner.Length + 2) % 4) % 4;
        byte[] text = [.. inner, .. Enumerable.Range(1, padding).Select(i => (byte)i), (byte)padding, (byte)(inner[0] >> 4 == 4 ? 4 : 41)];
        return Outer(Seal(text, sequence), trafficClass, df, id);
    }

    /// <summary>ESP header, IV, encrypted text, ICV.</summary>
    public byte[] Seal(byte[] text, ulong sequence)
    {
        var iv = Big(sequence);
        var sealedText = new byte[text.Length];
        var tag = new byte[16];
        using var gcm = new AesGcm(Key, 16);
        byte[] nonce = [.. Salt, .. iv];
        gcm.Encrypt(nonce, text, sealedText, tag, Aad(sequence));
        return [.. Big(Spi), .. Big((uint)sequence), .. iv, .. sealedText, .. tag[..Icv]];
    }

    /// <summary>The text of an ESP packet (from its header on); null when the ICV does not fit.</summary>
    public byte[]? Unseal(byte[] esp, ulong sequence)
    {
        var closed = esp[16..^Icv];
        var opened = new byte[closed.Length];
        var tag = new byte[16];
        byte[] nonce = [.. Salt, .. esp[8..16]];
        using var gcm = new AesGcm(Key, 16);
        // Counter mode is its own inverse; a second encryption then gives the whole tag, of which a short ICV is the beginning.
        gcm.Encrypt(nonce, closed, opened, tag, Aad(sequence));
        gcm.Encrypt(nonce, opened, closed, tag, Aad(sequence));
        return tag.AsSpan(0, Icv).SequenceEqual(esp.AsSpan(esp.Length - Icv)) ? opened : null;
    }

    public byte[] Outer(byte[] esp, byte trafficClass = 0, bool df = false, ushort id = 0)
    {
        var v6 = Source.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        var payload = esp;
        if (Udp is { } ports)
        {
            payload = [.. Big(ports.Source), .. Big(ports.Destination), .. Big((ushort)(esp.Length + 8)), 0, 0, .. esp];
            if (v6)
            {
                byte[] pseudo = [.. Source.GetAddressBytes(), .. Destination.GetAddressBytes(), .. Big((uint)payload.Length), 0, 0, 0, 17];
                var sum = PlainIp.Sum([.. pseudo, .. payload]);
                BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(6), sum == 0 ? (ushort)0xFFFF : sum);
            }
        }
        var protocol = (byte)(Udp is null ? 50 : 17);
        return v6 ? PlainIp.Ip6(Source, Destination, protocol, payload, trafficClass) : PlainIp.Ip4(Source, Destination, protocol, payload, trafficClass, df, id);
    }

    private byte[] Aad(ulong sequence) => Esn ? [.. Big(Spi), .. Big(sequence)] : [.. Big(Spi), .. Big((uint)sequence)];

    private static byte[] Big(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Big(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Big(ushort value) => [(byte)(value >> 8), (byte)value];
}

/// <summary>IP packets made the plain way.</summary>
internal static class PlainIp
{
    public static byte[] Ip4(IPAddress source, IPAddress destination, byte protocol, byte[] payload, byte tos = 0, bool df = false, ushort id = 0, byte ttl = 64, ushort fragment = 0)
    {
        var word = (ushort)((df ? 0x4000 : 0) | fragment);
        var total = 20 + payload.Length;
        byte[] header =
        [
            0x45, tos, (byte)(total >> 8), (byte)total, (byte)(id >> 8), (byte)id, (byte)(word >> 8), (byte)word, ttl, protocol, 0, 0,
            .. source.GetAddressBytes(), .. destination.GetAddressBytes(),
        ];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), Sum(header));
        return [.. header, .. payload];
    }

    public static byte[] Ip6(IPAddress source, IPAddress destination, byte next, byte[] payload, byte trafficClass = 0, byte hops = 64) =>
    [
        (byte)(0x60 | trafficClass >> 4), (byte)(trafficClass << 4), 0, 0, (byte)(payload.Length >> 8), (byte)payload.Length, next, hops,
        .. source.GetAddressBytes(), .. destination.GetAddressBytes(), .. payload,
    ];

    public static byte[] Udp(ushort source, ushort destination, int length, int seed = 0)
    {
        var data = new byte[8 + length];
        new Random(seed).NextBytes(data);
        BinaryPrimitives.WriteUInt16BigEndian(data, source);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), destination);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), (ushort)data.Length);
        return data;
    }

    public static ushort Sum(byte[] bytes)
    {
        long sum = 0;
        for (var i = 0; i < bytes.Length; i++) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
