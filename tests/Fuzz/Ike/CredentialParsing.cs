using System.Globalization;
using Gateway.Ike.Certificates;
using Gateway.Scenarios.Ike;
using Xunit;

namespace Gateway.Fuzz.Ike;

/// <summary>
/// Certificates, revocation lists, OCSP responses and names with seeded damage: nothing throws, whatever a peer or a server sends, and a chain with damage
/// is never trusted. FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed class CredentialParsing(ITestOutputHelper output)
{
    private static readonly TestCertificate _root = TestPki.Root("C=CH, CN=Root", TestKey.Of("p256 root"));

    private static readonly TestCertificate _leaf = _root.Issue("C=CH, O=Lab, CN=leaf", TestKey.Of("p256 leaf"), new CertificateShape
    {
        Dns = ["leaf.lab"],
        Mail = ["a@leaf.lab"],
        Ip = ["192.0.2.1"],
        Purposes = ["1.3.6.1.5.5.7.3.17"],
        Policies = ["1.2.3"],
        CrlUri = "http://crl.lab/",
        OcspUri = "http://ocsp.lab/",
        KeyUsage = [7, 0x80],
        PermittedDns = ["lab"],
    });

    [Fact]
    public void Damaged_certificates_never_throw_and_are_never_trusted() => Run(_leaf.Der, octets =>
    {
        var credentials = new Credentials { Authorities = [new NamedCertificate("root", _root.Read())] };
        if (!CertificateReader.TryRead(octets, out var certificate, out _) || certificate.Raw.Span.SequenceEqual(_leaf.Der)) return;
        var verdict = TrustChain.Judge(certificate, null, [certificate], credentials, ChainDemands.Default, new RevocationCache(), ["http://crl.lab/"], TestPki.Now);
        // Damage beside what is signed leaves a certificate that says the same; all else must not pass.
        Assert.True(verdict is not ChainVerdict.Trusted || certificate.Tbs.Span.SequenceEqual(_leaf.Read().Tbs.Span), Convert.ToHexString(octets));
        _ = certificate.ToString() + string.Join(',', certificate.Names);
    });

    [Fact]
    public void Damaged_revocation_lists_never_throw() => Run(_root.Revoke([1, 2, 4711]), octets =>
    {
        if (RevocationList.TryRead(octets, out var list, out _)) _ = list.IsSignedBy(_root.Read());
    });

    [Fact]
    public void Damaged_answers_of_OCSP_never_throw()
    {
        var answer = _root.Answer(_leaf, 0x80);
        var (leaf, root) = (_leaf.Read(), _root.Read());
        Assert.Equal(CertificateStatus.Good, Ocsp.Read(answer, leaf, root, [], TestPki.Now)!.Status);
        Run(answer, octets => _ = Ocsp.Read(octets, leaf, root, [], TestPki.Now));
    }

    [Fact]
    public void Damaged_names_never_throw()
    {
        Assert.True(DistinguishedName.TryParse("C=CH, O=Lab, CN=*", out var name));
        var other = _leaf.Read().Subject;
        Run(name.Span.ToArray(), octets =>
        {
            _ = DistinguishedName.Print(octets);
            _ = DistinguishedName.Match(octets, other.Span) + DistinguishedName.Match(other.Span, octets) + DistinguishedName.Wildcards(octets);
            _ = DistinguishedName.IsWithin(octets, other.Span);
        });
    }

    private void Run(byte[] whole, Action<byte[]> take)
    {
        var seed = Number("FUZZ_SEED") ?? Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var end = Environment.TickCount64 + ((Number("FUZZ_SECONDS") ?? 3) * 1000);
        for (var length = 0; length < whole.Length; length++) take(whole[..length]);
        while (Environment.TickCount64 < end)
        {
            var octets = random.Next(20) == 0 ? Noise(random) : Damage(random, whole);
            try
            {
                take(octets);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}, {Convert.ToHexString(octets)}: {e}");
            }
        }
    }

    private static byte[] Noise(Random random)
    {
        var octets = new byte[random.Next(200)];
        random.NextBytes(octets);
        if (octets.Length > 0) octets[0] = 0x30;
        return octets;
    }

    private static byte[] Damage(Random random, byte[] whole)
    {
        var octets = whole.ToList();
        for (var n = random.Next(1, 4); n > 0 && octets.Count > 1; n--)
        {
            var at = random.Next(octets.Count);
            switch (random.Next(4))
            {
                case 0: octets[at] = (byte)random.Next(256); break;
                case 1: octets[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: octets.RemoveAt(at); break;
                default: octets.Insert(at, (byte)random.Next(256)); break;
            }
        }

        return [.. octets];
    }

    private static int? Number(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
