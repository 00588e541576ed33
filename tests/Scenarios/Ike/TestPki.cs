using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto.Der;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Policy;

namespace Gateway.Scenarios.Ike;

/// <summary>A private key in PKCS#8.</summary>
internal sealed class TestKey
{
    private static readonly Dictionary<string, TestKey> _made = [];

    private TestKey(byte[] pkcs8)
    {
        Pkcs8 = pkcs8;
        Assert(PrivateKey.TryParse(pkcs8, out var key));
        Key = key!;
    }

    public byte[] Pkcs8 { get; }

    public PrivateKey Key { get; }

    /// <summary>The same key for the same name: <c>rsa2048</c>, <c>rsa3072</c>, <c>p256</c>, <c>p384</c>, <c>p521</c>, <c>ed25519</c>, then anything.</summary>
    public static TestKey Of(string name)
    {
        lock (_made) return _made.TryGetValue(name, out var made) ? made : _made[name] = Make(name);
    }

    private static TestKey Make(string name)
    {
        if (name.StartsWith("rsa", StringComparison.Ordinal))
        {
            using var rsa = RSA.Create(int.Parse(name.AsSpan(3, 4)));
            return new TestKey(rsa.ExportPkcs8PrivateKey());
        }

        // RFC 8410 §7.
        if (name.StartsWith("ed25519", StringComparison.Ordinal)) return new TestKey([.. Convert.FromHexString("302e020100300506032b657004220420"), .. RandomNumberGenerator.GetBytes(32)]);
        using var ec = ECDsa.Create(name[..4] switch { "p256" => ECCurve.NamedCurves.nistP256, "p384" => ECCurve.NamedCurves.nistP384, _ => ECCurve.NamedCurves.nistP521 });
        return new TestKey(ec.ExportPkcs8PrivateKey());
    }

    private static void Assert(bool held)
    {
        if (!held) throw new InvalidOperationException("The test's key cannot be read.");
    }
}

/// <summary>What a certificate of a test says; the defaults make a good one of an end entity.</summary>
internal sealed record CertificateShape
{
    public string[] Dns { get; init; } = [];

    public string[] Mail { get; init; } = [];

    public string[] Ip { get; init; } = [];

    public DateTimeOffset NotBefore { get; init; } = TestPki.Now.AddDays(-10);

    public DateTimeOffset NotAfter { get; init; } = TestPki.Now.AddDays(300);

    public bool IsCa { get; init; }

    public int? PathLength { get; init; }

    /// <summary>The octets of the BIT STRING with its count of unused bits; null = no extension.</summary>
    public byte[]? KeyUsage { get; init; }

    public string[] Purposes { get; init; } = [];

    public string? CriticalOid { get; init; }

    public string? CrlUri { get; init; }

    public string? OcspUri { get; init; }

    public string[] PermittedDns { get; init; } = [];

    public string[] Policies { get; init; } = [];

    public int Serial { get; init; } = 4711;

    public SignatureScheme? Scheme { get; init; }

    /// <summary>Changes the finished certificate.</summary>
    public Func<byte[], byte[]> Spoil { get; init; } = der => der;
}

/// <summary>A certificate and its key.</summary>
internal sealed record TestCertificate(byte[] Der, TestKey Key, string Dn)
{
    public Certificate Read()
    {
        if (!CertificateReader.TryRead(Der, out var certificate, out var error)) throw new InvalidOperationException(error);
        return certificate;
    }

    public TestCertificate Issue(string dn, TestKey key, CertificateShape shape) => TestPki.Make(dn, key, Dn, Key, shape);

    /// <summary>A revocation list of this authority.</summary>
    public byte[] Revoke(int[] serials, DateTimeOffset? nextUpdate = null) => TestPki.MakeList(this, serials, nextUpdate);

    /// <summary>An OCSP response of this authority about one certificate.</summary>
    public byte[] Answer(TestCertificate about, byte status, TestCertificate? signer = null, DateTimeOffset? nextUpdate = null) => TestPki.MakeAnswer(this, about, status, signer ?? this, nextUpdate);
}

