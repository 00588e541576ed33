using System.Net;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>An IKE SA as <c>show sas</c> tells it.</summary>
/// <param name="State">As strongSwan names states: CONNECTING, ESTABLISHED, REKEYED, DELETING.</param>
/// <param name="RekeyIn">Null when it is not rekeyed by time.</param>
public sealed record IkeSaView(
    IkeSaId Id,
    ConnectionName Connection,
    string State,
    bool Initiator,
    string InitiatorSpi,
    string ResponderSpi,
    IPEndPoint Local,
    IPEndPoint Remote,
    string LocalId,
    string RemoteId,
    string? Proposal,
    bool NatLocal,
    bool NatRemote,
    TimeSpan? RekeyIn,
    ValueList<ChildSaView> Children)
{
    /// <summary>Addresses that the peer gave us.</summary>
    public ValueList<IPAddress> LocalVips { get; init; }

    /// <summary>Addresses of our pools that the peer has.</summary>
    public ValueList<IPAddress> RemoteVips { get; init; }

    /// <summary>The peer's EAP identity, where there was one.</summary>
    public string? EapId { get; init; }

    /// <summary>The post-quantum pre-shared key that was mixed in.</summary>
    public string? PpkId { get; init; }

    /// <summary>Null when both sides need not authenticate anew by a time.</summary>
    public TimeSpan? ReauthIn { get; init; }

    /// <summary>Reads only what never changes in a state, so that any thread may ask, also when the SA has gone on since.</summary>
    public static IkeSaView Of(IkeSaState state, Timestamp now)
    {
        var p = state.Peering;
        var children = state is IkeSaState.Established { Children: var all }
            ? all.Where(c => c.Installed).Select(c => ChildSaView.Of(c, state, now)).ToValueList()
            : [];
        return new IkeSaView(
            p.Id, p.Connection.Name, Word(state), p.IsInitiator, p.Spis.Initiator.ToString(), p.Spis.Responder.ToString(), p.Local, p.Remote,
            p.LocalId.ToString(), p.RemoteId.ToString(), p.Proposal?.ToString(), p.NatLocal, p.NatRemote, Left(state, new TimerId(TimerKind.IkeRekey), now), children)
        {
            LocalVips = p.OwnVips,
            RemoteVips = p.PeerVips,
            EapId = p.Authentication.EapId,
            PpkId = p.Authentication.PpkId,
            ReauthIn = Left(state, new TimerId(TimerKind.IkeReauth), now),
        };
    }

    internal static TimeSpan? Left(IkeSaState state, TimerId timer, Timestamp now) => state.Timers.TryGetValue(timer, out var at) ? at - now : null;

    private static string Word(IkeSaState state) => state switch
    {
        IkeSaState.Connecting => "CONNECTING",
        IkeSaState.Established { Task: OwnTask.RekeyingIke } => "REKEYING",
        IkeSaState.Established => "ESTABLISHED",
        IkeSaState.Replaced => "REKEYED",
        IkeSaState.Deleting => "DELETING",
        _ => "GONE",
    };
}

/// <summary>A CHILD SA as <c>show sas</c> tells it.</summary>
/// <param name="State">As strongSwan names states: INSTALLED, REKEYED, DELETING.</param>
public sealed record ChildSaView(ChildSaParameters Parameters, string Proposal, string State, TimeSpan? RekeyIn, TimeSpan? ExpiresIn)
{
    internal static ChildSaView Of(ChildSa child, IkeSaState state, Timestamp now) => new(
        child.Parameters,
        child.Proposal,
        child.Stage switch { ChildStage.Active => "INSTALLED", ChildStage.Replaced => "REKEYED", _ => "DELETING" },
        IkeSaView.Left(state, new TimerId(TimerKind.ChildRekey, child.Id.Value), now),
        IkeSaView.Left(state, new TimerId(TimerKind.ChildExpire, child.Id.Value), now));
}
