using System.Net;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>The life of an established IKE SA between its exchanges: timers, liveness, its own endpoints.</summary>
internal static class Lifecycle
{
    /// <summary>The fact that an IKE SA is up, and its timers.</summary>
    public static void Begin(Scope scope, Peering peering)
    {
        scope.Fact(Established(peering));
        scope.MustStore = true;
        foreach (var (id, after) in Timers(scope, peering)) scope.Set(id, after);
    }

    /// <summary>RFC 4478 §3: the responder says by when the initiator must have authenticated anew, in seconds.</summary>
    public static void OnAuthLifetime(Scope scope, ValueList<Payload> payloads)
    {
        if (payloads.Notify(NotifyType.AuthLifetime) is not { Data.Length: 4 } notify) return;
        var limit = TimeSpan.FromSeconds(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(notify.Data.Span));
        // Ahead of it by a tenth, so that the new IKE SA stands before the responder ends the old one.
        var after = limit - (limit / 10);
        if (after > TimeSpan.Zero && (!scope.Timers.TryGetValue(new TimerId(TimerKind.IkeReauth), out var at) || at > scope.Now + after)) scope.Set(TimerKind.IkeReauth, after);
    }

    /// <summary>The responder's side of <see cref="OnAuthLifetime"/>; nothing without <c>reauth_time</c>.</summary>
    public static IEnumerable<Payload> AuthLifetime(Connection connection)
    {
        if (connection.ReauthTime <= TimeSpan.Zero) yield break;
        Span<byte> seconds = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(seconds, (uint)connection.ReauthTime.TotalSeconds);
        yield return new NotifyPayload(NotifyType.AuthLifetime, new Octets(seconds));
    }

    /// <summary>The fact that an IKE SA is up.</summary>
    public static IkeSaEstablished Established(Peering peering) => new()
    {
        Id = peering.Id,
        Connection = peering.Connection.Name,
        Initiator = peering.IsInitiator,
        InitiatorSpi = peering.Spis.Initiator.ToString(),
        ResponderSpi = peering.Spis.Responder.ToString(),
        LocalAddress = peering.Local.Address,
        LocalPort = peering.Local.Port,
        RemoteAddress = peering.Remote.Address,
        RemotePort = peering.Remote.Port,
        LocalId = peering.LocalId.ToString(),
        RemoteId = peering.RemoteId.ToString(),
        Proposal = peering.Proposal?.ToString() ?? "",
        Authentication = peering.Authentication.Theirs,
        OwnAuthentication = peering.Authentication.Own == peering.Authentication.Theirs ? null : peering.Authentication.Own,
        EapId = peering.Authentication.EapId,
        Certificate = peering.Authentication.Certificate,
        PpkId = peering.Authentication.PpkId,
        NatLocal = peering.NatLocal,
        NatRemote = peering.NatRemote,
        Slot = peering.Slot,
        Replaces = peering.Replaces,
    };

    /// <summary>The timers with which an established IKE SA begins.</summary>
    /// <param name="reauthAt">When it must be authenticated anew: a rekeyed one inherits that, since nobody has authenticated since.</param>
    public static IEnumerable<(TimerKind Kind, TimeSpan After)> Timers(Scope scope, Peering peering, Timestamp? reauthAt = null)
    {
        var connection = peering.Connection;
        if (connection.RekeyTime > TimeSpan.Zero) yield return (TimerKind.IkeRekey, Early(scope, connection, connection.RekeyTime));
        if (reauthAt is { } at) yield return (TimerKind.IkeReauth, at - scope.Now);
        else if (connection.ReauthTime > TimeSpan.Zero) yield return (TimerKind.IkeReauth, Early(scope, connection, connection.ReauthTime));
        // As in strongSwan, the hard end comes after the first of the two.
        if (Soonest(connection.RekeyTime, reauthAt is { } reauth ? reauth - scope.Now : connection.ReauthTime) is var soonest && soonest > TimeSpan.Zero)
            yield return (TimerKind.IkeExpire, soonest + connection.OverTime);

        if (connection.DpdDelay > TimeSpan.Zero) yield return (TimerKind.Liveness, connection.DpdDelay);
        if (KeepsAlive(scope, peering)) yield return (TimerKind.Keepalive, scope.Settings.Keepalive);
    }

