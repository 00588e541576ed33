using System.Net.Sockets;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Exchanges;

/// <summary>Our requests and responses on a protected channel: message ids, protection, retransmission (RFC 7296 §2.1, §2.2).</summary>
internal static class Requests
{
    /// <summary>Sends a request; the window must be free.</summary>
    public static Channel Send(Scope scope, Peering peering, Channel channel, ExchangeType exchange, ValueList<Payload> payloads)
    {
        if (channel.Request is not null) throw new InvalidOperationException("A request is outstanding already; the window is one.");
        var id = channel.NextRequest;
        var (datagrams, iv) = Seal(scope, peering, channel, exchange, id, IkeFlags.None, payloads);
        foreach (var datagram in datagrams.AsSpan()) scope.Send(peering, datagram.Span);
        scope.Set(TimerKind.Retransmit, Wait(scope.Settings, 1));
        scope.MustStore = true;
        return channel with { NextIv = iv, NextRequest = id.Next, Request = new Outstanding(id, exchange, datagrams) };
    }

    /// <summary>Answers the request with the next expected id.</summary>
    public static Channel Respond(Scope scope, Peering peering, Channel channel, ExchangeType exchange, ValueList<Payload> payloads)
    {
        var id = channel.NextExpected;
        var (datagrams, iv) = Seal(scope, peering, channel, exchange, id, IkeFlags.Response, payloads);
        foreach (var datagram in datagrams.AsSpan()) scope.Send(peering, datagram.Span);
        scope.MustStore = true;
        return channel with { NextIv = iv, NextExpected = id.Next, Answer = new Answered(id, exchange, datagrams) };
    }

    public static Channel Respond(Scope scope, Peering peering, Channel channel, ExchangeType exchange, NotifyType notify, Octets data = default) =>
        Respond(scope, peering, channel, exchange, [new NotifyPayload(notify, data)]);

    /// <summary>The response to our request is here.</summary>
    public static Channel Complete(Scope scope, Channel channel)
    {
        scope.Cancel(TimerKind.Retransmit);
        scope.MustStore = true;
        return channel with { Request = null };
    }

    /// <summary>Sends the outstanding request once more, octet for octet; null when that was tried often enough.</summary>
    public static Outstanding? SendAgain(Scope scope, Peering peering, Outstanding request)
    {
        // RFC 7296 §2.4: the peer is dead only after repeated attempts over several minutes.
        if (request.Sent > scope.Settings.RetransmitTries) return null;
        foreach (var datagram in request.Datagrams.AsSpan()) scope.Send(peering, datagram.Span);
        scope.Trace(peering, () => new MessageTrace.SentAgain(request.Id, request.Sent));
        scope.Set(TimerKind.Retransmit, Wait(scope.Settings, request.Sent + 1));
        return request with { Sent = request.Sent + 1 };
    }

    /// <summary>How long to wait after sending for the <paramref name="sent"/>-th time.</summary>
    public static TimeSpan Wait(IkeSettings settings, int sent) => settings.RetransmitTimeout * Math.Pow(settings.RetransmitBase, sent - 1);

    private static (ValueList<Octets> Datagrams, ulong NextIv) Seal(
        Scope scope, Peering peering, Channel channel, ExchangeType exchange, MessageId id, IkeFlags flags, ValueList<Payload> payloads)
    {
        if (peering.IsInitiator) flags |= IkeFlags.Initiator;
        var header = new IkeHeader(peering.Spis.Initiator, peering.Spis.Responder, exchange, flags, id);
        using var cipher = channel.Keys.CreateCipher(fromInitiator: peering.IsInitiator);
        var iv = channel.NextIv;
        var datagrams = SkFragments.Seal(header, payloads, cipher, ref iv, scope.Context.Entropy, LargestMessage(scope.Settings, peering));
        scope.Trace(peering, () => new MessageTrace.Whole(Received: false, exchange, header.IsRequest, id, payloads));
        if (datagrams.Count > 1) scope.Trace(peering, () => new MessageTrace.Split(datagrams.Sum(d => d.Length), datagrams.Count));
        return (datagrams, iv);
    }

    // RFC 7383 §2.5.1: without fragmentation the message goes whole, however long it is.
    private static int LargestMessage(IkeSettings settings, Peering peering)
    {
        if (!peering.Fragmentation) return int.MaxValue;
        var ip = peering.Remote.AddressFamily == AddressFamily.InterNetwork ? 20 : 40;
        return settings.FragmentSize - ip - 8 - (peering.Natt ? NonEspMarker.Size : 0);
    }
}
