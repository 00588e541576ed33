using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>
/// Authenticating anew (RFC 7296 §2.8.3): there is no exchange for it, but a new IKE SA with new children in place of the old one. It stands before the old one
/// is closed (make before break), or after.
/// </summary>
internal static class Reauthentication
{
    /// <summary>The time has come.</summary>
    public static IkeSaState.Established Due(Scope scope, IkeSaState.Established state)
    {
        var peering = state.Peering;
        // A peer that we cannot dial, or that has an address of ours, must begin; it was told by when, and the hard end waits for it.
        if (!peering.Began && (peering.PeerVips.Count > 0 || peering.Connection.RemoteAddresses.All(a => a.Single is null))) return state;
        if (!scope.Settings.MakeBeforeBreak) return Agenda.Want(state, new Wish.Reauthenticate());
        scope.Add(new IkeOutput.Reauthenticate(peering, Children(state)));
        return state;
    }

    /// <summary>Closes the IKE SA; the new one is begun when it is gone.</summary>
    public static IkeSaState.Deleting Break(Scope scope, IkeSaState.Established state)
    {
        var again = Children(state);
        return Informational.DeleteIke(scope, state, "reauthenticated") with { Again = again };
    }

    /// <summary>The new IKE SA stands.</summary>
    public static void Made(Scope scope, Peering peering)
    {
        if (peering.Reauthenticates is { } old) scope.Add(new IkeOutput.Retire(old, "reauthenticated"));
    }

    private static ValueList<ChildName> Children(IkeSaState.Established state) =>
        state.Children.Where(c => c is { Installed: true, Stage: ChildStage.Active }).Select(c => c.Name)
            .Concat(state.Queue.Concat(state.Deferred).OfType<Wish.CreateChild>().Select(w => w.Child)).Distinct().ToValueList();
}
