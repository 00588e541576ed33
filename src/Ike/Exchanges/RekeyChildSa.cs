using System.Buffers.Binary;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>CREATE_CHILD_SA that replaces a CHILD SA (RFC 7296 §1.3.3, §2.8).</summary>
internal static class RekeyChildSa
{
    public static IkeSaState.Established Send(Scope scope, IkeSaState.Established state, ChildSa old)
    {
        if (state.Peering.Connection.Child(old.Name) is not { } config) return state;
        return SendOffer(scope, state, old, ChildNegotiation.Offer(scope, state.Peering, config, scope.Nonce(), inAuth: false));
    }

    private static IkeSaState.Established SendOffer(Scope scope, IkeSaState.Established state, ChildSa old, ChildOffer offer) =>
        // RFC 7296 §1.3.3: REKEY_SA names the SA by the SPI that we receive with.
        Agenda.Send(scope, state, new OwnTask.RekeyingChild(old.Id, offer), ExchangeType.CreateChildSa,
            ChildNegotiation.Payloads(state.Peering, offer, inAuth: false).Prepend(Agenda.About(NotifyType.RekeySa, old.Parameters.InboundSpi)));

    public static IkeSaState Respond(Scope scope, IkeSaState.Established state, ValueList<Payload> request, NotifyPayload rekey)
    {
        var spi = rekey.Spi.Length == 4 ? new Spi(BinaryPrimitives.ReadUInt32BigEndian(rekey.Spi.Span)) : default;
        if (state.Children.FirstOrDefault(c => c.Parameters.OutboundSpi == spi) is not { } old)
        {
            // It may be the one whose answer has not reached us yet; RFC 7296 §2.25 lets us ask the peer to come again.
            if (state.Task is OwnTask.CreatingChild or OwnTask.RekeyingChild) return CreateChildSa.Refuse(scope, state, NotifyType.TemporaryFailure);
            // RFC 7296 §2.25: what the peer names is not here (any more).
            return state with { Channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.CreateChildSa, [rekey with { Notify = NotifyType.ChildSaNotFound }]) };
        }

        // RFC 7296 §2.25.1: it is being closed; RFC 7296 §2.25.2: or the IKE SA is being replaced.
        if (state.Task is OwnTask.RekeyingIke || old.Stage != ChildStage.Active && !IsRekeying(state, old)) return CreateChildSa.Refuse(scope, state, NotifyType.TemporaryFailure);

        var (theirs, ours) = (request.Find<NoncePayload>()!.Nonce, scope.Nonce());
        var result = ChildNegotiation.Respond(scope, state.Peering, state.Channel.Keys, request, theirs, ours, inAuth: false, old);
        if (result is ChildNegotiation.Result.Refused refused)
        {
            CreateChildSa.Report(scope, state, refused, old.Name);
            return CreateChildSa.Refuse(scope, state, refused.Notify, refused.Data);
        }

        // RFC 7296 §2.8: we send with the new one once the peer has deleted the old one, so must have the new one.
        var agreed = (ChildNegotiation.Result.Agreed)result;
        agreed = agreed with { Child = agreed.Child with { OutboundHeld = true } };
        scope.Cancel(TimerKind.ChildRekey, old.Id.Value);
        state = Agenda.Replace(state, old with { Stage = ChildStage.Replaced });
        state = CreateChildSa.Accept(scope, state, agreed);

