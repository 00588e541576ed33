using System.Net;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>How IKE SAs and CHILD SAs end: the facts, the dataplane, the slots, the secrets.</summary>
internal static class Ending
{
    /// <summary>An attempt to set up an IKE SA is over without success.</summary>
    public static IkeSaState.Gone Fail(Scope scope, Peering peering, string reason, string detail, Channel? channel = null)
    {
        ReportFailure(scope, peering.Connection.Name, peering.IsInitiator, peering.Remote.Address, peering.RemoteId.IsAny ? null : peering.RemoteId.ToString(), reason, detail);
        return Vanish(scope, peering, channel, reason);
    }

    public static void ReportFailure(Scope scope, ConnectionName? connection, bool initiator, IPAddress remote, string? remoteId, string reason, string detail) =>
        scope.Fact(new IkeSaFailed(connection, initiator, remote, remoteId, reason, detail));

    /// <summary>The end of an IKE SA that was up, with all its children.</summary>
    public static IkeSaState.Gone Close(Scope scope, IkeSaState.Established state, string reason)
    {
        CloseChildren(scope, state, state.Children, reason);
        Discard(state.Task);
        scope.Fact(new IkeSaClosed(state.Peering.Id, state.Peering.Connection.Name, reason));
        return Vanish(scope, state.Peering, state.Channel, reason);
    }

    /// <summary>The end of an IKE SA that has no children any more; <paramref name="reason"/> is null when it was never up.</summary>
    public static IkeSaState.Gone Close(Scope scope, Peering peering, Channel channel, string? reason)
    {
        if (reason is not null) scope.Fact(new IkeSaClosed(peering.Id, peering.Connection.Name, reason));
        return Vanish(scope, peering, channel, reason ?? "failed");
    }

    /// <summary>The end of an IKE SA that we deleted, and what comes after it.</summary>
    public static IkeSaState.Gone Close(Scope scope, IkeSaState.Deleting state, Channel channel)
    {
        if (state.Again.Count > 0) scope.Add(new IkeOutput.Restart(state.Peering.Connection.Name, [.. state.Again]));
        return Close(scope, state.Peering, channel, state.Reason);
    }

    /// <summary>Takes CHILD SAs from the dataplane for good.</summary>
    public static void CloseChildren(Scope scope, IkeSaState.Established state, IEnumerable<ChildSa> children, string reason)
    {
        foreach (var child in children) CloseChild(scope, state.Peering, child, reason);
    }

    public static void CloseChild(Scope scope, Peering peering, ChildSa child, string reason)
    {
        scope.MustStore = true;
        scope.Cancel(TimerKind.ChildRekey, child.Id.Value);
        scope.Cancel(TimerKind.ChildExpire, child.Id.Value);
        scope.Cancel(TimerKind.ChildIdle, child.Id.Value);
        if (!child.Installed) return;
        scope.Fact(new ChildSaClosed(child.Id, peering.Id, peering.Connection.Name, child.Name, reason));
        scope.Add(new IkeOutput.Uninstall(child.Id));
        scope.Add(new IkeOutput.Shred(child.Parameters.InboundKey));
        scope.Add(new IkeOutput.Shred(child.Parameters.OutboundKey));
    }

    /// <summary>The children that are set up again after their IKE SA, or they themselves, were lost.</summary>
    public static List<ChildName> ToRestart(Connection connection, IEnumerable<ChildSa> children, Func<ChildSpec, LossAction> action) =>
        [.. children.Where(c => c.Installed && c.Stage == ChildStage.Active && connection.Child(c.Name) is { } config && action(config.Spec) == LossAction.Start)
            .Select(c => c.Name).Distinct()];

    /// <summary>The children that the next packet which needs them sets up again.</summary>
    public static void SetTraps(Scope scope, IkeSaState.Established state, IEnumerable<ChildSa> children, Func<ChildSpec, LossAction> action)
    {
        var connection = state.Peering.Connection;
        foreach (var child in children)
            if (child.Installed && connection.Child(child.Name) is { } config && action(config.Spec) == LossAction.Trap) scope.Add(new IkeOutput.Trap(connection.Name, child.Name));
    }

    /// <summary>What an outstanding exchange holds of native secrets is released.</summary>
    public static void Discard(OwnTask? task)
    {
        switch (task)
        {
            case OwnTask.CreatingChild create: create.Offer.Exchange?.Dispose(); break;
            case OwnTask.RekeyingChild rekey: rekey.Offer.Exchange?.Dispose(); break;
            case OwnTask.RekeyingIke rekey: rekey.Offer.Exchange.Dispose(); break;
            default: break;
        }
    }

    /// <summary>The stable word of an error notify, as <c>no-proposal-chosen</c>.</summary>
    public static string Word(NotifyType notify) => Enum.IsDefined(notify)
        ? string.Concat(notify.ToString().Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()))
        : $"notify-{(ushort)notify}";

    private static IkeSaState.Gone Vanish(Scope scope, Peering peering, Channel? channel, string reason)
    {
        scope.CancelAll();
        channel?.Keys.Dispose();
        scope.Add(new IkeOutput.Shred(peering.Slot));
        return new IkeSaState.Gone { Peering = peering, Reason = reason };
    }
}
