using System.Diagnostics.CodeAnalysis;
using System.Text;
using Gateway.Crypto.Der;
using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>Distinguished names (RFC 5280 §4.1.2.4) in DER: read from text, printed and matched as strongSwan does.</summary>
public static class DistinguishedName
{
    private const int MaxParts = 64;

    // The first name of an OID is the one that is printed.
    private static readonly (string Name, string Oid)[] _attributes =
    [
        ("C", "2.5.4.6"), ("ST", "2.5.4.8"), ("L", "2.5.4.7"), ("O", "2.5.4.10"), ("OU", "2.5.4.11"), ("CN", "2.5.4.3"), ("S", "2.5.4.4"),
        ("SN", "2.5.4.5"), ("serialNumber", "2.5.4.5"), ("T", "2.5.4.12"), ("D", "2.5.4.13"), ("N", "2.5.4.41"), ("G", "2.5.4.42"), ("I", "2.5.4.43"),
        ("ID", "2.5.4.45"), ("dnQualifier", "2.5.4.46"), ("pseudonym", "2.5.4.65"), ("postalCode", "2.5.4.17"), ("street", "2.5.4.9"),
        ("DC", "0.9.2342.19200300.100.1.25"), ("UID", "0.9.2342.19200300.100.1.1"),
        ("E", "1.2.840.113549.1.9.1"), ("Email", "1.2.840.113549.1.9.1"), ("emailAddress", "1.2.840.113549.1.9.1"),
        ("unstructuredName", "1.2.840.113549.1.9.2"), ("UN", "1.2.840.113549.1.9.2"),
    ];

    private const string Country = "2.5.4.6";
    private const string Email = "1.2.840.113549.1.9.1";
    private const string DomainComponent = "0.9.2342.19200300.100.1.25";

    /// <summary>One attribute of a name.</summary>
    /// <param name="Oid">Content octets of the type.</param>
    private readonly record struct Part(Octets Oid, byte Tag, Octets Value)
    {
        public string Text => Tag == DerTag.BmpString ? Encoding.BigEndianUnicode.GetString(Value.Span) : Encoding.UTF8.GetString(Value.Span);
    }