    /// <summary>RFC 3948 §4: who stands behind a NAT keeps its mapping alive.</summary>
    public static void Keepalive(Scope scope, Peering peering)
    {
        if (!KeepsAlive(scope, peering)) return;
        scope.Add(new IkeOutput.Send(peering.Local, peering.Remote, NonEspMarker.Keepalive.ToArray()));
        scope.Set(TimerKind.Keepalive, scope.Settings.Keepalive);
    }

    /// <summary>A child that carried a packet is idle from then on.</summary>
    public static void Carried(Scope scope, IkeSaState.Established state, ChildSaId id, Timestamp carriedAt)
    {
        if (Agenda.Find(state, id) is not { Stage: ChildStage.Active } child || state.Peering.Connection.Child(child.Name) is not { } config || config.Inactivity <= TimeSpan.Zero) return;
        var until = carriedAt + config.Inactivity;
        if (scope.Timers.TryGetValue(new TimerId(TimerKind.ChildIdle, child.Id.Value), out var at) && at >= until) return;
        scope.Set(TimerKind.ChildIdle, until - scope.Now, child.Id.Value);
    }

    /// <summary>
    /// Whether a child whose time is up carried something since it was last looked at; its timer then runs on. Nobody is told of packets as they pass:
    /// the dataplane is asked when it matters, so that ten thousand busy children cost nothing in between.
    /// </summary>
    public static bool WasBusy(Scope scope, IkeSaState.Established state, ChildSa child)
    {
        if (scope.Directory.LastCarried(child.Id, scope.Now) is not { } at) return false;
        Carried(scope, state, child.Id, at);
        return scope.Timers.TryGetValue(new TimerId(TimerKind.ChildIdle, child.Id.Value), out var until) && until > scope.Now;
    }

    /// <summary>RFC 7296 §2.4: only a peer that was silent for the whole time is asked.</summary>
    public static IkeSaState.Established Liveness(Scope scope, IkeSaState.Established state)
    {
        var delay = state.Peering.Connection.DpdDelay;
        var silent = scope.Now - state.Channel.LastHeard;
        scope.Set(TimerKind.Liveness, silent < delay ? delay - silent : delay);
        // An outstanding request is a question already.
        return silent < delay || state.Channel.Request is not null ? state : Agenda.Want(state, new Wish.CheckLiveness());
    }

    /// <summary>
    /// RFC 7296 §2.23: who is not behind a NAT follows the address of an authenticated packet from a peer that is.
    /// </summary>
    public static IkeSaState.Established Follow(Scope scope, IkeSaState.Established state, IPEndPoint remote)
    {
        var peering = state.Peering;
        if (!peering.Natt || !peering.NatRemote || peering.NatLocal || remote.Equals(peering.Remote)) return state;
        if (remote.AddressFamily != peering.Remote.AddressFamily) return state;
        return MoveTo(scope, state, peering with { Remote = remote });
    }

    /// <summary>The IKE SA and its children have other addresses or ports.</summary>
    public static IkeSaState.Established MoveTo(Scope scope, IkeSaState.Established state, Peering peering)
    {
        scope.MustStore = true;
        scope.Fact(new IkeSaEndpointChanged(peering.Id, peering.Local.Address, peering.Local.Port, peering.Remote.Address, peering.Remote.Port));
        if (KeepsAlive(scope, peering) && !scope.Timers.ContainsKey(new TimerId(TimerKind.Keepalive))) scope.Set(TimerKind.Keepalive, scope.Settings.Keepalive);
        return state with { Peering = peering, Children = state.Children.Select(c => Move(scope, peering, c)).ToValueList() };
    }

    private static TimeSpan Early(Scope scope, Connection connection, TimeSpan time) => time - scope.Random(connection.RandTime < time ? connection.RandTime : time / 2);

    private static TimeSpan Soonest(TimeSpan a, TimeSpan b) => a <= TimeSpan.Zero ? b : b <= TimeSpan.Zero ? a : a < b ? a : b;

    private static ChildSa Move(Scope scope, Peering peering, ChildSa child)
    {
        var moved = child with
        {
            Parameters = child.Parameters with
            {
                LocalAddress = peering.Local.Address,
                RemoteAddress = peering.Remote.Address,
                Encapsulation = ChildNegotiation.Encapsulation(peering),
            },
        };
        if (moved.Installed) scope.Add(new IkeOutput.Update(moved.Parameters));
        return moved;
    }

    private static bool KeepsAlive(Scope scope, Peering peering) => peering.Natt && peering.NatLocal && scope.Settings.Keepalive > TimeSpan.Zero;
}
