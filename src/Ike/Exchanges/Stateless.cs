using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Exchanges;

/// <summary>Answers outside an IKE SA: one unprotected notify, and nothing is remembered (RFC 7296 §1.5, §2.6, §2.21.1).</summary>
internal static class Stateless
{
    public static void Answer(OutputList outputs, IkeInput.Datagram datagram, IkeHeader request, NotifyType notify, Octets data = default)
    {
        // RFC 7296 §2.6: an answer that makes no SA has a zero responder SPI. Only a request is answered, else two peers could go on for ever.
        if (request.IsResponse) return;
        var flags = IkeFlags.Response | (request.FromInitiator ? IkeFlags.None : IkeFlags.Initiator);
        var header = new IkeHeader(request.InitiatorSpi, request.Exchange == ExchangeType.IkeSaInit ? IkeSpi.None : request.ResponderSpi, request.Exchange, flags, request.MessageId);
        var message = MessageCodec.Encode(new Message(header, [new NotifyPayload(notify, data)]));
        outputs.Add(new IkeOutput.Send(datagram.Local, datagram.Remote, datagram.Natt ? NonEspMarker.Prepend(message) : message));
    }
}
