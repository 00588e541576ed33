using System.Net;
using System.Net.Sockets;
using Gateway.Ike.Exchanges;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Extensions;

/// <summary>
/// MOBIKE (RFC 4555): an IKE SA and its children move to other addresses. The side that began the first IKE SA says where to; the other one follows and
/// tells its further addresses.
/// </summary>
internal static class Mobility
{
    private const int MaxAddresses = 8; // of one peer; each may be probed
    private const int CookieLength = 16; // RFC 4555 §4.2.5: 8 to 64 octets

    /// <summary>That we can move, and our further addresses (RFC 4555 §3.1, §3.4); for IKE_AUTH.</summary>
    public static IEnumerable<Payload> Announce(Peering peering)
    {
        if (!peering.Connection.Spec.Mobike) yield break;
        yield return new NotifyPayload(NotifyType.MobikeSupported);
        foreach (var address in OwnOthers(peering)) yield return Additional(address);
    }

    /// <summary>What the peer's part of IKE_AUTH says.</summary>
    public static Peering Learn(Peering peering, ValueList<Payload> payloads) => peering.Connection.Spec.Mobike && payloads.Has(NotifyType.MobikeSupported)
        ? peering with { Mobike = true, PeerAddresses = AddressesOf(payloads) ?? default }
        : peering;

    /// <summary>Where the answer to a request goes: to where it came from (RFC 7296 §2.11), also when the IKE SA lives elsewhere still.</summary>
    public static Peering AnswerTo(Peering peering, IkeInput.Datagram request) =>
        peering.Mobike ? peering with { Local = request.Local, Remote = request.Remote, Natt = request.Natt } : peering;

    /// <summary>Judges what an INFORMATIONAL request says of addresses, and adds to its answer.</summary>
    /// <returns>The peering as it is from now on.</returns>
    public static Peering Take(Scope scope, Peering peering, ValueList<Payload> request, IkeInput.Datagram datagram, List<Payload> answer)
    {
        if (!peering.Mobike) return peering;
        // RFC 4555 §3.9: the peer would rather have no SA than one through a NAT.
        if (request.Notify(NotifyType.NoNatsAllowed) is { } claim && claim.Data != Ends(datagram.Remote, datagram.Local))
        {
            answer.Add(new NotifyPayload(NotifyType.UnexpectedNatDetected));
            return peering;
        }

        // RFC 4555 §4.2.5: the cookie is given back as it came.
        if (request.Notify(NotifyType.Cookie2) is { } cookie) answer.Add(new NotifyPayload(NotifyType.Cookie2, cookie.Data));
        if (AddressesOf(request) is { } addresses) peering = peering with { PeerAddresses = addresses };
        var nat = NatFinding.Judge(request, peering.Spis, datagram.Local, datagram.Remote);
        var there = peering with { Local = datagram.Local, Remote = datagram.Remote, Natt = datagram.Natt };
        if (nat.Supported) answer.AddRange(NatFinding.Announce(scope, there));
        // RFC 4555 §3.5: only who began decides which addresses are used.
        if (!request.Has(NotifyType.UpdateSaAddresses) || peering.Began) return peering;
        return nat.Supported ? there with { NatLocal = nat.Local, NatRemote = nat.Remote } : there;
    }

    /// <summary>Our addresses or routes have changed: looks for a way to the peer where the present one is gone.</summary>
    public static IkeSaState.Established Reconsider(Scope scope, IkeSaState.Established state)
    {
        var peering = state.Peering;
        if (!peering.Mobike || !peering.Began) return state;
        var ways = Ways(scope, peering);
        if (ways.Count == 0 || ways.Contains((peering.Local.Address, peering.Remote.Address))) return state;
        return Switch(scope, state, ways[0].Local, ways[0].Remote);
    }

    /// <summary>Sends what the peer does not answer over the other ways too (RFC 4555 §3.5: the same message, other addresses).</summary>
    public static void Probe(Scope scope, IkeSaState.Established state, Outstanding request)
    {
        var peering = state.Peering;
        if (!peering.Mobike || !peering.Began) return;
        foreach (var (local, remote) in Ways(scope, peering))
        {
            if (local.Equals(peering.Local.Address) && remote.Equals(peering.Remote.Address)) continue;
            var way = peering with { Local = new IPEndPoint(local, peering.Local.Port), Remote = new IPEndPoint(remote, peering.Remote.Port) };
            foreach (var datagram in request.Datagrams.AsSpan()) scope.Send(way, datagram.Span);
        }
    }

    /// <summary>The peer answered over another way than the present one: that is the one which works.</summary>
    public static IkeSaState.Established Heard(Scope scope, IkeSaState.Established state, IkeInput.Datagram response)
    {
        var peering = state.Peering;
        if (!peering.Mobike || !peering.Began) return state;
        if (response.Local.Address.Equals(peering.Local.Address) && response.Remote.Address.Equals(peering.Remote.Address)) return state;
        return Switch(scope, state, response.Local.Address, response.Remote.Address);
    }

