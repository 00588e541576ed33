using Gateway.Crypto.Der;

namespace Gateway.Crypto.Signatures;

/// <summary>Between the two forms of an ECDSA signature: DER (RFC 3279 §2.2.3) and r | s of fixed length (RFC 4754 §6).</summary>
public static class EcdsaSignature
{
    public static byte[] ToDer(ReadOnlySpan<byte> raw) =>
        DerWriter.Sequence(DerWriter.Unsigned(raw[..(raw.Length / 2)]), DerWriter.Unsigned(raw[(raw.Length / 2)..]));

    /// <param name="length">Octets of r and of s, those of the curve's order.</param>
    public static bool TryToRaw(ReadOnlySpan<byte> der, int length, out byte[] raw)
    {
        raw = new byte[2 * length];
        var reader = new DerReader(der);
        return reader.TryReadInto(DerTag.Sequence, out var inner) && reader.AtEnd
            && inner.TryReadInteger(out var r) && inner.TryReadInteger(out var s) && inner.AtEnd
            && TryPut(r, raw.AsSpan(0, length)) && TryPut(s, raw.AsSpan(length));
    }

    private static bool TryPut(ReadOnlySpan<byte> number, Span<byte> into)
    {
        if (number[0] >= 0x80) return false;
        number = number.TrimStart((byte)0);
        if (number.Length > into.Length) return false;
        number.CopyTo(into[(into.Length - number.Length)..]);
        return true;
    }
}
