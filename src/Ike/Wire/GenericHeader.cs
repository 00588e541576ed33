namespace Gateway.Ike.Wire;

/// <summary>The header that every payload begins with.</summary>
/// <remarks>
/// RFC 7296 §3.2:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
internal readonly record struct GenericHeader(PayloadType Next, bool Critical)
{
    public const int Size = 4;

    /// <summary>Reads a header and passes over the content behind it.</summary>
    public static bool TryRead(ref IkeReader reader, out GenericHeader header) => TryRead(ref reader, out header, out _);

    /// <summary>Reads a header and content whose lengths were checked before.</summary>
    public static GenericHeader Read(ref IkeReader reader, out ReadOnlySpan<byte> content) =>
        TryRead(ref reader, out var header, out content) ? header : throw new InvalidOperationException("The lengths were not checked.");

    public static void Write(ref IkeWriter writer, PayloadType next, bool critical)
    {
        writer.WriteByte((byte)next);
        writer.WriteByte(critical ? (byte)0x80 : (byte)0);
        writer.WriteUInt16(0);
    }

    private static bool TryRead(ref IkeReader reader, out GenericHeader header, out ReadOnlySpan<byte> content)
    {
        header = default;
        content = default;
        if (!reader.TryReadByte(out var next) || !reader.TryReadByte(out var flags) || !reader.TryReadUInt16(out var length)) return false;
        // RFC 7296 §3.2: the length counts the generic header.
        if (length < Size || !reader.TryReadBytes(length - Size, out content)) return false;
        header = new GenericHeader((PayloadType)next, (flags & 0x80) != 0);
        return true;
    }
}