/// <summary>Makes certificates, also such as no authority would.</summary>
internal static class TestPki
{
    public static DateTimeOffset Now { get; } = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    public static TestCertificate Root(string dn, TestKey key, CertificateShape? shape = null) =>
        Make(dn, key, dn, key, (shape ?? new CertificateShape()) with { IsCa = true });

    public static SignatureScheme SchemeOf(KeyKind kind) => kind switch
    {
        KeyKind.Rsa => new SignatureScheme(KeyKind.Rsa, HashKind.Sha256),
        KeyKind.Ecdsa => new SignatureScheme(KeyKind.Ecdsa, HashKind.Sha256),
        _ => SignatureScheme.Ed25519,
    };

    public static TestCertificate Make(string dn, TestKey key, string issuerDn, TestKey issuerKey, CertificateShape shape)
    {
        var scheme = shape.Scheme ?? SchemeOf(issuerKey.Key.Kind);
        var tbs = DerWriter.Sequence(
            DerWriter.Constructed(0xa0, DerWriter.Small(2)),
            DerWriter.Small(shape.Serial),
            AlgorithmIdentifier.Encode(scheme),
            Name(issuerDn),
            DerWriter.Sequence(DerWriter.Time(shape.NotBefore), DerWriter.Time(shape.NotAfter)),
            Name(dn),
            key.Key.Public.Info.ToArray(),
            DerWriter.Constructed(0xa3, DerWriter.Sequence([.. Extensions(shape, key, issuerKey)])));
        return new TestCertificate(shape.Spoil(Sign(tbs, scheme, issuerKey)), key, dn);
    }

    public static byte[] MakeList(TestCertificate issuer, int[] serials, DateTimeOffset? nextUpdate)
    {
        var scheme = SchemeOf(issuer.Key.Key.Kind);
        List<byte[]> parts = [DerWriter.Small(1), AlgorithmIdentifier.Encode(scheme), Name(issuer.Dn), DerWriter.Time(Now.AddDays(-2)), DerWriter.Time(nextUpdate ?? Now.AddDays(5))];
        if (serials.Length > 0) parts.Add(DerWriter.Sequence([.. serials.Select(s => DerWriter.Sequence(DerWriter.Small(s), DerWriter.Time(Now.AddDays(-3))))]));
        return Sign(DerWriter.Sequence([.. parts]), scheme, issuer.Key);
    }

    public static byte[] MakeAnswer(TestCertificate issuer, TestCertificate about, byte status, TestCertificate signer, DateTimeOffset? nextUpdate)
    {
        var (certificate, authority) = (about.Read(), issuer.Read());
        // The CertID within the request.
        var request = new DerReader(Ocsp.Request(certificate, authority));
        request.TryReadInto(0x30, out var a);
        a.TryReadInto(0x30, out var b);
        b.TryReadInto(0x30, out var c);
        c.TryReadInto(0x30, out var d);
        d.TryRead(0x30, out _, out var id);
        var scheme = SchemeOf(signer.Key.Key.Kind);
        byte[] said = status == 0xa1 ? DerWriter.Constructed(0xa1, GeneralizedTime(Now.AddDays(-1))) : DerWriter.Element(status);
        var single = DerWriter.Sequence(id.ToArray(), said, GeneralizedTime(Now.AddHours(-1)), DerWriter.Constructed(0xa0, GeneralizedTime(nextUpdate ?? Now.AddHours(5))));
        var data = DerWriter.Sequence(
            DerWriter.Constructed(0xa2, DerWriter.OctetString(signer.Read().KeyHash.Span)), GeneralizedTime(Now.AddHours(-1)), DerWriter.Sequence(single));
        List<byte[]> basic = [data, AlgorithmIdentifier.Encode(scheme), DerWriter.BitString(signer.Key.Key.Sign(scheme, data))];
        if (signer != issuer) basic.Add(DerWriter.Constructed(0xa0, DerWriter.Sequence(signer.Der)));
        return DerWriter.Sequence(
            DerWriter.Element(DerTag.Enumerated, 0),
            DerWriter.Constructed(0xa0, DerWriter.Sequence(DerWriter.Oid("1.3.6.1.5.5.7.48.1.1"), DerWriter.OctetString(DerWriter.Sequence([.. basic])))));
    }

