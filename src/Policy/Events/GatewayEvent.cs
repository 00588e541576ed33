using System.Text.Json.Serialization;

namespace Gateway.Policy.Events;

/// <summary>A fact of the journal: past tense, small, for ever. The stored name comes from the event catalogue, apart from the CLR name.</summary>
public abstract record GatewayEvent
{
    /// <summary>What it is about, as <see cref="Journal.Envelope.Subject"/>.</summary>
    [JsonIgnore]
    public abstract string Subject { get; }
}