    /// <summary>Reads <c>C=CH, O=strongSwan, CN=gw</c> (or with slashes); a comma within a value is not possible, as in strongSwan.</summary>
    public static bool TryParse(string text, out Octets der)
    {
        der = default;
        text = text.Trim();
        var slashes = text.StartsWith('/');
        var parts = (slashes ? text[1..].Split('/') : text.Split(',')).Select(p => p.Trim()).Where(p => p.Length > 0).ToList();
        if (parts.Count is 0 or > MaxParts) return false;
        var sets = new List<byte[]>();
        foreach (var part in parts)
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1) return false;
            var (name, value) = (part[..equals].Trim(), part[(equals + 1)..].Trim());
            if (value.Length == 0 || FindOid(name) is not { } oid) return false;
            sets.Add(DerWriter.Set(DerWriter.Sequence(DerWriter.Oid(oid), DerWriter.Element(StringTag(oid, value), Encoding.UTF8.GetBytes(value)))));
        }

        der = DerWriter.Sequence([.. sets]);
        return true;
    }

    /// <summary>Whether the octets are a name at all.</summary>
    public static bool IsValid(ReadOnlySpan<byte> der) => TryRead(der, out _);

    /// <summary>As strongSwan prints it; characters that are none become <c>?</c>.</summary>
    public static string Print(ReadOnlySpan<byte> der)
    {
        if (!TryRead(der, out var parts)) return "(invalid DN)";
        return string.Join(", ", parts.Select(p => $"{NameOf(p.Oid)}={new string([.. p.Text.Select(c => char.IsControl(c) ? '?' : c)])}"));
    }

    /// <summary>The value of the common name, for messages; null when there is none.</summary>
    public static string? CommonName(ReadOnlySpan<byte> der) =>
        TryRead(der, out var parts) ? parts.Where(p => NameOf(p.Oid) == "CN").Select(p => p.Text).FirstOrDefault() : null;

    /// <summary>How many attributes stand for any value (<c>OU=*</c>).</summary>
    public static int Wildcards(ReadOnlySpan<byte> der) => TryRead(der, out var parts) ? parts.Count(p => p.Text == "*") : 0;

    /// <summary>
    /// Whether a pattern takes a name: the same attributes in the same order, texts compared without regard to case and to the kind of string;
    /// 0 no, 20 exactly, one less for every <c>*</c>, as strongSwan weighs it.
    /// </summary>
    public static int Match(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> name)
    {
        if (pattern.SequenceEqual(name)) return 20;
        if (!TryRead(pattern, out var wanted) || !TryRead(name, out var found) || wanted.Count != found.Count) return 0;
        var wildcards = 0;
        for (var i = 0; i < wanted.Count; i++)
        {
            if (wanted[i].Oid != found[i].Oid) return 0;
            if (wanted[i].Text == "*") wildcards++;
            else if (!IsSame(wanted[i], found[i])) return 0;
        }

        return Math.Max(2, 20 - wildcards);
    }

    /// <summary>Whether two names are the same (RFC 5280 §7.1, without its folding beyond ASCII).</summary>
    public static bool AreEqual(Octets a, Octets b) => a == b || (Wildcards(a.Span) == 0 && Match(a.Span, b.Span) == 20);

    /// <summary>Whether <paramref name="name"/> lies below <paramref name="root"/> (RFC 5280 §4.2.1.10).</summary>
    public static bool IsWithin(ReadOnlySpan<byte> root, ReadOnlySpan<byte> name)
    {
        if (!TryRead(root, out var above) || !TryRead(name, out var below) || above.Count > below.Count) return false;
        for (var i = 0; i < above.Count; i++)
            if (above[i].Oid != below[i].Oid || !IsSame(above[i], below[i])) return false;
        return true;
    }

    private static bool IsSame(Part a, Part b) =>
        (a.Tag == b.Tag && a.Value == b.Value) || (IsString(a.Tag) && IsString(b.Tag) && string.Equals(a.Text.Trim(), b.Text.Trim(), StringComparison.OrdinalIgnoreCase));

    private static bool IsString(byte tag) => tag is DerTag.Utf8String or DerTag.PrintableString or DerTag.TeletexString or DerTag.Ia5String or DerTag.BmpString or DerTag.NumericString;

    private static bool TryRead(ReadOnlySpan<byte> der, out List<Part> parts)
    {
        parts = [];
        var reader = new DerReader(der);
        if (!reader.TryReadInto(DerTag.Sequence, out var sets) || !reader.AtEnd) return false;
        while (!sets.AtEnd)
        {
            if (!sets.TryReadInto(DerTag.Set, out var set) || set.AtEnd) return false;
            while (!set.AtEnd)
            {
                if (!set.TryReadInto(DerTag.Sequence, out var attribute) || !attribute.TryRead(DerTag.ObjectIdentifier, out var oid)
                    || !attribute.TryReadAny(out var tag, out var value, out _) || !attribute.AtEnd || parts.Count >= MaxParts) return false;
                parts.Add(new Part(new Octets(oid), tag, new Octets(value)));
            }
        }

        return true;
    }

    private static string NameOf(Octets oid)
    {
        var reader = new DerReader(DerWriter.Element(DerTag.ObjectIdentifier, oid.Span));
        if (!reader.TryReadOid(out var dotted)) return "?";
        var row = Array.Find(_attributes, a => a.Oid == dotted);
        return row.Name ?? dotted;
    }

    private static string? FindOid(string name) =>
        Array.Find(_attributes, a => a.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Oid ?? (IsDotted(name) ? name : null);

    private static bool IsDotted(string name) =>
        name.Length < 64 && name.Split('.') is { Length: > 1 } parts && parts[0] is "0" or "1" or "2" && name.Split('.').All(p => p.Length is > 0 and < 18 && p.All(char.IsAsciiDigit));

    private static byte StringTag(string oid, string value) =>
        oid is Email or DomainComponent ? DerTag.Ia5String : oid == Country || IsPrintable(value) ? DerTag.PrintableString : DerTag.Utf8String;

    // X.680 §41.4.
    private static bool IsPrintable(string value) => value.All(c => char.IsAsciiLetterOrDigit(c) || " '()+,-./:=?".Contains(c, StringComparison.Ordinal));

    /// <summary>Reads text that may be a name, with its reason when not.</summary>
    public static bool LooksLikeOne([NotNullWhen(true)] string? text) => text is not null && text.Contains('=', StringComparison.Ordinal);
}
