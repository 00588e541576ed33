using System.Buffers.Binary;
using Gateway.Crypto.Ciphers;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Unit.Crypto;
using Xunit;

namespace Gateway.Unit.Ike.Wire;

/// <summary>Real conversations and hostile packets, read from capture files.</summary>
public sealed class CaptureTests(ITestOutputHelper output)
{
    private static readonly string[] _conversations =
    [
        "auth-multiple", "cert-ecdsa256", "cert-ed25519", "cert-rsa-pss", "childless", "cookie", "eap-mschapv2-vip",
        "frag-rsa", "ke-invalid-retry", "mobike", "nat-psk", "ppk", "pqc-mlkem768", "psk-chapoly-x25519",
    ];

    public static TheoryData<string> Conversations => [.. _conversations];

    [Theory]
    [MemberData(nameof(Conversations))]
    public void A_real_conversation_is_decoded_decrypted_and_encoded_again_the_same(string name)
    {
        var capture = Vectors.Find($"ikev2-traces/{name}.pcap");
        var keys = SaKeys.ReadAll(Path.GetDirectoryName(capture)!);
        var (messages, opened) = (0, 0);
        var gathering = new Dictionary<(IkeSpiPair, bool), FragmentReassembly>();
        foreach (var datagram in IkeDatagrams(capture))
        {
            Assert.True(MessageCodec.TryParse(datagram.Payload, out var message, out var error), $"frame {datagram.Frame}: {error}");
            Assert.Equal(Convert.ToHexString(datagram.Payload), Convert.ToHexString(MessageCodec.Encode(message)));
            messages++;
            if (!message.IsProtected) continue;
            // ChaCha20-Poly1305 is not among the ciphers that the key tables can name.
            if (!keys.Contains(message.Header.Spis)) continue;
            Assert.True(keys[message.Header.Spis].Any(sa => TryOpen(datagram, message, sa, gathering)), $"frame {datagram.Frame} does not open");
            opened++;
        }

        output.WriteLine($"{messages} messages, {opened} opened");
        Assert.NotEqual(0, messages);
    }

    [Fact]
    public void Every_captured_datagram_however_hostile_is_decoded_without_an_exception()
    {
        var folder = Path.GetDirectoryName(Vectors.Find("hostile-pcaps/ikev2four.pcap"))!;
        foreach (var file in Directory.EnumerateFiles(folder).Order())
        {
            foreach (var datagram in Pcap.Datagrams(file))
            {
                var kind = NonEspMarker.Classify(datagram.Payload, out var marked);
                var asIs = MessageCodec.TryParse(datagram.Payload, out _, out var error);
                var behindMarker = MessageCodec.TryParse(marked, out _, out var markedError);
                output.WriteLine($"{Path.GetFileName(file)} {datagram.Frame}: {kind}; {(asIs ? "a message" : error)}; {(behindMarker ? "a message" : markedError)}");
            }

            // The same octets cut at every place, also where a capture tool would not cut.
            foreach (var (_, frame) in Pcap.Frames(File.ReadAllBytes(file)))
                for (var at = 0; at < frame.Length; at++) _ = MessageCodec.TryParse(frame.AsSpan(at), out _, out _);
        }
    }

    private static IEnumerable<CapturedDatagram> IkeDatagrams(string capture)
    {
        foreach (var datagram in Pcap.Datagrams(capture))
        {
            if (datagram.Source.Port == 500 || datagram.Destination.Port == 500) yield return datagram;
            else if (NonEspMarker.Classify(datagram.Payload, out var message) == NattContent.Ike) yield return datagram with { Payload = message.ToArray() };
        }
    }

    private static bool TryOpen(CapturedDatagram captured, Message message, SaKeys sa, Dictionary<(IkeSpiPair, bool), FragmentReassembly> gathering)
    {
        using var cipher = sa.Cipher(message.Header.FromInitiator);
        var datagram = captured.Payload;
        if (message.Payloads[0] is EncryptedPayload sk)
        {
            if (!SkProtection.TryOpen(datagram, message, cipher, out var payloads, out var error))
            {
                Assert.Equal(WireFault.IntegrityFailed, error.Fault);
                return false;
            }

            Assert.True(SkProtection.TryDecrypt(datagram, SkProtection.SkHeaderLength, cipher, out var plain, out _));
            AssertSame(payloads, plain);
            Assert.Equal(Payload.FirstType(payloads), sk.FirstInner);
            foreach (var payload in payloads.AsSpan()) Assert.False(payload is UnknownPayload, $"frame {captured.Frame} holds {payload}");
            AssertSealedTheSame(datagram, message.Header, payloads, plain.Length, cipher);
            return true;
        }

        var key = (message.Header.Spis, message.Header.IsResponse);
        var outcome = gathering.GetValueOrDefault(key, FragmentReassembly.Empty).Add(datagram, message, cipher, out var next, out _, out _);
        gathering[key] = next;
        return outcome is FragmentOutcome.Kept or FragmentOutcome.Complete or FragmentOutcome.Duplicate;
    }

    private static void AssertSame(ValueList<Payload> payloads, byte[] plain)
    {
        var writer = new IkeWriter(256);
        MessageCodec.WritePayloads(ref writer, payloads);
        Assert.Equal(Convert.ToHexString(plain), Convert.ToHexString(writer.Written));
        writer.Dispose();
    }

    // With the capture's IV, an AEAD gives the same octets again where the sender padded as little as we do.
    private static void AssertSealedTheSame(byte[] datagram, IkeHeader header, ValueList<Payload> payloads, int plainLength, IIkeCipher cipher)
    {
        var iv = BinaryPrimitives.ReadUInt64BigEndian(datagram.AsSpan(SkProtection.SkHeaderLength));
        var least = SkProtection.SkHeaderLength + cipher.IvLength + plainLength + 1 + cipher.IcvLength;
        if (cipher.Iv != IvRule.Unique || iv == ulong.MaxValue || datagram.Length != least) return;
        Assert.Equal(Convert.ToHexString(datagram), Convert.ToHexString(SkProtection.Seal(header, payloads, cipher, ref iv, new SeededEntropy(1))));
    }
}
