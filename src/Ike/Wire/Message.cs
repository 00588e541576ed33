using Gateway.Ike.Payloads;
using Gateway.Policy;

namespace Gateway.Ike.Wire;

/// <summary>An IKE message: its header and its payloads in order.</summary>
public sealed record Message(IkeHeader Header, ValueList<Payload> Payloads)
{
    /// <summary>The first payload of a kind, or null.</summary>
    public T? Find<T>()
        where T : Payload => Payloads.Find<T>();

    /// <summary>The first notify of a type, or null.</summary>
    public NotifyPayload? Notify(NotifyType type) => Payloads.Notify(type);

    /// <summary>Whether the message carries an encrypted payload or fragment, so that it must be opened before it means anything.</summary>
    public bool IsProtected => Payloads.Count > 0 && Payloads[^1] is EncryptedPayload or EncryptedFragmentPayload;
}

/// <summary>Looks payloads up in a message's or an opened payload's list.</summary>
public static class PayloadLookup
{
    public static T? Find<T>(this ValueList<Payload> payloads)
        where T : Payload
    {
        foreach (var payload in payloads)
            if (payload is T found) return found;
        return null;
    }

    public static IEnumerable<T> All<T>(this ValueList<Payload> payloads)
        where T : Payload => payloads.OfType<T>();

    public static NotifyPayload? Notify(this ValueList<Payload> payloads, NotifyType type)
    {
        foreach (var payload in payloads)
            if (payload is NotifyPayload notify && notify.Notify == type) return notify;
        return null;
    }

    public static bool Has(this ValueList<Payload> payloads, NotifyType type) => payloads.Notify(type) is not null;
}
