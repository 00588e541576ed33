using System.Buffers.Binary;

namespace Gateway.Ike.Wire;

/// <summary>The fixed header of an IKE message.</summary>
/// <remarks>
/// RFC 7296 §3.1:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       IKE SA Initiator's SPI                  |
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       IKE SA Responder's SPI                  |
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                          Message ID                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                            Length                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// The next payload and the length follow from the payloads and are not kept.
/// </remarks>
public sealed record IkeHeader(IkeSpi InitiatorSpi, IkeSpi ResponderSpi, ExchangeType Exchange, IkeFlags Flags, MessageId MessageId)
{
    /// <summary>Octets of the header on the wire.</summary>
    public const int Size = 28;

    /// <summary>What we speak: major version 2, minor 0.</summary>
    public const byte Version = 0x20;

    public IkeSpiPair Spis => new(InitiatorSpi, ResponderSpi);

    public bool IsResponse => (Flags & IkeFlags.Response) != 0;

    public bool IsRequest => !IsResponse;

    /// <summary>Whether the original initiator of the IKE SA sent this message.</summary>
    public bool FromInitiator => (Flags & IkeFlags.Initiator) != 0;

    /// <summary>Reads the header alone, so that a datagram can find its SA before anything else is believed.</summary>
    /// <remarks>On <see cref="WireFault.InvalidMajorVersion"/> the header is there too, for the answer of RFC 7296 §2.5.</remarks>
    public static bool TryParse(ReadOnlySpan<byte> datagram, out IkeHeader header, out WireError error) =>
        TryParse(datagram, out header, out _, out error);

    internal static bool TryParse(ReadOnlySpan<byte> datagram, out IkeHeader header, out PayloadType first, out WireError error)
    {
        header = null!;
        first = PayloadType.None;
        if (datagram.Length < Size) { error = WireFault.TooShort; return false; }
        header = new IkeHeader(
            new IkeSpi(BinaryPrimitives.ReadUInt64BigEndian(datagram)),
            new IkeSpi(BinaryPrimitives.ReadUInt64BigEndian(datagram[8..])),
            (ExchangeType)datagram[18],
            (IkeFlags)datagram[19] & (IkeFlags.Initiator | IkeFlags.Version | IkeFlags.Response),
            new MessageId(BinaryPrimitives.ReadUInt32BigEndian(datagram[20..])));
        first = (PayloadType)datagram[16];

        var major = datagram[17] >> 4;
        // RFC 7296 §2.5: a higher major version is dropped and may be answered with INVALID_MAJOR_VERSION; IKEv1 is not ours at all.
        if (major > 2) { error = new WireError(WireFault.InvalidMajorVersion, (byte)major); return false; }
        if (major < 2) { error = new WireError(WireFault.OldVersion, (byte)major); return false; }

        // RFC 7296 §3.1: the length is that of the whole message, header included.
        if (BinaryPrimitives.ReadUInt32BigEndian(datagram[24..]) != (uint)datagram.Length) { error = WireFault.WrongMessageLength; return false; }
        // RFC 7296 §3.1: the initiator's SPI must not be zero.
        if (header.InitiatorSpi.IsNone) { error = WireFault.ZeroInitiatorSpi; return false; }
        error = WireError.None;
        return true;
    }

    internal void Write(ref IkeWriter writer, PayloadType first)
    {
        writer.WriteUInt64(InitiatorSpi.Value);
        writer.WriteUInt64(ResponderSpi.Value);
        writer.WriteByte((byte)first);
        writer.WriteByte(Version);
        writer.WriteByte((byte)Exchange);
        writer.WriteByte((byte)Flags);
        writer.WriteUInt32(MessageId.Value);
        writer.WriteUInt32(0);
    }
}
