using System.Security.Cryptography;
using Gateway.Crypto.Signatures;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class RecentKeysTests
{
    private static readonly SignatureScheme _scheme = new(KeyKind.Ecdsa, HashKind.Sha256);

    [Fact]
    public void A_key_that_was_let_go_and_is_read_again_verifies_as_before()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (info, data) = (pair.ExportSubjectPublicKeyInfo(), "text"u8.ToArray());
        var signature = pair.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        for (var i = 0; i < 5; i++)
        {
            Assert.True(PublicKey.TryParse(info, out var key));
            using (key)
            {
                Assert.Equal((KeyKind.Ecdsa, "prime256v1"), (key.Kind, key.Curve));
                Assert.True(key.Verify(_scheme, data, signature));
                Assert.False(key.Verify(_scheme, "other text"u8, signature));
            }
        }
    }

    [Fact]
    public void More_keys_than_there_are_places_are_never_taken_for_one_another()
    {
        var pairs = Enumerable.Range(0, 400).Select(_ => ECDsa.Create(ECCurve.NamedCurves.nistP256)).ToList();
        var data = "text"u8.ToArray();
        Parallel.For(0, 4 * pairs.Count, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            var pair = pairs[i % pairs.Count];
            byte[] signature;
            lock (pair) signature = pair.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            Assert.True(PublicKey.TryParse(pair.ExportSubjectPublicKeyInfo(), out var key));
            using (key) Assert.True(key.Verify(_scheme, data, signature));
        });
        foreach (var pair in pairs) pair.Dispose();
    }
}
