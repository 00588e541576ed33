using System.Globalization;
using System.Text;

namespace Gateway.Crypto.Der;

/// <summary>Makes DER from the inside out: every function gives one whole element.</summary>
public static class DerWriter
{
    public static byte[] Element(byte tag, params ReadOnlySpan<byte> content)
    {
        Span<byte> length = stackalloc byte[5];
        var octets = 1;
        if (content.Length < 0x80)
        {
            length[0] = (byte)content.Length;
        }
        else
        {
            for (var value = content.Length; value > 0; value >>= 8) octets++;
            length[0] = (byte)(0x80 | (octets - 1));
            for (var i = 1; i < octets; i++) length[i] = (byte)(content.Length >> (8 * (octets - 1 - i)));
        }

        return [tag, .. length[..octets], .. content];
    }

    public static byte[] Sequence(params ReadOnlySpan<byte[]> elements) => Element(DerTag.Sequence, Join(elements));

    public static byte[] Set(params ReadOnlySpan<byte[]> elements) => Element(DerTag.Set, Join(elements));

    public static byte[] Constructed(byte tag, params ReadOnlySpan<byte[]> elements) => Element(tag, Join(elements));

    public static byte[] Null() => Element(DerTag.Null);

    public static byte[] Boolean(bool value) => Element(DerTag.Boolean, value ? (byte)0xff : (byte)0);

    public static byte[] OctetString(params ReadOnlySpan<byte> content) => Element(DerTag.OctetString, content);

    public static byte[] BitString(params ReadOnlySpan<byte> content) => Element(DerTag.BitString, [0, .. content]);

    /// <summary>An INTEGER of a big-endian number without sign.</summary>
    public static byte[] Unsigned(ReadOnlySpan<byte> number)
    {
        number = number.TrimStart((byte)0);
        return number.IsEmpty ? Element(DerTag.Integer, 0) : number[0] >= 0x80 ? Element(DerTag.Integer, [0, .. number]) : Element(DerTag.Integer, number);
    }

    public static byte[] Small(int value) => Unsigned([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);

    public static byte[] Oid(string dotted)
    {
        var parts = dotted.Split('.').Select(p => ulong.Parse(p, NumberStyles.None, CultureInfo.InvariantCulture)).ToArray();
        var content = new List<byte>();
        foreach (var part in parts.Skip(2).Prepend((parts[0] * 40) + parts[1]))
        {
            var groups = new Stack<byte>();
            for (var value = part; groups.Count == 0 || value > 0; value >>= 7) groups.Push((byte)((value & 0x7f) | (groups.Count == 0 ? 0u : 0x80u)));
            content.AddRange(groups);
        }

        return Element(DerTag.ObjectIdentifier, content.ToArray());
    }

    /// <summary>RFC 5280 §4.1.2.5: UTCTime until 2049, then GeneralizedTime.</summary>
    public static byte[] Time(DateTimeOffset time)
    {
        var text = time.UtcDateTime.ToString("yyyyMMddHHmmss'Z'", CultureInfo.InvariantCulture);
        return time.UtcDateTime.Year is >= 1950 and < 2050
            ? Element(DerTag.UtcTime, Encoding.ASCII.GetBytes(text[2..]))
            : Element(DerTag.GeneralizedTime, Encoding.ASCII.GetBytes(text));
    }

    private static byte[] Join(ReadOnlySpan<byte[]> elements)
    {
        var all = new List<byte>();
        foreach (var element in elements) all.AddRange(element);
        return [.. all];
    }
}
