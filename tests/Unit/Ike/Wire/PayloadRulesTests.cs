using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Wire;

[Rfc("7296", "1.2")]
public sealed class PayloadRulesTests
{
    private static readonly Payload _sa = new SecurityAssociationPayload(ProposalText.Default(SaProtocol.Ike));
    private static readonly Payload _ke = new KeyExchangePayload(31, new Octets(new byte[32]));
    private static readonly Payload _nonce = new NoncePayload(new Octets(new byte[32]));
    private static readonly Payload _idi = new IdInitiatorPayload(IdType.Fqdn, new Octets("a"u8));
    private static readonly Payload _idr = new IdResponderPayload(IdType.Fqdn, new Octets("b"u8));
    private static readonly Payload _auth = new AuthenticationPayload(AuthMethod.SharedKey, new Octets(new byte[32]));
    private static readonly Payload _eap = new EapPayload(EapCode.Success, 1, Octets.Empty);
    private static readonly Payload _notify = new NotifyPayload(NotifyType.NoProposalChosen);
    private static readonly Payload _delete = DeletePayload.IkeSa;
    private static readonly Payload _tsi = new TrafficSelectorInitiatorPayload([Any]);
    private static readonly Payload _tsr = new TrafficSelectorResponderPayload([Any]);
    private static readonly Payload _sk = new EncryptedPayload(PayloadType.None, new Octets(new byte[40]));

    private static TrafficSelector Any => TrafficSelector.TryParse("0.0.0.0/0", out var ts) ? ts : throw new InvalidOperationException();

    public static TheoryData<ExchangeType, bool, Payload[], WireFault> Rows => new()
    {
        { ExchangeType.IkeSaInit, false, [_sa, _ke, _nonce], WireFault.None },
        { ExchangeType.IkeSaInit, false, [_sa, _ke], WireFault.PayloadMissing },
        { ExchangeType.IkeSaInit, false, [_notify], WireFault.PayloadMissing },
        { ExchangeType.IkeSaInit, false, [_sa, _ke, _nonce, _nonce], WireFault.PayloadRepeated },
        { ExchangeType.IkeSaInit, false, [_sa, _ke, _nonce, _auth], WireFault.PayloadNotAllowed },
        { ExchangeType.IkeSaInit, true, [_notify], WireFault.None },
        { ExchangeType.IkeSaInit, true, [], WireFault.PayloadMissing },
        { ExchangeType.IkeAuth, false, [_idi, _auth, _sa, _tsi, _tsr], WireFault.None },
        { ExchangeType.IkeAuth, false, [_idi, _idr, _auth], WireFault.None },
        { ExchangeType.IkeAuth, false, [_eap], WireFault.None },
        { ExchangeType.IkeAuth, false, [_sa, _tsi, _tsr], WireFault.None },
        { ExchangeType.IkeAuth, true, [_idr, _auth], WireFault.None },
        { ExchangeType.IkeAuth, true, [_notify], WireFault.None },
        { ExchangeType.IkeAuth, true, [_idi, _auth], WireFault.PayloadNotAllowed },
        { ExchangeType.CreateChildSa, false, [_sa, _nonce, _tsi, _tsr], WireFault.None },
        { ExchangeType.CreateChildSa, false, [_sa, _nonce, _ke], WireFault.None },
        { ExchangeType.CreateChildSa, false, [_sa, _nonce], WireFault.PayloadMissing },
        { ExchangeType.CreateChildSa, true, [_notify], WireFault.None },
        { ExchangeType.Informational, false, [], WireFault.None },
        { ExchangeType.Informational, false, [_delete, _delete], WireFault.None },
        { ExchangeType.Informational, false, [_sa], WireFault.PayloadNotAllowed },
        { ExchangeType.Informational, false, [_sk], WireFault.PayloadNotAllowed },
        { (ExchangeType)99, false, [], WireFault.UnknownExchange },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void An_exchange_carries_what_its_table_row_says(ExchangeType exchange, bool response, Payload[] payloads, WireFault fault)
    {
        Assert.Equal(fault == WireFault.None, PayloadRules.TryCheck(Header(exchange, response), [.. payloads], out var error));
        Assert.Equal(fault, error.Fault);
    }

    [Fact]
    public void Nothing_but_the_first_exchange_and_stray_notifies_goes_unprotected()
    {
        Assert.Equal(WireFault.None, Outer(ExchangeType.IkeSaInit, _sa, _ke, _nonce));
        Assert.Equal(WireFault.PayloadNotAllowed, Outer(ExchangeType.IkeSaInit, _sk));
        Assert.Equal(WireFault.None, Outer(ExchangeType.IkeAuth, _sk));
        Assert.Equal(WireFault.NotProtected, Outer(ExchangeType.IkeAuth, _idi, _auth));
        Assert.Equal(WireFault.PayloadNotAllowed, Outer(ExchangeType.IkeAuth, _idi, _sk));
        Assert.Equal(WireFault.None, Outer(ExchangeType.Informational, _notify));
        Assert.Equal(WireFault.NotProtected, Outer(ExchangeType.Informational, _delete));
    }

    private static WireFault Outer(ExchangeType exchange, params Payload[] payloads)
    {
        _ = PayloadRules.TryCheckOuter(new Message(Header(exchange, response: false), [.. payloads]), out var error);
        return error.Fault;
    }

    private static IkeHeader Header(ExchangeType exchange, bool response) =>
        new(new IkeSpi(1), new IkeSpi(2), exchange, response ? IkeFlags.Response : IkeFlags.Initiator, new MessageId(1));
}