    public static byte[] Sign(byte[] tbs, SignatureScheme scheme, TestKey key) =>
        DerWriter.Sequence(tbs, AlgorithmIdentifier.Encode(scheme), DerWriter.BitString(key.Key.Sign(scheme, tbs)));

    private static byte[] Name(string dn) => DistinguishedName.TryParse(dn, out var der) ? der.Span.ToArray() : throw new FormatException(dn);

    private static byte[] GeneralizedTime(DateTimeOffset time) => DerWriter.Element(DerTag.GeneralizedTime, Encoding.ASCII.GetBytes(time.UtcDateTime.ToString("yyyyMMddHHmmss'Z'")));

    private static IEnumerable<byte[]> Extensions(CertificateShape shape, TestKey key, TestKey issuerKey)
    {
        yield return Extension("2.5.29.14", false, DerWriter.OctetString(key.Key.Public.KeyHash()));
        yield return Extension("2.5.29.35", false, DerWriter.Sequence(DerWriter.Element(0x80, issuerKey.Key.Public.KeyHash())));
        if (shape.IsCa)
            yield return Extension("2.5.29.19", true, shape.PathLength is { } length ? DerWriter.Sequence(DerWriter.Boolean(true), DerWriter.Small(length)) : DerWriter.Sequence(DerWriter.Boolean(true)));
        if (shape.KeyUsage is { } usage) yield return Extension("2.5.29.15", true, DerWriter.Element(DerTag.BitString, usage));
        List<byte[]> names =
        [
            .. shape.Dns.Select(n => DerWriter.Element(0x82, Encoding.ASCII.GetBytes(n))), .. shape.Mail.Select(n => DerWriter.Element(0x81, Encoding.ASCII.GetBytes(n))),
            .. shape.Ip.Select(n => DerWriter.Element(0x87, System.Net.IPAddress.Parse(n).GetAddressBytes())),
        ];
        if (names.Count > 0) yield return Extension("2.5.29.17", false, DerWriter.Sequence([.. names]));
        if (shape.Purposes.Length > 0) yield return Extension("2.5.29.37", false, DerWriter.Sequence([.. shape.Purposes.Select(DerWriter.Oid)]));
        if (shape.Policies.Length > 0) yield return Extension("2.5.29.32", false, DerWriter.Sequence([.. shape.Policies.Select(p => DerWriter.Sequence(DerWriter.Oid(p)))]));
        if (shape.CrlUri is { } crl)
            yield return Extension("2.5.29.31", false, DerWriter.Sequence(DerWriter.Sequence(DerWriter.Constructed(0xa0, DerWriter.Constructed(0xa0, DerWriter.Element(0x86, Encoding.ASCII.GetBytes(crl)))))));
        if (shape.OcspUri is { } ocsp)
            yield return Extension("1.3.6.1.5.5.7.1.1", false, DerWriter.Sequence(DerWriter.Sequence(DerWriter.Oid("1.3.6.1.5.5.7.48.1"), DerWriter.Element(0x86, Encoding.ASCII.GetBytes(ocsp)))));
        if (shape.PermittedDns.Length > 0)
            yield return Extension("2.5.29.30", true, DerWriter.Sequence(DerWriter.Constructed(0xa0, [.. shape.PermittedDns.Select(n => DerWriter.Sequence(DerWriter.Element(0x82, Encoding.ASCII.GetBytes(n))))])));
        if (shape.CriticalOid is { } oid) yield return Extension(oid, true, DerWriter.Null());
    }

    private static byte[] Extension(string oid, bool critical, byte[] value) =>
        critical ? DerWriter.Sequence(DerWriter.Oid(oid), DerWriter.Boolean(true), DerWriter.OctetString(value)) : DerWriter.Sequence(DerWriter.Oid(oid), DerWriter.OctetString(value));
}
