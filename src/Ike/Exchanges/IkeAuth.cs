using Gateway.Ike.Extensions;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;

namespace Gateway.Ike.Exchanges;

/// <summary>The end of IKE_AUTH on both sides: the IKE SA stands, with its first CHILD SA (RFC 7296 §1.2). How it comes there: <see cref="AuthInitiator"/>, <see cref="AuthResponder"/>.</summary>
internal static class IkeAuth
{
    /// <summary>The responder gives its last response: both sides are through.</summary>
    /// <param name="answer">What the response holds of authentication.</param>
    public static IkeSaState.Established Establish(Scope scope, IkeSaState.Connecting.InitAnswered state, List<Payload> answer)
    {
        var first = state.Login.First;
        var peering = Recorded(state.Peering, state.Login);
        scope.Cancel(TimerKind.HalfOpen);
        Lifecycle.Begin(scope, peering);
        Uniqueness(scope, peering, first.Has(NotifyType.InitialContact));
        ValueList<ChildSa> children = [];
        // RFC 7296 §2.19: without the address that it must have the peer gets no CHILD SA.
        var configured = Configuration.Respond(scope, peering, first, answer);
        peering = Mobility.Learn(configured ?? peering, first);
        if (peering.Mobike) answer.AddRange(Mobility.Announce(peering));
        answer.AddRange(Lifecycle.AuthLifetime(peering.Connection));
        // RFC 6023: without SA and selectors the IKE SA comes up alone.
        var isAsked = configured is not null && first.Find<SecurityAssociationPayload>() is not null;
        if (isAsked && peering.Connection.Spec.Childless == ChildlessPolicy.Force)
        {
            answer.Add(new NotifyPayload(NotifyType.NoAdditionalSas));
            scope.Fact(new ChildSaFailed(peering.Id, peering.Connection.Name, null, Ending.Word(NotifyType.NoAdditionalSas), "The connection takes no child in IKE_AUTH (childless = force)."));
        }
        else if (isAsked)
        {
            var result = ChildNegotiation.Respond(
                scope, peering, state.Channel.Keys, first, state.Init.InitiatorNonce, state.Init.ResponderNonce, inAuth: true);
            switch (result)
            {
                case ChildNegotiation.Result.Agreed agreed:
                    var child = ChildNegotiation.Install(scope, agreed);
                    ChildNegotiation.StartLife(scope, peering.Connection.Child(child.Name)!, child);
                    children = [child];
                    answer.AddRange(agreed.Payloads);
                    break;
                case ChildNegotiation.Result.Refused refused:
                    // RFC 7296 §1.2: a child that fails leaves the IKE SA standing.
                    answer.Add(new NotifyPayload(refused.Notify, refused.Data));
                    scope.Fact(new ChildSaFailed(peering.Id, peering.Connection.Name, refused.Child, Ending.Word(refused.Notify), refused.Detail));
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        return new IkeSaState.Established
        {
            Peering = peering,
            Channel = Requests.Respond(scope, peering, state.Channel, ExchangeType.IkeAuth, answer.ToValueList()),
            Children = children,
        };
    }

    /// <summary>The initiator has the last response: both sides are through.</summary>
    public static IkeSaState Concluded(Scope scope, IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads)
    {
        var peering = Recorded(state.Peering, state.Login);
        Lifecycle.Begin(scope, peering);
        Uniqueness(scope, peering, initialContact: false);
        peering = Configuration.Conclude(scope, Mobility.Learn(peering, payloads), payloads);
        Lifecycle.OnAuthLifetime(scope, payloads);
        Reauthentication.Made(scope, peering);
        var established = new IkeSaState.Established { Peering = peering, Channel = state.Channel };
        if (state.Offer is { } offer)
        {
            var result = ChildNegotiation.Conclude(scope, peering, state.Channel.Keys, offer, payloads, state.Init.InitiatorNonce, state.Init.ResponderNonce);
            established = CreateChildSa.Concluded(scope, established, offer, result);
        }

        return state.Wanted.Aggregate(established, (s, name) => Agenda.Want(s, new Wish.CreateChild(name)));
    }

    private static Peering Recorded(Peering peering, Login login) => peering with
    {
        Authentication = peering.Authentication with { Own = string.Join('+', login.OwnMethods), Theirs = string.Join('+', login.TheirMethods) },
    };

    private static void Uniqueness(Scope scope, Peering peering, bool initialContact)
    {
        // RFC 7296 §2.4: INITIAL_CONTACT says that the peer has no other IKE SA with us.
        var unique = peering.Connection.Spec.Unique;
        if (initialContact && unique != UniquePolicy.Never) scope.Add(new IkeOutput.Supersede(peering.Id, peering.LocalId, peering.RemoteId, Silently: true));
        else if (unique == UniquePolicy.Replace) scope.Add(new IkeOutput.Supersede(peering.Id, peering.LocalId, peering.RemoteId, Silently: false));
    }
}
