namespace Gateway.Ike.Wire;

/// <summary>What a datagram on the NAT traversal port holds.</summary>
public enum NattContent
{
    /// <summary>Too short for anything known.</summary>
    Junk,

    /// <summary>RFC 3948 §2.3: one octet 0xFF.</summary>
    Keepalive,

    /// <summary>RFC 3948 §2.2: four zero octets, then an IKE message.</summary>
    Ike,

    /// <summary>RFC 3948 §2.1: an ESP packet, whose SPI is never zero.</summary>
    Esp,
}

/// <summary>The marker that tells IKE from ESP on UDP port 4500.</summary>
/// <remarks>
/// RFC 3948 §2.2:
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |        Source Port            |      Destination Port         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Length              |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Non-ESP Marker (zero)                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      IKE header [RFC 7296]                    |
/// </code>
/// </remarks>
public static class NonEspMarker
{
    /// <summary>Octets of the marker.</summary>
    public const int Size = 4;

    /// <summary>The content of a NAT-keepalive packet.</summary>
    public static ReadOnlySpan<byte> Keepalive => [0xff];

    /// <summary>Says what a UDP payload on port 4500 holds; for IKE also the message behind the marker.</summary>
    public static NattContent Classify(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> message)
    {
        message = default;
        if (payload.Length == 1 && payload[0] == 0xff) return NattContent.Keepalive;
        if (payload.Length < Size) return NattContent.Junk;
        if ((payload[0] | payload[1] | payload[2] | payload[3]) != 0) return NattContent.Esp;
        message = payload[Size..];
        return NattContent.Ike;
    }

    /// <summary>The message with the marker before it.</summary>
    public static byte[] Prepend(ReadOnlySpan<byte> message)
    {
        var marked = new byte[Size + message.Length];
        message.CopyTo(marked.AsSpan(Size));
        return marked;
    }
}
