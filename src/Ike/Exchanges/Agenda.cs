using System.Diagnostics;
using Gateway.Ike.Extensions;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>What an established IKE SA still wants of its peer, one exchange after the other (RFC 7296 §2.3: the window is one).</summary>
internal static class Agenda
{
    /// <summary>Adds a wish unless it is there already.</summary>
    public static IkeSaState.Established Want(IkeSaState.Established state, Wish wish) =>
        state.Queue.Contains(wish) || state.Deferred.Contains(wish) ? state : state with { Queue = state.Queue.Append(wish).ToValueList() };

    /// <summary>Adds a wish before all others.</summary>
    public static IkeSaState.Established WantFirst(IkeSaState.Established state, Wish wish) =>
        state with { Queue = state.Queue.Where(w => w != wish).Prepend(wish).ToValueList() };

    /// <summary>Puts a wish off that the peer could not fulfil at the time (RFC 7296 §2.25).</summary>
    public static IkeSaState.Established Defer(Scope scope, IkeSaState.Established state, Wish wish)
    {
        if (!scope.Timers.ContainsKey(new TimerId(TimerKind.Retry))) scope.Set(TimerKind.Retry, scope.Settings.RetryDelay + scope.Random(scope.Settings.RetryDelay));
        return state.Deferred.Contains(wish) ? state : state with { Deferred = state.Deferred.Append(wish).ToValueList() };
    }

    /// <summary>What was put off is wanted again.</summary>
    public static IkeSaState.Established Retry(IkeSaState.Established state)
    {
        var again = state with { Deferred = default };
        return state.Deferred.Aggregate(again, Want);
    }

    /// <summary>Begins the next exchange when none is outstanding.</summary>
    public static IkeSaState Proceed(Scope scope, IkeSaState.Established state)
    {
        while (state is { Task: null, Channel.Request: null, Queue.Count: > 0 })
        {
            var wish = state.Queue[0];
            state = state with { Queue = state.Queue.Skip(1).ToValueList() };
            if (wish is Wish.CloseIke close) return Informational.DeleteIke(scope, state, close.Reason);
            if (wish is Wish.Reauthenticate) return Reauthentication.Break(scope, state);
            state = Begin(scope, state, wish);
        }

        return state;
    }

    /// <summary>Whether a child of that name is up or on its way.</summary>
    public static bool HasOrMakes(IkeSaState.Established state, ChildName name) =>
        state.Children.Any(c => c.Name == name && c is { Installed: true, Stage: ChildStage.Active })
        || state.Task is OwnTask.CreatingChild creating && creating.Offer.Child == name
        || state.Queue.Contains(new Wish.CreateChild(name)) || state.Deferred.Contains(new Wish.CreateChild(name));

    /// <summary>Sends a request that is a task of ours.</summary>
    public static IkeSaState.Established Send(Scope scope, IkeSaState.Established state, OwnTask task, ExchangeType exchange, IEnumerable<Payload> payloads) =>
        state with { Task = task, Channel = Requests.Send(scope, state.Peering, state.Channel, exchange, payloads.ToValueList()) };

    private static IkeSaState.Established Begin(Scope scope, IkeSaState.Established state, Wish wish)
    {
        switch (wish)
        {
            case Wish.CreateChild create:
                return HasOrMakes(state, create.Child) || state.Peering.Connection.Child(create.Child) is null ? state : CreateChildSa.Send(scope, state, create.Child);
            case Wish.RekeyChild rekey:
                return Find(state, rekey.Child) is { Stage: ChildStage.Active } old ? RekeyChildSa.Send(scope, state, old) : state;
            case Wish.RekeyIke:
                return RekeyIkeSa.Send(scope, state);
            case Wish.CloseChild close:
                return Find(state, close.Child) is { Stage: not ChildStage.Closing } child ? Informational.DeleteChild(scope, state, child, close.Reason) : state;
            case Wish.UpdateAddresses:
                return Mobility.Send(scope, state);
            case Wish.CheckLiveness:
                return Send(scope, state, new OwnTask.CheckingLiveness(), ExchangeType.Informational, []);
            default:
                throw new UnreachableException();
        }
    }

    public static ChildSa? Find(IkeSaState.Established state, ChildSaId id) => state.Children.FirstOrDefault(c => c.Id == id);

    public static IkeSaState.Established Replace(IkeSaState.Established state, ChildSa child) =>
        state with { Children = state.Children.Select(c => c.Id == child.Id ? child : c).ToValueList() };

    public static IkeSaState.Established Add(IkeSaState.Established state, ChildSa child) => state with { Children = state.Children.Append(child).ToValueList() };

    /// <summary>
    /// Takes a CHILD SA away. Those that were made to replace it may send from now on (RFC 7296 §2.8).
    /// </summary>
    public static IkeSaState.Established Remove(Scope scope, IkeSaState.Established state, ChildSa child, string reason)
    {
        Ending.CloseChild(scope, state.Peering, child, reason);
        var rest = new List<ChildSa>();
        foreach (var other in state.Children.AsSpan())
        {
            if (other.Id == child.Id) continue;
            if (other is { OutboundHeld: true, Stage: ChildStage.Active } && other.Replaces == child.Id)
            {
                scope.Add(new IkeOutput.UseOutbound(other.Id));
                rest.Add(other with { OutboundHeld = false });
            }
            else
            {
                rest.Add(other);
            }
        }

        return state with { Children = rest.ToValueList() };
    }

    /// <summary>The notify that names a CHILD SA by the SPI of packets to us (RFC 7296 §1.3.3).</summary>
    public static NotifyPayload About(NotifyType type, Spi spi)
    {
        Span<byte> bytes = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, spi.Value);
        return new NotifyPayload(type, default, SaProtocol.Esp, new Octets(bytes));
    }
}
