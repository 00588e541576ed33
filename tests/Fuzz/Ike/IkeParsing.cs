using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Gateway.Crypto;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Unit.Ike.Wire;
using Xunit;

namespace Gateway.Fuzz.Ike;

/// <summary>
/// Valid messages with seeded damage, and random octets, through the parser and the opening of encrypted payloads.
/// FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed class IkeParsing(ITestOutputHelper output)
{
    private static readonly int _seconds = Number("FUZZ_SECONDS") ?? 3;

    private static readonly IIkeCipher[] _ciphers =
    [
        IkeCiphers.Create(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.None, new byte[20], []),
        IkeCiphers.Create(EncryptionAlgorithm.AesCbc, 256, IntegrityAlgorithm.HmacSha2_256_128, new byte[32], new byte[32]),
        IkeCiphers.Create(EncryptionAlgorithm.ChaCha20Poly1305, 0, IntegrityAlgorithm.None, new byte[36], []),
    ];

    [Fact]
    public void Random_octets_never_throw() => Run((random, _) =>
    {
        var datagram = new byte[random.Next(0, 300)];
        random.NextBytes(datagram);
        // Most random headers fail at once; some are helped to get past their header.
        if (datagram.Length >= IkeHeader.Size && random.Next(4) != 0)
        {
            datagram[17] = 0x20;
            datagram[16] = RandomType(random);
            datagram[18] = (byte)random.Next(34, 45);
            BinaryPrimitives.WriteUInt32BigEndian(datagram.AsSpan(24), (uint)datagram.Length);
        }

        return datagram;
    });

    [Fact]
    public void Damaged_messages_never_throw() => Run((random, messages) => Damage(random, MessageCodec.Encode(messages.Initial())));

    [Fact]
    public void Damaged_protected_messages_never_throw() => Run((random, messages) =>
    {
        var cipher = _ciphers[random.Next(_ciphers.Length)];
        ulong counter = 1;
        var header = messages.Header() with { Exchange = ExchangeType.IkeAuth };
        var sealedMessages = SkFragments.Seal(header, messages.Content(header), cipher, ref counter, new FixedEntropy(), random.Next(150, 1500));
        return Damage(random, sealedMessages[random.Next(sealedMessages.Count)].Span.ToArray());
    });

    [Fact]
    public void Damaged_content_of_authenticated_messages_never_throws() => Run((random, messages) =>
    {
        // What an authenticated but faulty peer may send: the damage is under the seal.
        var cipher = _ciphers[random.Next(_ciphers.Length)];
        var header = messages.Header() with { Exchange = ExchangeType.IkeAuth };
        var content = messages.Content(header);
        var writer = new IkeWriter(256);
        MessageCodec.WritePayloads(ref writer, content);
        var plain = Damage(random, writer.ToArray());
        writer.Dispose();
        ulong counter = 1;
        var first = random.Next(20) == 0 ? (PayloadType)RandomType(random) : Payload.FirstType(content);
        return SkProtection.Seal(header, first, fragment: null, plain, cipher, ref counter, new FixedEntropy());
    });

    private void Run(Func<Random, RandomMessages, byte[]> make)
    {
        var seed = Number("FUZZ_SEED") ?? Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var messages = new RandomMessages(random);
        var watch = Stopwatch.StartNew();
        var counts = new Dictionary<WireFault, int>();
        var rounds = 0;
        byte[] datagram = [];
        try
        {
            for (; watch.Elapsed < TimeSpan.FromSeconds(_seconds); rounds++)
            {
                datagram = make(random, messages);
                foreach (var fault in Feed(datagram)) counts[fault] = counts.GetValueOrDefault(fault) + 1;
            }
        }
        catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
        {
            Assert.Fail($"seed {seed}, round {rounds}: {Convert.ToHexString(datagram)}\n{e}");
        }

        output.WriteLine($"{rounds} rounds: {string.Join(", ", counts.OrderByDescending(c => c.Value).Select(c => $"{c.Key} {c.Value}"))}");
    }

    private static IEnumerable<WireFault> Feed(byte[] datagram)
    {
        _ = NonEspMarker.Classify(datagram, out _);
        if (!MessageCodec.TryParse(datagram, out var message, out var error))
        {
            yield return error.Fault;
            yield break;
        }

        // What parses can be written and parses again to the same.
        Assert.True(!IsKeptWhole(message) || (MessageCodec.TryParse(MessageCodec.Encode(message), out var again, out _) && again == message), Convert.ToHexString(datagram));
        if (!message.IsProtected) yield break;
        foreach (var cipher in _ciphers)
        {
            var opened = SkProtection.TryOpen(datagram, message, cipher, out _, out error);
            yield return opened ? WireFault.None : error.Fault;
            _ = FragmentReassembly.Empty.Add(datagram, message, cipher, out _, out _, out error);
            yield return error.Fault;
        }
    }

    // Selectors of unknown types and unknown transform attributes are judged where they are read, and never written.
    private static bool IsKeptWhole(Message message) => !message.Payloads.Any(p =>
        p is TrafficSelectorPayload || (p is SecurityAssociationPayload sa && sa.Proposals.Any(o => o.Transforms.Any(t => t.HasUnknownAttribute))));

    private static byte[] Damage(Random random, byte[] bytes)
    {
        for (var i = random.Next(1, 5); i > 0 && bytes.Length > 0; i--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes = bytes[..at]; break;
                case 3: bytes = [.. bytes[..at], .. bytes[random.Next(bytes.Length)..]]; break;
                case 4: bytes[at] = 0xff; break;
                default: bytes[at] = 0; break;
            }
        }

        // Most of the damage should get past the length check.
        if (bytes.Length >= IkeHeader.Size && random.Next(10) != 0) BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), (uint)bytes.Length);
        return bytes;
    }

    private static byte RandomType(Random random) => (byte)(random.Next(8) == 0 ? random.Next(256) : random.Next(33, 54));

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private sealed class FixedEntropy : IEntropy
    {
        public void Fill(Span<byte> destination) => destination.Fill(0x5c);
    }
}
