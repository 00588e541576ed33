using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.KeyExchange;
using Gateway.Crypto.Prf;
using Gateway.Ike.Keys;
using Gateway.Ike.Proposals;
using Xunit;

namespace Gateway.Unit.Ike.Proposals;

public sealed class ProposalTextTests
{
    [Theory]
    [InlineData("aes128gcm16-prfsha256-x25519", "1:20/128 2:5 4:31")]
    [InlineData("aes256-sha256-modp3072", "1:12/256 2:5 3:12 4:15")]
    [InlineData("aes128-sha1-modp1024", "1:12/128 2:2 3:2 4:2")]
    [InlineData("aes256-sha512-modp4096", "1:12/256 2:7 3:14 4:16")]
    [InlineData("chacha20poly1305-prfsha256-x25519", "1:28 2:5 4:31")]
    [InlineData("aes192ctr-aesxcbc-ecp521", "1:13/192 2:4 3:5 4:21")]
    [InlineData("aes256ccm8-prfaescmac-curve448", "1:14/256 2:8 4:32")]
    [InlineData("3des-sha1-modp1536", "1:3 2:2 3:2 4:5")]
    // Several of one kind are alternatives in this order.
    [InlineData("aes256-aes128-sha384-sha256-ecp384-ecp256", "1:12/256 1:12/128 2:6 2:5 3:13 3:12 4:20 4:19")]
    // An explicit PRF is not joined by implied ones.
    [InlineData("aes128-sha256-prfsha512-x25519", "1:12/128 2:7 3:12 4:31")]
    // Beside an AEAD, integrity only says which PRF is meant.
    [InlineData("aes128gcm16-sha256-x25519", "1:20/128 2:5 4:31")]
    [InlineData("AES128GCM128-PRFSHA256-X25519", "1:20/128 2:5 4:31")]
    // ESN and "no key exchange" mean nothing to IKE.
    [InlineData("aes128gcm16-prfsha256-x25519-modpnone-esn", "1:20/128 2:5 4:31")]
    public void An_ike_proposal_is_read(string text, string transforms) => AssertReads(SaProtocol.Ike, text, transforms);

    [Theory]
    [InlineData("aes128gcm16-x25519", "1:20/128 4:31 5:0")]
    [InlineData("aes128gcm16-x25519-noesn-esn", "1:20/128 4:31 5:0 5:1")]
    [InlineData("aes128gcm16-x25519-esn-noesn", "1:20/128 4:31 5:1 5:0")]
    [InlineData("aes128gcm8-aes128gcm12", "1:18/128 1:19/128 5:0")]
    [InlineData("aes256-sha256", "1:12/256 3:12 5:0")]
    [InlineData("null-sha256", "1:11 3:12 5:0")]
    [InlineData("aes128-sha1-modp1024", "1:12/128 3:2 4:2 5:0")]
    [InlineData("aes128gcm16-prfsha256-ecp256-none", "1:20/128 4:19 4:0 5:0")]
    public void An_esp_proposal_is_read(string text, string transforms) => AssertReads(SaProtocol.Esp, text, transforms);

