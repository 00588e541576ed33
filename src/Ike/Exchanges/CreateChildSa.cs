using System.Diagnostics;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>CREATE_CHILD_SA for a further CHILD SA (RFC 7296 §1.3.1).</summary>
internal static class CreateChildSa
{
    public static IkeSaState.Established Send(Scope scope, IkeSaState.Established state, ChildName name)
    {
        var offer = ChildNegotiation.Offer(scope, state.Peering, state.Peering.Connection.Child(name)!, scope.Nonce(), inAuth: false);
        return SendOffer(scope, state, offer);
    }

    private static IkeSaState.Established SendOffer(Scope scope, IkeSaState.Established state, ChildOffer offer) =>
        Agenda.Send(scope, state, new OwnTask.CreatingChild(offer), ExchangeType.CreateChildSa, ChildNegotiation.Payloads(state.Peering, offer, inAuth: false));

    /// <summary>Any CREATE_CHILD_SA request: what it is about is in its payloads (RFC 7296 §1.3).</summary>
    public static IkeSaState Respond(Scope scope, IkeSaState.Established state, ValueList<Payload> request)
    {
        // RFC 7296 §2.25: what it is about may be with the IKE SA that is being replaced.
        if (state.AwaitsEstate) return Refuse(scope, state, NotifyType.TemporaryFailure);
        if (request.Notify(NotifyType.RekeySa) is { } rekey) return RekeyChildSa.Respond(scope, state, request, rekey);
        if (request.Find<SecurityAssociationPayload>()!.Proposals.Any(p => p.Protocol == SaProtocol.Ike)) return RekeyIkeSa.Respond(scope, state, request);

        // RFC 7296 §2.25.2: no new children while the IKE SA is being replaced.
        if (state.Task is OwnTask.RekeyingIke) return Refuse(scope, state, NotifyType.TemporaryFailure);
        if (state.Children.Count >= scope.Settings.MaxChildren) return Refuse(scope, state, NotifyType.NoAdditionalSas);

        var nonce = scope.Nonce();
        var result = ChildNegotiation.Respond(scope, state.Peering, state.Channel.Keys, request, request.Find<NoncePayload>()!.Nonce, nonce, inAuth: false);
        if (result is ChildNegotiation.Result.Refused refused)
        {
            Report(scope, state, refused, refused.Child);
            return Refuse(scope, state, refused.Notify, refused.Data);
        }

        var agreed = (ChildNegotiation.Result.Agreed)result;
        return Accept(scope, state, agreed);
    }

    /// <summary>The responder installs what was agreed and answers.</summary>
    public static IkeSaState.Established Accept(Scope scope, IkeSaState.Established state, ChildNegotiation.Result.Agreed agreed)
    {
        var child = ChildNegotiation.Install(scope, agreed);
        ChildNegotiation.StartLife(scope, state.Peering.Connection.Child(child.Name)!, child);
        state = Agenda.Add(state, child);
        return state with { Channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.CreateChildSa, agreed.Payloads) };
    }

    public static IkeSaState.Established Refuse(Scope scope, IkeSaState.Established state, NotifyType notify, Octets data = default) =>
        state with { Channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.CreateChildSa, notify, data) };

    public static IkeSaState.Established OnResponse(Scope scope, IkeSaState.Established state, OwnTask.CreatingChild task, ValueList<Payload> answer)
    {
        state = state with { Task = null };
        if (TryOther(scope, state, task.Offer, answer) is { } again) return SendOffer(scope, state, again);
        // RFC 7296 §2.25: the peer asks us to wait.
        if (answer.Has(NotifyType.TemporaryFailure))
        {
            task.Offer.Exchange?.Dispose();
            return Agenda.Defer(scope, state, new Wish.CreateChild(task.Offer.Child));
        }

        var nonce = answer.Find<NoncePayload>()?.Nonce ?? default;
        return Concluded(scope, state, task.Offer, ChildNegotiation.Conclude(scope, state.Peering, state.Channel.Keys, task.Offer, answer, task.Offer.Nonce, nonce));
    }

    /// <summary>The initiator installs what was agreed, or tells why not.</summary>
    public static IkeSaState.Established Concluded(Scope scope, IkeSaState.Established state, ChildOffer offer, ChildNegotiation.Result result)
    {
        switch (result)
        {
            case ChildNegotiation.Result.Agreed agreed when offer.Doomed.Contains(agreed.Child.Parameters.OutboundSpi):
                agreed.Keys.Dispose();
                return state;
            case ChildNegotiation.Result.Agreed agreed:
                var child = ChildNegotiation.Install(scope, agreed);
                ChildNegotiation.StartLife(scope, state.Peering.Connection.Child(child.Name)!, child);
                return Agenda.Add(state, child);
            case ChildNegotiation.Result.Refused refused:
                Report(scope, state, refused, offer.Child);
                return state;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>RFC 7296 §1.3: on INVALID_KE_PAYLOAD the offer is made again with the method that the peer wants, if it is one of ours.</summary>
    public static ChildOffer? TryOther(Scope scope, IkeSaState.Established state, ChildOffer offer, ValueList<Payload> answer)
    {
        if (answer.Notify(NotifyType.InvalidKePayload) is not { } wanted) return null;
        var method = IkeSaInit.MethodOf(wanted.Data);
        if (offer.Retries >= scope.Settings.MaxKeyExchangeRetries || method == offer.Exchange?.Method || !IkeSaInit.Offers(offer.Proposals, method)) return null;
        if (state.Peering.Connection.Child(offer.Child) is not { } config) return null;
        offer.Exchange?.Dispose();
        return ChildNegotiation.Offer(scope, state.Peering, config, scope.Nonce(), inAuth: false, method, offer.Retries + 1);
    }

    public static void Report(Scope scope, IkeSaState.Established state, ChildNegotiation.Result.Refused refused, ChildName? child) =>
        scope.Fact(new ChildSaFailed(state.Peering.Id, state.Peering.Connection.Name, child, Ending.Word(refused.Notify), refused.Detail));
}
