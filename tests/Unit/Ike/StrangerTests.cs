using Gateway.Host.Ike;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Xunit;

namespace Gateway.Unit.Ike;

public sealed class StrangerTests
{
    private static readonly NoncePayload _nonce = new(new byte[32]);

    private static byte[] Request(ExchangeType exchange, ulong responder, IkeFlags flags, params Payload[] payloads) =>
        MessageCodec.Encode(new Message(new IkeHeader(new IkeSpi(7), responder == 0 ? IkeSpi.None : new IkeSpi(responder), exchange, flags, MessageId.Zero), payloads.ToValueList()));

    [Fact]
    public void A_first_request_without_a_cookie_is_a_strangers() =>
        Assert.True(Stranger.Knocks(Request(ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, _nonce)));

    [Fact]
    public void One_that_brings_a_cookie_is_not() =>
        Assert.False(Stranger.Knocks(Request(ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, new NotifyPayload(NotifyType.Cookie, new byte[17]), _nonce)));

    [Fact]
    public void Another_notify_first_makes_no_difference() =>
        Assert.True(Stranger.Knocks(Request(ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, new NotifyPayload(NotifyType.NatDetectionSourceIp, new byte[20]), _nonce)));

    [Fact]
    public void Neither_is_an_answer_nor_anything_of_an_ike_sa()
    {
        Assert.False(Stranger.Knocks(Request(ExchangeType.IkeSaInit, 9, IkeFlags.Response, _nonce)));
        Assert.False(Stranger.Knocks(Request(ExchangeType.Informational, 9, IkeFlags.Initiator, _nonce)));
    }

    [Fact]
    public void Whatever_comes_it_looks_no_further_than_there_is()
    {
        var whole = Request(ExchangeType.IkeSaInit, 0, IkeFlags.Initiator, new NotifyPayload(NotifyType.Cookie, new byte[17]), _nonce);
        for (var length = 0; length <= whole.Length; length++) Stranger.Knocks(whole.AsSpan(0, length));
    }
}
