using System.Net;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Unit.Ike.Wire;

/// <summary>Makes valid messages of every exchange from a seeded generator.</summary>
internal sealed class RandomMessages(Random random)
{
    private static readonly ExchangeType[] _exchanges =
        [ExchangeType.IkeSaInit, ExchangeType.IkeAuth, ExchangeType.CreateChildSa, ExchangeType.Informational, ExchangeType.IkeIntermediate];

    /// <summary>A header of any exchange.</summary>
    public IkeHeader Header() => new(
        new IkeSpi((ulong)random.NextInt64(1, long.MaxValue)),
        new IkeSpi((ulong)random.NextInt64()),
        _exchanges[random.Next(_exchanges.Length)],
        (random.Next(2) == 0 ? IkeFlags.Initiator : IkeFlags.None) | (random.Next(2) == 0 ? IkeFlags.Response : IkeFlags.None),
        new MessageId((uint)random.NextInt64(uint.MaxValue)));

    /// <summary>An IKE_SA_INIT request or response in the clear.</summary>
    public Message Initial()
    {
        var header = Header() with { Exchange = ExchangeType.IkeSaInit };
        return new Message(header, Content(header));
    }

    /// <summary>Payloads that the header's exchange may carry.</summary>
    public ValueList<Payload> Content(IkeHeader header)
    {
        var payloads = new List<Payload>();
        switch (header.Exchange)
        {
            case ExchangeType.IkeSaInit:
                payloads.AddRange([SecurityAssociation(SaProtocol.Ike), KeyExchange(), Nonce()]);
                break;
            case ExchangeType.IkeAuth:
                payloads.AddRange(header.IsResponse ? [new IdResponderPayload(IdType.Fqdn, Bytes(1, 30))] : [new IdInitiatorPayload(IdType.KeyId, Bytes(1, 30)), new IdResponderPayload(IdType.Ipv4Address, Bytes(4, 4))]);
                for (var i = random.Next(3); i > 0; i--) payloads.Add(new CertificatePayload(CertificateEncoding.X509Signature, Bytes(1, 900)));
                if (!header.IsResponse && random.Next(2) == 0) payloads.Add(new CertificateRequestPayload(CertificateEncoding.X509Signature, Bytes(40, 40)));
                payloads.Add(random.Next(4) == 0 ? Eap() : new AuthenticationPayload(AuthMethod.SharedKey, Bytes(20, 64)));
                if (payloads[^1] is EapPayload && header.IsResponse) payloads.Add(new AuthenticationPayload(AuthMethod.DigitalSignature, Bytes(64, 300)));
                if (random.Next(2) == 0) payloads.Add(Configuration());
                payloads.AddRange([SecurityAssociation(SaProtocol.Esp), new TrafficSelectorInitiatorPayload(Selectors()), new TrafficSelectorResponderPayload(Selectors())]);
                break;
            case ExchangeType.CreateChildSa:
                payloads.AddRange([SecurityAssociation(SaProtocol.Esp), Nonce(), KeyExchange(), new TrafficSelectorInitiatorPayload(Selectors()), new TrafficSelectorResponderPayload(Selectors())]);
                break;
            case ExchangeType.Informational:
                if (random.Next(2) == 0) payloads.Add(random.Next(3) == 0 ? DeletePayload.IkeSa : new DeletePayload(SaProtocol.Esp, List(0, 5, () => new Spi((uint)random.NextInt64(uint.MaxValue)))));
                break;
            default:
                payloads.Add(KeyExchange());
                break;
        }

        for (var i = random.Next(4); i > 0; i--) payloads.Insert(random.Next(payloads.Count + 1), Notify());
        if (random.Next(3) == 0) payloads.Add(new VendorIdPayload(Bytes(0, 20)));
        if (random.Next(5) == 0) payloads.Insert(random.Next(payloads.Count + 1), new UnknownPayload((PayloadType)random.Next(128, 256), Bytes(0, 40)));
        return payloads.ToValueList();
    }

    private SecurityAssociationPayload SecurityAssociation(SaProtocol protocol)
    {
        var number = 0;
        return new SecurityAssociationPayload(List(1, 4, () => new Proposal(
            (byte)++number, protocol, Bytes(protocol == SaProtocol.Esp ? 4 : 0, protocol == SaProtocol.Esp ? 4 : 0),
            List(0, 8, () => new Transform((TransformType)random.Next(1, 14), (ushort)random.Next(65536), random.Next(2) == 0 ? (ushort)0 : (ushort)random.Next(1, 65536))))));
    }

    private KeyExchangePayload KeyExchange() => new((ushort)random.Next(65536), Bytes(1, 400));

    private NoncePayload Nonce() => new(Bytes(16, 256));

    private NotifyPayload Notify() => random.Next(2) == 0
        ? new NotifyPayload((NotifyType)random.Next(1, 65536), Bytes(0, 40))
        : new NotifyPayload(NotifyType.RekeySa, Octets.Empty, SaProtocol.Esp, Bytes(4, 4));

    private EapPayload Eap() => random.Next(3) == 0
        ? new EapPayload(EapCode.Success, (byte)random.Next(256), Octets.Empty)
        : new EapPayload(EapCode.Request, (byte)random.Next(256), Bytes(1, 50));

    private ConfigurationPayload Configuration() => new(
        (ConfigurationKind)random.Next(1, 5), List(0, 6, () => new ConfigurationAttribute((ConfigurationAttributeType)random.Next(1, 0x8000), Bytes(0, 16))));

    private ValueList<TrafficSelector> Selectors() => List(1, 5, () =>
    {
        var size = random.Next(2) == 0 ? 4 : 16;
        byte[] low = Bytes(size, size).Span.ToArray(), high = Bytes(size, size).Span.ToArray();
        if (low.AsSpan().SequenceCompareTo(high) > 0) (low, high) = (high, low);
        var (start, end) = ((ushort)random.Next(65536), (ushort)random.Next(65536));
        if (start > end) (start, end) = (end, start);
        if (random.Next(5) == 0) (start, end) = (65535, 0);
        return new TrafficSelector(new IPAddress(low), new IPAddress(high), (byte)random.Next(256), start, end);
    });

    private Octets Bytes(int min, int max)
    {
        var bytes = new byte[random.Next(min, max + 1)];
        random.NextBytes(bytes);
        return new Octets(bytes);
    }

    private ValueList<T> List<T>(int min, int max, Func<T> make) => Enumerable.Range(0, random.Next(min, max + 1)).Select(_ => make()).ToValueList();
}
