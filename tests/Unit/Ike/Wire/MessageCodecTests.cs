using System.Buffers.Binary;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Wire;

public sealed class MessageCodecTests
{
    private static readonly IkeHeader _init = new(new IkeSpi(1), IkeSpi.None, ExchangeType.IkeSaInit, IkeFlags.Initiator, MessageId.Zero);

    private static readonly Payload[] _initPayloads =
    [
        new SecurityAssociationPayload(ProposalText.Default(SaProtocol.Ike)),
        new KeyExchangePayload(31, new Octets(new byte[32])),
        new NoncePayload(new Octets(new byte[32])),
    ];

    [Fact]
    public void What_is_written_is_read_back_the_same()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var messages = new RandomMessages(random);
        for (var i = 0; i < 2000; i++)
        {
            var message = messages.Initial();
            var encoded = MessageCodec.Encode(message);
            Assert.True(MessageCodec.TryParse(encoded, out var parsed, out var error), $"seed {seed}, message {i}: {error}");
            Assert.True(message == parsed, $"seed {seed}, message {i}: {message} became {parsed}");

            var header = messages.Header();
            var content = messages.Content(header);
            var writer = new IkeWriter(64);
            MessageCodec.WritePayloads(ref writer, content);
            Assert.True(MessageCodec.TryParsePayloads(Payload.FirstType(content), writer.Written, out var payloads, out error), $"seed {seed}, content {i}: {error}");
            Assert.True(content == payloads, $"seed {seed}, content {i}: {content} became {payloads}");
            Assert.True(PayloadRules.TryCheck(header, payloads, out error), $"seed {seed}, content {i}: {error}");
            writer.Dispose();
        }
    }

    [Fact]
    public void Every_truncation_of_a_message_is_an_error()
    {
        var encoded = MessageCodec.Encode(new Message(_init, [.. _initPayloads]));
        for (var length = 0; length < encoded.Length; length++)
        {
            var cut = encoded[..length];
            Assert.False(MessageCodec.TryParse(cut, out _, out var error));
            if (length < IkeHeader.Size)
            {
                Assert.Equal(WireFault.TooShort, error.Fault);
                continue;
            }

            Assert.Equal(WireFault.WrongMessageLength, error.Fault);
            BinaryPrimitives.WriteUInt32BigEndian(cut.AsSpan(24), (uint)length);
            Assert.False(MessageCodec.TryParse(cut, out _, out error));
            // A cut between two payloads leaves a chain that names one more.
            Assert.Equal(WireFault.TruncatedPayload, error.Fault);
        }
    }

    [Fact]
    [Rfc("7296", "2.5")]
    public void A_higher_major_version_is_refused_with_its_notify()
    {
        var encoded = MessageCodec.Encode(new Message(_init, [.. _initPayloads]));
        encoded[17] = 0x30;
        Assert.False(IkeHeader.TryParse(encoded, out var header, out var error));
        Assert.Equal(new WireError(WireFault.InvalidMajorVersion, 3), error);
        Assert.Equal(NotifyType.InvalidMajorVersion, error.Notify);
        Assert.Equal(_init, header);
    }

    [Fact]
    [Rfc("7296", "2.5")]
    public void A_higher_minor_version_and_reserved_bits_are_ignored()
    {
        var encoded = MessageCodec.Encode(new Message(_init, [.. _initPayloads]));
        encoded[17] = 0x2f;
        encoded[19] |= 0xc7;
        encoded[29] |= 0x7f;
        Assert.True(MessageCodec.TryParse(encoded, out var message, out _));
        Assert.Equal(new Message(_init, [.. _initPayloads]), message);
    }

    [Fact]
    [Rfc("7296", "2.5")]
    public void An_unknown_payload_is_passed_over_unless_it_is_critical()
    {
        var unknown = new UnknownPayload((PayloadType)200, new Octets([1, 2, 3]));
        Assert.True(MessageCodec.TryParse(MessageCodec.Encode(new Message(_init, [unknown, .. _initPayloads])), out _, out _));

        var critical = MessageCodec.Encode(new Message(_init, [unknown with { Critical = true }, .. _initPayloads]));
        Assert.False(MessageCodec.TryParse(critical, out _, out var error));
        Assert.Equal(new WireError(WireFault.UnsupportedCriticalPayload, 200), error);
        Assert.Equal(NotifyType.UnsupportedCriticalPayload, error.Notify);
        Assert.Equal(new Octets([200]), error.NotifyData);
    }

    [Fact]
    [Rfc("7296", "3.2")]
    public void The_critical_bit_of_a_known_payload_is_ignored()
    {
        Payload[] payloads = [.. _initPayloads.Select(p => p with { Critical = true })];
        Assert.True(MessageCodec.TryParse(MessageCodec.Encode(new Message(_init, [.. payloads])), out _, out _));
    }

    [Fact]
    [Rfc("7296", "2.5")]
    public void Payloads_may_come_in_any_order() =>
        Assert.True(MessageCodec.TryParse(MessageCodec.Encode(new Message(_init, [.. _initPayloads.Reverse()])), out _, out _));

    [Fact]
    [Rfc("7296", "3.1")]
    public void An_initiator_spi_of_zero_is_refused()
    {
        var encoded = MessageCodec.Encode(new Message(_init with { InitiatorSpi = IkeSpi.None }, [.. _initPayloads]));
        Assert.False(MessageCodec.TryParse(encoded, out _, out var error));
        Assert.Equal(WireFault.ZeroInitiatorSpi, error.Fault);
    }

    [Theory]
    [InlineData(3, false)]
    [InlineData(4, false)]
    [InlineData(16, true)]
    public void A_payload_length_that_does_not_cover_its_header_is_refused(ushort length, bool fits)
    {
        var message = new Message(_init with { Exchange = ExchangeType.Informational }, [new VendorIdPayload(new Octets(new byte[12]))]);
        var encoded = MessageCodec.Encode(message);
        BinaryPrimitives.WriteUInt16BigEndian(encoded.AsSpan(30), length);
        Assert.Equal(fits, MessageCodec.TryParse(encoded, out _, out _));
    }

    [Fact]
    public void A_message_of_very_many_payloads_is_refused()
    {
        var payloads = Enumerable.Repeat<Payload>(new VendorIdPayload(Octets.Empty), MessageCodec.MaxPayloads + 1);
        Assert.False(MessageCodec.TryParse(MessageCodec.Encode(new Message(_init, [.. payloads])), out _, out var error));
        Assert.Equal(WireFault.TooManyPayloads, error.Fault);
    }

    [Fact]
    [Rfc("3948", "2.2")]
    public void The_non_esp_marker_tells_ike_from_esp_and_keepalives()
    {
        Assert.Equal(NattContent.Keepalive, NonEspMarker.Classify([0xff], out _));
        Assert.Equal(NattContent.Junk, NonEspMarker.Classify([0], out _));
        Assert.Equal(NattContent.Junk, NonEspMarker.Classify([], out _));
        Assert.Equal(NattContent.Esp, NonEspMarker.Classify([0, 0, 0, 1, 0, 0, 0, 1], out _));
        Assert.Equal(NattContent.Ike, NonEspMarker.Classify(NonEspMarker.Prepend([1, 2, 3]), out var message));
        Assert.Equal([1, 2, 3], message.ToArray());
    }

    [Fact]
    public void Every_fault_has_a_sentence()
    {
        foreach (var fault in Enum.GetValues<WireFault>()) Assert.False(string.IsNullOrEmpty(new WireError(fault).Sentence), fault.ToString());
    }
}