    /// <summary>Asks the peer to use the addresses that this request comes from.</summary>
    public static IkeSaState.Established Send(Scope scope, IkeSaState.Established state)
    {
        Span<byte> bytes = stackalloc byte[CookieLength];
        scope.Context.Entropy.Fill(bytes);
        var (peering, cookie) = (state.Peering, new Octets(bytes));
        List<Payload> payloads = [new NotifyPayload(NotifyType.UpdateSaAddresses), new NotifyPayload(NotifyType.Cookie2, cookie), .. NatFinding.Announce(scope, peering)];
        var others = OwnOthers(peering).Select(Additional).ToList();
        payloads.AddRange(others.Count > 0 ? others : [new NotifyPayload(NotifyType.NoAdditionalAddresses)]);
        return Agenda.Send(scope, state, new OwnTask.UpdatingAddresses(cookie), ExchangeType.Informational, payloads);
    }

    /// <summary>The peer's answer to <see cref="Send"/>.</summary>
    public static IkeSaState OnResponse(Scope scope, IkeSaState.Established state, OwnTask.UpdatingAddresses task, ValueList<Payload> answer, IkeInput.Datagram datagram)
    {
        state = state with { Task = null };
        // RFC 4555 §3.7: an answer without the cookie was made by somebody who did not see the request.
        if (answer.Notify(NotifyType.Cookie2) is { } cookie && cookie.Data != task.Cookie) return Ending.Close(scope, state, "wrong-cookie");
        var peering = state.Peering;
        if (answer.All<NotifyPayload>().FirstOrDefault(n => n.IsError) is { } error)
        {
            Ending.ReportFailure(scope, peering.Connection.Name, true, peering.Remote.Address, peering.RemoteId.ToString(), Ending.Word(error.Notify), "The peer does not take the new addresses.");
            return state;
        }

        var nat = NatFinding.Judge(answer, peering.Spis, datagram.Local, datagram.Remote);
        if (nat.Supported) peering = peering with { NatLocal = nat.Local, NatRemote = nat.Remote };
        return Lifecycle.MoveTo(scope, state, peering);
    }

    // Requests go over the new way at once; the children follow when the peer has agreed.
    private static IkeSaState.Established Switch(Scope scope, IkeSaState.Established state, IPAddress local, IPAddress remote)
    {
        var peering = state.Peering;
        state = state with { Peering = peering with { Local = new IPEndPoint(local, peering.Local.Port), Remote = new IPEndPoint(remote, peering.Remote.Port) } };
        scope.MustStore = true;
        if (state.Channel.Request is { } outstanding && Requests.SendAgain(scope, state.Peering, outstanding) is { } again) state = state with { Channel = state.Channel with { Request = again } };
        return Agenda.WantFirst(state, new Wish.UpdateAddresses());
    }

    // Pairs of addresses that may reach the peer, the present one of the peer first.
    private static List<(IPAddress Local, IPAddress Remote)> Ways(Scope scope, Peering peering)
    {
        var ways = new List<(IPAddress, IPAddress)>();
        var configured = peering.Connection.RemoteAddresses.Select(a => a.Single).OfType<IPAddress>();
        foreach (var remote in peering.PeerAddresses.Prepend(peering.Remote.Address).Concat(configured).Distinct().Take(MaxAddresses))
            if (scope.Directory.LocalAddressTowards(remote) is { } local && peering.Connection.IsOwn(local)) ways.Add((local, remote));

        return ways;
    }

    // The configured addresses only: those of inner networks are nobody's business.
    private static IEnumerable<IPAddress> OwnOthers(Peering peering) =>
        peering.Connection.LocalAddresses.Select(a => a.Single).OfType<IPAddress>().Where(a => !a.Equals(peering.Local.Address)).Distinct().Take(MaxAddresses);

    private static NotifyPayload Additional(IPAddress address) =>
        new(address.AddressFamily == AddressFamily.InterNetwork ? NotifyType.AdditionalIp4Address : NotifyType.AdditionalIp6Address, new Octets(address.GetAddressBytes()));

    // RFC 4555 §3.6: a list replaces the one before; null when the message says nothing of addresses.
    private static ValueList<IPAddress>? AddressesOf(ValueList<Payload> payloads)
    {
        if (payloads.Has(NotifyType.NoAdditionalAddresses)) return [];
        var told = payloads.All<NotifyPayload>()
            .Where(n => (n.Notify == NotifyType.AdditionalIp4Address && n.Data.Length == 4) || (n.Notify == NotifyType.AdditionalIp6Address && n.Data.Length == 16))
            .Select(n => new IPAddress(n.Data.Span)).Distinct().Take(MaxAddresses).ToValueList();
        return told.Count > 0 ? told : null;
    }

    // RFC 4555 §4.2.6: source and destination address, then their ports.
    private static Octets Ends(IPEndPoint source, IPEndPoint destination) => new(
    [
        .. source.Address.GetAddressBytes(), .. destination.Address.GetAddressBytes(),
        (byte)(source.Port >> 8), (byte)source.Port, (byte)(destination.Port >> 8), (byte)destination.Port,
    ]);
}
