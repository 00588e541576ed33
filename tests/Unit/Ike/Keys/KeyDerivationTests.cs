using System.Net;
using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.KeyExchange;
using Gateway.Crypto.Prf;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;
using Gateway.Unit.Crypto;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Keys;

public sealed class KeyDerivationTests
{
    // Its key lengths add up to the vectors' 132 octets: 3 x 20 + 2 x 20 + 2 x 16.
    private static readonly IkeSuite _sha1 = new(EncryptionAlgorithm.AesCbc, 128, PrfAlgorithm.HmacSha1, IntegrityAlgorithm.HmacSha1_96, KeyExchangeMethod.Modp2048);

    [Fact]
    [Rfc("7296", "2.14")]
    [Rfc("7296", "2.17")]
    [Rfc("7296", "2.18")]
    public void Keys_of_an_sa_its_children_and_its_successor_match_the_published_vectors()
    {
        var cases = 0;
        foreach (var v in ReadResponseFile(Vectors.Find("ikev2-kdf/libreswan-cavs-ikev2-sha1.rsp")).Where(v => v.Dkm.Length == 132))
        {
            using var shared = Secret.FromBytes(v.Shared);
            using var newShared = Secret.FromBytes(v.NewShared);
            using var keys = IkeKeys.Derive(_sha1, v.Ni, v.Nr, shared, v.Spis);
            using var material = keys.ToMaterial();
            AssertHex(v.Dkm, material.Span);

            using var child = PseudoRandom.Plus(PrfAlgorithm.HmacSha1, keys.D.Span, [.. v.Ni, .. v.Nr], v.ChildDkm.Length);
            AssertHex(v.ChildDkm, child.Span);
            var transforms = new EspTransforms(12, 256, 2);
            using var childKeys = ChildKeys.Derive(PrfAlgorithm.HmacSha1, keys.D, transforms, v.Ni, v.Nr, shared: null);
            AssertHex(v.ChildDkm.AsSpan(0, 52), childKeys.FromInitiator.Span);
            AssertHex(v.ChildDkm.AsSpan(52, 52), childKeys.FromResponder.Span);
            using var withExchange = ChildKeys.Derive(PrfAlgorithm.HmacSha1, keys.D, transforms, v.Ni, v.Nr, newShared);
            AssertHex(v.ChildDkmDh.AsSpan(0, 52), withExchange.FromInitiator.Span);

            using var skeyseed = PseudoRandom.SkeyseedOfRekey(PrfAlgorithm.HmacSha1, keys.D.Span, newShared.Span, v.Ni, v.Nr);
            AssertHex(v.SkeyseedRekey, skeyseed.Span);
            using var successor = keys.Rekey(_sha1, v.Ni, v.Nr, newShared, v.Spis);
            using var expected = IkeKeys.Derive(_sha1, skeyseed, v.Ni, v.Nr, v.Spis);
            using var a = successor.ToMaterial();
            using var b = expected.ToMaterial();
            Assert.True(a.FixedTimeEquals(b));
            cases++;
        }

        Assert.NotEqual(0, cases);
    }

    [Fact]
    public void Key_material_goes_to_the_vault_and_comes_back()
    {
        using var shared = Secret.FromBytes(new byte[32]);
        var suite = new IkeSuite(EncryptionAlgorithm.AesGcm16, 256, PrfAlgorithm.HmacSha2_512, IntegrityAlgorithm.None, KeyExchangeMethod.X25519);
        using var keys = IkeKeys.Derive(suite, new byte[32], new byte[32], shared, new IkeSpiPair(new IkeSpi(1), new IkeSpi(2)));
        Assert.Equal((64, 0, 36, 64), (keys.D.Length, keys.Ai.Length, keys.Ei.Length, keys.Pr.Length));
        using var material = keys.ToMaterial();
        using var restored = IkeKeys.FromMaterial(suite, material.Span);
        Assert.True(restored.Er.FixedTimeEquals(keys.Er));
        Assert.True(restored.Pr.FixedTimeEquals(keys.Pr));
    }

    [Fact]
    [Rfc("8784", "3")]
    public void A_ppk_changes_SK_d_and_SK_p_and_nothing_else()
    {
        using var shared = Secret.FromBytes(new byte[32]);
        using var keys = IkeKeys.Derive(_sha1, new byte[32], new byte[32], shared, new IkeSpiPair(new IkeSpi(1), new IkeSpi(2)));
        using var before = IkeKeys.Derive(_sha1, new byte[32], new byte[32], shared, new IkeSpiPair(new IkeSpi(1), new IkeSpi(2)));
        keys.MixPpk("ppk"u8);
        using var expected = PseudoRandom.Plus(PrfAlgorithm.HmacSha1, "ppk"u8, before.D.Span, 20);
        Assert.True(keys.D.FixedTimeEquals(expected));
        Assert.False(keys.Pi.FixedTimeEquals(before.Pi));
        Assert.False(keys.Pr.FixedTimeEquals(before.Pr));
        Assert.True(keys.Ei.FixedTimeEquals(before.Ei));
        Assert.True(keys.Ar.FixedTimeEquals(before.Ar));
    }