        // RFC 7296 §2.8.1: our own request crosses the peer's. The nonces decide when the answer to ours is here.
        return state.Task is OwnTask.RekeyingChild task && task.Old == old.Id
            ? state with { Task = task with { Rival = new ChildRival(agreed.Child.Id, Nonces.Lower(theirs, ours)) } }
            : state;
    }

    public static IkeSaState.Established OnResponse(Scope scope, IkeSaState.Established state, OwnTask.RekeyingChild task, ValueList<Payload> answer)
    {
        state = state with { Task = null };
        var old = Agenda.Find(state, task.Old);
        if (old is not null && task.Rival is null && CreateChildSa.TryOther(scope, state, task.Offer, answer) is { } again) return SendOffer(scope, state, old, again);

        var nonce = answer.Find<NoncePayload>()?.Nonce ?? default;
        var result = ChildNegotiation.Conclude(scope, state.Peering, state.Channel.Keys, task.Offer, answer, task.Offer.Nonce, nonce, old);
        return result switch
        {
            ChildNegotiation.Result.Agreed agreed when task.Offer.Doomed.Contains(agreed.Child.Parameters.OutboundSpi) => Doomed(state, agreed, old),
            ChildNegotiation.Result.Agreed agreed when task.Rival is { } rival && Nonces.Compare(Nonces.Lower(task.Offer.Nonce, nonce), rival.LowestNonce) < 0 =>
                Lose(state, agreed),
            ChildNegotiation.Result.Agreed agreed => Win(scope, state, task, old, agreed),
            // Our request came too late, and the peer's own exchange has replaced the CHILD SA.
            ChildNegotiation.Result.Refused when task.Rival is not null || old is null => state,
            ChildNegotiation.Result.Refused refused => Refused(scope, state, old!, refused),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    // The peer made the new one and deleted it at once. The old one is replaced in its eyes, and ours to delete.
    private static IkeSaState.Established Doomed(IkeSaState.Established state, ChildNegotiation.Result.Agreed agreed, ChildSa? old)
    {
        agreed.Keys.Dispose();
        return old is null ? state : Agenda.WantFirst(state, new Wish.CloseChild(old.Id, "deleted-by-peer"));
    }

    // RFC 7296 §2.8.1: after a collision, whoever made the SA with the lowest nonce closes it; the other side deletes the old one.
    private static IkeSaState.Established Lose(IkeSaState.Established state, ChildNegotiation.Result.Agreed agreed)
    {
        agreed.Keys.Dispose();
        state = Agenda.Add(state, agreed.Child with { Installed = false });
        return Agenda.WantFirst(state, new Wish.CloseChild(agreed.Child.Id, "redundant"));
    }

    private static IkeSaState.Established Win(
        Scope scope, IkeSaState.Established state, OwnTask.RekeyingChild task, ChildSa? old, ChildNegotiation.Result.Agreed agreed)
    {
        var child = ChildNegotiation.Install(scope, agreed);
        ChildNegotiation.StartLife(scope, state.Peering.Connection.Child(child.Name)!, child);
        state = Agenda.Add(state, child);
        // The peer closes what its own request made.
        if (task.Rival is { } rival && Agenda.Find(state, rival.Child) is { } redundant)
        {
            scope.Cancel(TimerKind.ChildRekey, redundant.Id.Value);
            state = Agenda.Replace(state, redundant with { Stage = ChildStage.Replaced });
        }

        if (old is null) return state;
        // RFC 7296 §2.8: whoever made the new SA deletes the old one.
        scope.Cancel(TimerKind.ChildRekey, old.Id.Value);
        if (old.Stage == ChildStage.Active) state = Agenda.Replace(state, old with { Stage = ChildStage.Replaced });
        return Agenda.WantFirst(state, new Wish.CloseChild(old.Id, "rekeyed"));
    }

    private static IkeSaState.Established Refused(Scope scope, IkeSaState.Established state, ChildSa old, ChildNegotiation.Result.Refused refused)
    {
        switch (refused.Notify)
        {
            case NotifyType.ChildSaNotFound:
                // RFC 7296 §2.25: the peer does not have it any more. Whoever needs it gets a new one.
                state = Agenda.Remove(scope, state, old, "not-found-at-peer");
                return Agenda.Want(state, new Wish.CreateChild(old.Name));
            case NotifyType.TemporaryFailure:
                return Agenda.Defer(scope, state, new Wish.RekeyChild(old.Id));
            default:
                // The old one serves until its hard end; meanwhile we ask again.
                CreateChildSa.Report(scope, state, refused, old.Name);
                return Agenda.Defer(scope, state, new Wish.RekeyChild(old.Id));
        }
    }

    private static bool IsRekeying(IkeSaState.Established state, ChildSa old) =>
        state.Task is OwnTask.RekeyingChild { Rival: null } task && task.Old == old.Id && old.Stage == ChildStage.Active;
}
