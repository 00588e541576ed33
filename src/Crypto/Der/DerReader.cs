using System.Globalization;

namespace Gateway.Crypto.Der;

/// <summary>
/// Reads DER (X.690 §10) and cannot run past its span: every read says whether what it wants is there. Indefinite lengths, lengths that are longer
/// than they must be, and tags of several octets are refused. It never throws and does not recurse.
/// </summary>
public ref struct DerReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>What has not been read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>The tag of the next element, 0 at the end.</summary>
    public readonly byte PeekTag => _rest.IsEmpty ? (byte)0 : _rest[0];

    /// <summary>The next element whatever its tag: its content, and the whole of it with tag and length.</summary>
    public bool TryReadAny(out byte tag, out ReadOnlySpan<byte> content, out ReadOnlySpan<byte> whole)
    {
        tag = 0;
        content = whole = default;
        // X.690 §8.1.2.4: tags above 30 take more octets; none that we read has one.
        if (_rest.Length < 2 || (_rest[0] & 0x1f) == 0x1f) return false;
        int header = 2, length = _rest[1];
        if (length >= 0x80)
        {
            var octets = length & 0x7f;
            if (octets is 0 or > 4 || _rest.Length < 2 + octets) return false;
            long value = 0;
            for (var i = 0; i < octets; i++) value = value << 8 | _rest[2 + i];
            // X.690 §10.1: as few octets as possible.
            if (value < 0x80 || value >> (8 * (octets - 1)) == 0 || value > _rest.Length) return false;
            (header, length) = (2 + octets, (int)value);
        }

        if (length > _rest.Length - header) return false;
        tag = _rest[0];
        content = _rest.Slice(header, length);
        whole = _rest[..(header + length)];
        _rest = _rest[(header + length)..];
        return true;
    }

    public bool TryRead(byte tag, out ReadOnlySpan<byte> content) => TryRead(tag, out content, out _);

    public bool TryRead(byte tag, out ReadOnlySpan<byte> content, out ReadOnlySpan<byte> whole)
    {
        content = whole = default;
        return PeekTag == tag && TryReadAny(out _, out content, out whole);
    }

    /// <summary>A constructed element, to be read further.</summary>
    public bool TryReadInto(byte tag, out DerReader inner)
    {
        var ok = TryRead(tag, out var content);
        inner = new DerReader(content);
        return ok;
    }

    /// <summary>An element that may be missing: false only when it is there and broken.</summary>
    public bool TryReadOptional(byte tag, out bool present, out ReadOnlySpan<byte> content)
    {
        content = default;
        present = PeekTag == tag;
        return !present || TryRead(tag, out content);
    }

    public bool TrySkip() => TryReadAny(out _, out _, out _);

    /// <summary>An INTEGER as its octets, big-endian two's complement in shortest form.</summary>
    public bool TryReadInteger(out ReadOnlySpan<byte> value)
    {
        if (!TryRead(DerTag.Integer, out value) || value.IsEmpty) return false;
        // X.690 §8.3.2: the first nine bits are not all alike.
        return value.Length < 2 || !((value[0] == 0 && value[1] < 0x80) || (value[0] == 0xff && value[1] >= 0x80));
    }

    /// <summary>A small INTEGER that is not negative.</summary>
    public bool TryReadSmall(out int value)
    {
        value = 0;
        if (!TryReadInteger(out var octets) || octets.Length > 4 || octets[0] >= 0x80) return false;
        foreach (var octet in octets) value = value << 8 | octet;
        return true;
    }

    public bool TryReadBoolean(out bool value)
    {
        value = false;
        if (!TryRead(DerTag.Boolean, out var content) || content.Length != 1 || content[0] is not (0 or 0xff)) return false;
        value = content[0] != 0;
        return true;
    }

    /// <summary>A BIT STRING of whole octets.</summary>
    public bool TryReadBitOctets(out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryRead(DerTag.BitString, out var content) || content.IsEmpty || content[0] != 0) return false;
        value = content[1..];
        return true;
    }

    /// <summary>A BIT STRING of named bits; bit 0 is the highest.</summary>
    public bool TryReadNamedBits(out uint bits)
    {
        bits = 0;
        if (!TryRead(DerTag.BitString, out var content) || content.IsEmpty || content[0] > 7 || content.Length > 5) return false;
        if (content.Length == 1) return content[0] == 0;
        for (var i = 1; i < content.Length; i++) bits |= (uint)content[i] << (32 - (8 * i));
        return true;
    }

    /// <summary>An object identifier in dotted form.</summary>
    public bool TryReadOid(out string oid)
    {
        oid = "";
        return TryRead(DerTag.ObjectIdentifier, out var content) && TryOid(content, out oid);
    }

    /// <summary>UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5: with seconds, in UTC.</summary>
    public bool TryReadTime(out DateTimeOffset time)
    {
        time = default;
        var isUtcTime = PeekTag == DerTag.UtcTime;
        if (!TryRead(isUtcTime ? DerTag.UtcTime : DerTag.GeneralizedTime, out var content) || content.Length != (isUtcTime ? 13 : 15)) return false;
        Span<char> text = stackalloc char[15];
        var at = 0;
        // RFC 5280 §4.1.2.5.1: two digits from 50 on are of the last century.
        if (isUtcTime) (content[0] >= (byte)'5' ? "19" : "20").CopyTo(text[..(at = 2)]);
        foreach (var octet in content) text[at++] = (char)octet;
        return DateTimeOffset.TryParseExact(
            text, "yyyyMMddHHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
    }

    internal static bool TryOid(ReadOnlySpan<byte> content, out string oid)
    {
        oid = "";
        if (content.IsEmpty || content.Length > 64 || content[^1] >= 0x80) return false;
        var parts = new List<string>();
        ulong part = 0;
        var first = true;
        foreach (var octet in content)
        {
            // X.690 §8.19.2: no leading zero, and nothing that we know has more than 63 bits.
            if (part > ulong.MaxValue >> 8 || (part == 0 && octet == 0x80)) return false;
            part = part << 7 | (octet & 0x7fu);
            if (octet >= 0x80) continue;
            if (first)
            {
                var top = part < 40 ? 0u : part < 80 ? 1u : 2u;
                parts.Add(top.ToString(CultureInfo.InvariantCulture));
                part -= top * 40;
                first = false;
            }

            parts.Add(part.ToString(CultureInfo.InvariantCulture));
            part = 0;
        }

        oid = string.Join('.', parts);
        return true;
    }
}