    [Fact]
    [Rfc("7296", "2.15")]
    public void A_shared_key_signs_the_first_message_the_other_nonce_and_the_identity()
    {
        using var skP = Secret.FromBytes(new byte[32]);
        var id = new IdInitiatorPayload(IdType.Fqdn, new Octets("left.lab"u8));
        var octets = AuthOctets.Signed(PrfAlgorithm.HmacSha2_256, skP, [1, 2, 3], [4, 5], id);
        var mac = HMACSHA256.HashData(new byte[32], (byte[])[2, 0, 0, 0, .. "left.lab"u8]);
        AssertHex([1, 2, 3, 4, 5, .. mac], octets);

        var key = HMACSHA256.HashData("secret"u8, Encoding.ASCII.GetBytes("Key Pad for IKEv2"));
        AssertHex(HMACSHA256.HashData(key, octets), AuthOctets.SharedKey(PrfAlgorithm.HmacSha2_256, "secret"u8, octets));
    }

    [Fact]
    [Rfc("7296", "2.23")]
    public void Nat_detection_hashes_match_what_a_real_peer_sent_where_there_was_no_nat_before_it()
    {
        foreach (var datagram in Pcap.Datagrams(Vectors.Find("ikev2-traces/nat-psk.pcap")).Where(d => d.Destination.Port == 500 && d.Source.Port == 500))
        {
            if (!MessageCodec.TryParse(datagram.Payload, out var message, out _) || message.Header.Exchange != ExchangeType.IkeSaInit) continue;
            var hashes = message.Payloads.All<NotifyPayload>().Where(n => n.Notify == NotifyType.NatDetectionDestinationIp).Select(n => n.Data);
            if (message.Header.IsRequest) Assert.Contains(NatDetection.Hash(message.Header.Spis, datagram.Destination), hashes);
        }
    }

    [Fact]
    [Rfc("7296", "2.6")]
    public void A_cookie_is_good_for_its_initiator_only()
    {
        using var secret = Secret.FromBytes(new byte[32]);
        using var other = Secret.FromBytes([1, .. new byte[31]]);
        var (nonce, address, spi) = (new byte[32], IPAddress.Parse("192.0.2.1"), new IkeSpi(7));
        var cookie = IkeCookie.Compute(3, secret, nonce, address, spi);
        Assert.Equal(IkeCookie.Length, cookie.Length);
        Assert.Equal((byte)3, IkeCookie.VersionOf(cookie));
        Assert.True(IkeCookie.Verify(cookie, secret, nonce, address, spi));
        Assert.False(IkeCookie.Verify(cookie, other, nonce, address, spi));
        Assert.False(IkeCookie.Verify(cookie, secret, new byte[31], address, spi));
        Assert.False(IkeCookie.Verify(cookie, secret, nonce, IPAddress.Parse("192.0.2.2"), spi));
        Assert.False(IkeCookie.Verify(cookie, secret, nonce, address, new IkeSpi(8)));
        Assert.False(IkeCookie.Verify(new Octets(cookie.Span[1..]), secret, nonce, address, spi));
    }

    private sealed record Derivation(
        byte[] Ni, byte[] Nr, byte[] Shared, byte[] NewShared, IkeSpiPair Spis, byte[] Dkm, byte[] ChildDkm, byte[] ChildDkmDh, byte[] SkeyseedRekey);

    // The format of NIST's response files: NAME = HEX lines, one case after each COUNT.
    private static IEnumerable<Derivation> ReadResponseFile(string path)
    {
        var fields = new Dictionary<string, string>();
        foreach (var line in File.ReadLines(path).Append("COUNT = end"))
        {
            var parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || line.StartsWith('[')) continue;
            if (parts[0] == "COUNT" && fields.Count > 1)
            {
                byte[] Hex(string name) => Convert.FromHexString(fields[name]);
                yield return new Derivation(
                    Hex("Ni"), Hex("Nr"), Hex("g^ir"), Hex("g^ir (new)"),
                    new IkeSpiPair(new IkeSpi(Convert.ToUInt64(fields["SPIi"], 16)), new IkeSpi(Convert.ToUInt64(fields["SPIr"], 16))),
                    Hex("DKM"), Hex("DKM(Child SA)"), Hex("DKM(Child SA D-H)"), Hex("SKEYSEED(Rekey)"));
                fields.Clear();
            }

            fields[parts[0]] = parts[1];
        }
    }

    private static void AssertHex(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual) => Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(actual));
}
