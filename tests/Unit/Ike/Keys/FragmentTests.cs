using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Unit.Crypto;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Keys;

[Rfc("7383", "2.6")]
public sealed class FragmentTests : IDisposable
{
    private static readonly IkeHeader _auth = new(new IkeSpi(1), new IkeSpi(2), ExchangeType.IkeAuth, IkeFlags.Initiator, new MessageId(1));

    private static readonly ValueList<Payload> _content =
    [
        new IdInitiatorPayload(IdType.Fqdn, new Octets("left.lab"u8)),
        new CertificatePayload(CertificateEncoding.X509Signature, new Octets(Enumerable.Range(0, 3000).Select(i => (byte)i).ToArray())),
        new AuthenticationPayload(AuthMethod.DigitalSignature, new Octets(new byte[384])),
    ];

    private readonly IIkeCipher _cipher = IkeCiphers.Create(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.None, new byte[20], []);
    private ulong _counter;

    [Theory]
    [InlineData(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.None)]
    [InlineData(EncryptionAlgorithm.AesCbc, 256, IntegrityAlgorithm.HmacSha2_512_256)]
    public void A_large_message_travels_in_fragments_of_at_most_the_length_asked_for(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity)
    {
        var keyLength = CipherDescription.Find(encryption).KeyMaterialLength(bits);
        using var cipher = IkeCiphers.Create(encryption, bits, integrity, new byte[keyLength], integrity == IntegrityAlgorithm.None ? [] : new byte[64]);
        for (var maxLength = 130; maxLength < 4000; maxLength += 37)
        {
            var datagrams = SkFragments.Seal(_auth, _content, cipher, ref _counter, new SeededEntropy(maxLength), maxLength);
            var payloads = ValueList.Create<Payload>([]);
            if (datagrams.Count == 1)
            {
                Assert.True(MessageCodec.TryParse(datagrams[0].Span, out var whole, out _));
                Assert.True(SkProtection.TryOpen(datagrams[0].Span, whole, cipher, out payloads, out _));
            }
            else
            {
                var gathered = FragmentReassembly.Empty;
                foreach (var datagram in datagrams.AsSpan()) Assert.NotEqual(FragmentOutcome.Rejected, Add(ref gathered, datagram, cipher, out payloads));
            }

            Assert.True(datagrams.All(d => d.Length <= maxLength), $"at most {maxLength}");
            Assert.Equal(_content, payloads);
        }
    }

    [Fact]
    public void Fragments_may_arrive_in_any_order_and_twice()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var i = 0; i < 50; i++)
        {
            var datagrams = Seal(500);
            var arriving = datagrams.Concat(datagrams).ToArray();
            random.Shuffle(arriving);
            var gathered = FragmentReassembly.Empty;
            var whole = 0;
            foreach (var datagram in arriving)
            {
                var outcome = Add(ref gathered, datagram, _cipher, out var payloads);
                Assert.NotEqual(FragmentOutcome.Rejected, outcome);
                if (outcome != FragmentOutcome.Complete) continue;
                Assert.True(_content == payloads, $"seed {seed}");
                whole++;
            }

            Assert.InRange(whole, 1, 2);
        }
    }

    [Fact]
    public void A_fragment_that_does_not_verify_changes_nothing()
    {
        var datagrams = Seal(500);
        var gathered = FragmentReassembly.Empty;
        var forged = datagrams[0].Span.ToArray();
        forged[^1] ^= 1;
        Assert.Equal(FragmentOutcome.Rejected, Add(ref gathered, new Octets(forged), _cipher, out _));
        Assert.Same(FragmentReassembly.Empty, gathered);
        Assert.Equal(FragmentOutcome.Kept, Add(ref gathered, datagrams[0], _cipher, out _));
        Assert.Equal(FragmentOutcome.Duplicate, Add(ref gathered, datagrams[0], _cipher, out _));
        Assert.Equal((1, datagrams.Count), (gathered.Received, gathered.Total));
    }

    [Fact]
    public void Smaller_fragments_begin_anew_and_larger_ones_are_late()
    {
        var (large, small) = (Seal(1200), Seal(500));
        var gathered = FragmentReassembly.Empty;
        Add(ref gathered, large[0], _cipher, out _);
        Assert.Equal(FragmentOutcome.Kept, Add(ref gathered, small[1], _cipher, out _));
        Assert.Equal((1, small.Count), (gathered.Received, gathered.Total));
        Assert.Equal(FragmentOutcome.Rejected, Add(ref gathered, large[1], _cipher, out _));
        Assert.Equal(small.Count, gathered.Total);
    }

    [Fact]
    public void More_fragments_than_any_message_needs_are_refused()
    {
        var datagram = SkProtection.Seal(_auth, PayloadType.Notify, (1, SkFragments.MaxFragments + 1), new byte[20], _cipher, ref _counter, new SeededEntropy(1));
        var gathered = FragmentReassembly.Empty;
        Assert.Equal(FragmentOutcome.Rejected, Add(ref gathered, new Octets(datagram), _cipher, out _));
    }

    [Fact]
    public void Content_larger_than_a_message_is_refused()
    {
        var gathered = FragmentReassembly.Empty;
        var outcome = FragmentOutcome.Kept;
        for (ushort number = 1; number <= 20 && outcome == FragmentOutcome.Kept; number++)
        {
            var datagram = SkProtection.Seal(_auth, PayloadType.Notify, (number, 20), new byte[4000], _cipher, ref _counter, new SeededEntropy(1));
            outcome = Add(ref gathered, new Octets(datagram), _cipher, out _);
        }

        Assert.Equal(FragmentOutcome.Rejected, outcome);
        Assert.Equal(16, gathered.Received);
    }

    public void Dispose() => _cipher.Dispose();

    private ValueList<Octets> Seal(int maxLength) => SkFragments.Seal(_auth, _content, _cipher, ref _counter, new SeededEntropy(1), maxLength);

    private static FragmentOutcome Add(ref FragmentReassembly gathered, Octets datagram, IIkeCipher cipher, out ValueList<Payload> payloads)
    {
        Assert.True(MessageCodec.TryParse(datagram.Span, out var outer, out var error), error.Sentence);
        var outcome = gathered.Add(datagram.Span, outer, cipher, out var next, out payloads, out _);
        gathered = next;
        return outcome;
    }
}