    [Theory]
    [InlineData(SaProtocol.Ike, "aes128gcm16-prfsha256-x25518", "x25518")]
    [InlineData(SaProtocol.Ike, "aes128gcm16--x25519", "")]
    [InlineData(SaProtocol.Ike, "", "")]
    [InlineData(SaProtocol.Ike, "blowfish-sha256-modp2048", "blowfish")]
    [InlineData(SaProtocol.Ike, "aes128-md5-modp2048", "md5")]
    [InlineData(SaProtocol.Ike, "null-sha256-x25519", "null")]
    [InlineData(SaProtocol.Ike, "aes128gcm16-x25519", "aes128gcm16-x25519")]
    [InlineData(SaProtocol.Ike, "aes128gcm16-prfsha256", "aes128gcm16-prfsha256")]
    [InlineData(SaProtocol.Ike, "sha256-x25519", "sha256-x25519")]
    [InlineData(SaProtocol.Ike, "aes128gcm16-aes128-sha256-x25519", "aes128gcm16-aes128-sha256-x25519")]
    [InlineData(SaProtocol.Esp, "aes128", "aes128")]
    [InlineData(SaProtocol.Esp, "aes128 -sha256", "aes128 ")]
    public void A_proposal_that_cannot_work_names_what_is_wrong_with_it(SaProtocol protocol, string text, string token)
    {
        Assert.False(ProposalText.TryParse(protocol, text, out _, out var error));
        Assert.Equal(token, error!.Token);
        Assert.EndsWith(".", error.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SaProtocol.Ike, "aes128gcm16-prfsha256-x25519")]
    [InlineData(SaProtocol.Ike, "aes256-sha256-modp3072")]
    [InlineData(SaProtocol.Ike, "aes256-sha256-prfsha512-modp3072")]
    [InlineData(SaProtocol.Esp, "aes128gcm16-x25519")]
    [InlineData(SaProtocol.Esp, "aes256-sha512")]
    [InlineData(SaProtocol.Esp, "aes128gcm16-x25519-noesn-esn")]
    [InlineData(SaProtocol.Esp, "aes128gcm16-esn")]
    public void A_proposal_prints_as_it_was_written(SaProtocol protocol, string text)
    {
        Assert.True(ProposalText.TryParse(protocol, text, out var proposals, out _));
        Assert.Equal(text, Assert.Single(proposals).ToString());
    }

    [Fact]
    public void Every_keyword_names_an_algorithm_that_is_built_in()
    {
        foreach (var row in AlgorithmNames.Rows)
        {
            var supported = row.Type switch
            {
                TransformType.Encryption => row.Id == (ushort)EncryptionAlgorithm.Null
                    || (CipherDescription.TryFind((EncryptionAlgorithm)row.Id, out var cipher) && cipher.Allows(row.KeyBits) && cipher.IsAead == CombinedMode.Is(row.Id)),
                TransformType.Prf => PseudoRandom.IsSupported((PrfAlgorithm)row.Id),
                TransformType.Integrity => IntegrityChecks.TryDescribe((IntegrityAlgorithm)row.Id, out _),
                TransformType.KeyExchange => row.Id == 0 || KeyExchanges.IsSupported((KeyExchangeMethod)row.Id),
                _ => row.Id <= 1,
            };
            Assert.True(supported, row.Keyword);
        }
    }

    [Fact]
    public void The_defaults_are_strong_and_every_choice_from_them_works()
    {
        foreach (var proposal in ProposalText.Default(SaProtocol.Ike))
        {
            foreach (var exchange in proposal.Of(TransformType.KeyExchange)) Assert.DoesNotContain((KeyExchangeMethod)exchange.Id, (KeyExchangeMethod[])[KeyExchangeMethod.Modp1024, KeyExchangeMethod.Modp1536]);
            Assert.True(IkeSuite.TryFrom(ProposalSelector.Choose([proposal], [proposal])!, out _));
        }

        foreach (var proposal in ProposalText.Default(SaProtocol.Esp))
        {
            Assert.True(EspSuite.TryFrom(ProposalSelector.Choose([proposal], [proposal])!, out var transforms));
            Assert.NotEqual(0, EspSuite.KeyLength(transforms));
        }
    }

    [Fact]
    public void A_list_is_numbered_from_one_and_an_empty_one_means_the_defaults()
    {
        Assert.True(ProposalText.TryParseAll(SaProtocol.Esp, ["aes256gcm16", "default", "aes128-sha1"], out var proposals, out _));
        Assert.Equal([1, 2, 3, 4], proposals.Select(p => (int)p.Number));
        Assert.True(ProposalText.TryParseAll(SaProtocol.Esp, [], out proposals, out _));
        Assert.Equal(ProposalText.Default(SaProtocol.Esp), proposals);
    }

    private static void AssertReads(SaProtocol protocol, string text, string transforms)
    {
        Assert.True(ProposalText.TryParse(protocol, text, out var proposals, out var error), error?.Sentence);
        var shown = Assert.Single(proposals).Transforms.Select(t => $"{(int)t.Type}:{t.Id}{(t.KeyBits == 0 ? "" : $"/{t.KeyBits}")}");
        Assert.Equal(transforms, string.Join(' ', shown));
    }
}
