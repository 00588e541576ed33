namespace Gateway.Policy.Events;

/// <summary>Why a stored event cannot be read. A start or a query ends with it; no event is ever skipped.</summary>
public abstract record EventFailure(string Name)
{
    /// <summary>A sentence for people.</summary>
    public abstract string Message { get; }

    /// <summary>No such event: the journal was written by a newer gateway, or by something else.</summary>
    public sealed record Unknown(string Name) : EventFailure(Name)
    {
        public override string Message => $"The event '{Name}' is not known to this version of the gateway.";
    }

    /// <summary>The name is known, but the data is not what such an event holds.</summary>
    /// <param name="Why">What the reader found; says nothing of values.</param>
    public sealed record Unreadable(string Name, string Why) : EventFailure(Name)
    {
        public override string Message => $"The data of the event '{Name}' cannot be read: {Why}";
    }
}
