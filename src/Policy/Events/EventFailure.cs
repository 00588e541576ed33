namespace Gateway.Policy.Events;

/// <summary>Why a stored event cannot be read. A start or a query ends with it; no event is ever skipped.</summary>
public abstract record EventFailure(string Name)
{
    /// <summary>A sentence for people.</summary>
    public abstract string Message { get; }

    /// <summary>No such event: the journal was written by a newer gateway, or by something else.</summary>
    public sealed record Unknown(string Name) : EventFailure(Name)
    {
        public override string Message => Newer is { } version
            ? $"The event '{Name}' is of version {version}, which a newer gateway wrote; this one knows {Known}."
            : $"The event '{Name}' is not known to this version of the gateway: a newer one, or something else, wrote it.";

        /// <summary>The version in its name, when other versions of the event are known.</summary>
        private string? Newer => Known is not null && Name.LastIndexOf(".v", StringComparison.Ordinal) is var dot and > 0 ? Name[(dot + 2)..] : null;

        /// <summary>The newest version of the same event that is known.</summary>
        public string? Known { get; init; }
    }

    /// <summary>The name is known, but the data is not what such an event holds.</summary>
    /// <param name="Why">What the reader found; says nothing of values.</param>
    public sealed record Unreadable(string Name, string Why) : EventFailure(Name)
    {
        public override string Message => $"The data of the event '{Name}' cannot be read: {Why}";
    }
}
