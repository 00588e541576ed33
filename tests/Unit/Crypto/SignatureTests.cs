using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto.Eap;
using Gateway.Crypto.Signatures;
using Xunit;

namespace Gateway.Unit.Crypto;

/// <summary>Signatures against the platform's own, Wycheproof's Ed25519, and the vectors of RFC 1320, 2759 and 3079.</summary>
public sealed class SignatureTests
{
    [Fact]
    public void Ed25519_holds_for_all_of_wycheproof()
    {
        var seen = 0;
        foreach (var group in Vectors.Load("wycheproof/ed25519_test.json").GetProperty("testGroups").EnumerateArray())
        {
            Assert.True(PublicKey.TryParse(Convert.FromHexString(group.GetProperty("publicKeyDer").GetString()!), out var key));
            using (key)
            {
                foreach (var test in group.GetProperty("tests").EnumerateArray())
                {
                    var (message, signature) = (Convert.FromHexString(test.GetProperty("msg").GetString()!), Convert.FromHexString(test.GetProperty("sig").GetString()!));
                    Assert.True(key.Verify(SignatureScheme.Ed25519, message, signature) == (test.GetProperty("result").GetString() == "valid"), test.ToString());
                    seen++;
                }
            }
        }

        Assert.True(seen > 100);
    }

    public static TheoryData<HashKind, bool> RsaSchemes => new() { { HashKind.Sha1, false }, { HashKind.Sha256, false }, { HashKind.Sha384, false }, { HashKind.Sha512, false }, { HashKind.Sha256, true }, { HashKind.Sha512, true } };

    [Theory, MemberData(nameof(RsaSchemes))]
    public void Rsa_agrees_with_the_platform_in_both_directions(HashKind hash, bool pss)
    {
        using var platform = RSA.Create(2048);
        var (name, padding) = (new HashAlgorithmName(hash.ToString().ToUpperInvariant()), pss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        var scheme = new SignatureScheme(KeyKind.Rsa, hash, pss);
        byte[] data = [1, 2, 3];
        Assert.True(PrivateKey.TryParse(platform.ExportPkcs8PrivateKey(), out var key));
        using (key)
        {
            Assert.Equal((KeyKind.Rsa, 2048), (key.Kind, key.Public.Bits));
            Assert.True(platform.VerifyData(data, key.Sign(scheme, data), name, padding));
            var signature = platform.SignData(data, name, padding);
            Assert.True(key.Public.Verify(scheme, data, signature));
            Assert.False(key.Public.Verify(scheme, [1, 2, 4], signature));
            Assert.False(key.Public.Verify(scheme with { Pss = !pss }, data, signature));
            Assert.False(key.Public.Verify(scheme, data, signature.AsSpan(1)));
        }
    }

    [Theory]
    [InlineData("nistP256", HashKind.Sha256, 32)]
    [InlineData("nistP384", HashKind.Sha384, 48)]
    [InlineData("nistP521", HashKind.Sha512, 66)]
    public void Ecdsa_agrees_with_the_platform_in_both_forms(string curve, HashKind hash, int length)
    {
        using var platform = ECDsa.Create(ECCurve.CreateFromFriendlyName(curve));
        var (name, scheme) = (new HashAlgorithmName(hash.ToString().ToUpperInvariant()), new SignatureScheme(KeyKind.Ecdsa, hash));
        byte[] data = [1, 2, 3];
        Assert.True(PrivateKey.TryParse(platform.ExportECPrivateKey(), out var key));
        using (key)
        {
            for (var i = 0; i < 40; i++)
            {
                // Now and then r or s has leading zeros, or a high bit.
                Assert.True(EcdsaSignature.TryToRaw(key.Sign(scheme, data), length, out var raw));
                Assert.True(platform.VerifyData(data, raw, name));
                Assert.True(key.Public.Verify(scheme, data, EcdsaSignature.ToDer(platform.SignData(data, name))));
            }
        }
    }

    [Fact]
    public void A_key_is_read_in_every_form_that_files_have()
    {
        using var rsa = RSA.Create(2048);
        var info = rsa.ExportSubjectPublicKeyInfo();
        var pbe = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 2000);
        (byte[] Content, string Passphrase)[] forms =
        [
            (rsa.ExportPkcs8PrivateKey(), ""), (rsa.ExportRSAPrivateKey(), ""), (Encoding.ASCII.GetBytes(rsa.ExportPkcs8PrivateKeyPem()), ""), (Encoding.ASCII.GetBytes(rsa.ExportRSAPrivateKeyPem()), ""),
            (Encoding.ASCII.GetBytes(rsa.ExportEncryptedPkcs8PrivateKeyPem("secret", pbe)), "secret"), (rsa.ExportEncryptedPkcs8PrivateKey("secret", pbe), "secret"),
        ];
        foreach (var (content, passphrase) in forms)
        {
            Assert.True(PrivateKey.TryParse(content, Encoding.UTF8.GetBytes(passphrase), out var key));
            using (key)
            {
                Assert.Equal(info, key.Public.Info.ToArray());
                Assert.DoesNotContain(Convert.ToHexString(info[..8]), key.ToString(), StringComparison.OrdinalIgnoreCase);
                using var pkcs8 = key.ToPkcs8();
                Assert.True(PrivateKey.TryParse(pkcs8.Span, out var again));
                again.Dispose();
            }

            if (passphrase.Length > 0) Assert.False(PrivateKey.TryParse(content, "wrong"u8, out _));
        }

        Assert.False(PrivateKey.TryParse([], out _));
        Assert.False(PrivateKey.TryParse("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"u8, out _));
    }

    public static TheoryData<string> Identifiers => ["rsa-sha256", "rsa-sha512", "rsa/pss-sha256", "rsa/pss-sha384", "ecdsa-sha384", "ed25519"];

    [Theory, MemberData(nameof(Identifiers))]
    public void An_algorithm_identifier_reads_as_it_was_written(string name)
    {
        var scheme = new[] { HashKind.Sha1, HashKind.Sha256, HashKind.Sha384, HashKind.Sha512 }
            .SelectMany(h => new[] { new SignatureScheme(KeyKind.Rsa, h), new(KeyKind.Rsa, h, true), new(KeyKind.Ecdsa, h) }).Append(SignatureScheme.Ed25519).Single(s => s.ToString() == name);
        Assert.True(AlgorithmIdentifier.TryParse(AlgorithmIdentifier.Encode(scheme), out var back, out var salt));
        Assert.Equal((scheme, scheme.Pss ? scheme.HashLength : 0), (back, salt));
    }

    [Theory]
    [InlineData("", "31d6cfe0d16ae931b73c59d7e0c089c0")]
    [InlineData("abc", "a448017aaf21d8525fc10ae87aa6729d")]
    [InlineData("message digest", "d9130a8164549fe818874806e1c7014b")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "e33b4ddc9c38f2199c3e7b164fcc0536")]
    public void Md4_is_that_of_RFC_1320(string text, string hash)
    {
        Span<byte> into = stackalloc byte[16];
        Md4.Hash(Encoding.ASCII.GetBytes(text), into);
        Assert.Equal(hash, Convert.ToHexStringLower(into));
    }

    // RFC 2759 §9.2, RFC 3079 §3.5.3.
    [Fact]
    public void MSCHAPv2_is_that_of_its_RFCs()
    {
        var (ours, theirs) = (Convert.FromHexString("21402324255E262A28295F2B3A337C7E"), Convert.FromHexString("5B5D7C7D7B3F2F3E3C2C602132262628"));
        using var hash = MsChapV2.NtHash("clientPass"u8);
        Assert.Equal("44EBBA8D5312B8D611474411F56989AE", Convert.ToHexString(hash.Span));
        var response = MsChapV2.NtResponse(hash.Span, ours, theirs, "User"u8);
        Assert.Equal("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF", Convert.ToHexString(response));
        Assert.Equal("S=407A5589115FD0D6209F510FE9C04566932CDA56", MsChapV2.AuthenticatorResponse(hash.Span, response, ours, theirs, "User"u8));
        using var msk = MsChapV2.Msk(hash.Span, response);
        Assert.Equal((64, "8B7CDC149B993A1BA118CB153F56DCCB"), (msk.Length, Convert.ToHexString(msk.Span[16..32])));
    }
}
