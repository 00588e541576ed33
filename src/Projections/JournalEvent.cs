using Gateway.Policy.Events;
using Gateway.Policy.Journal;

namespace Gateway.Projections;

/// <summary>A stored event as folds take it: who, when and where, and what.</summary>
public readonly record struct JournalEvent(Envelope Envelope, GatewayEvent Event)
{
    public long Position => Envelope.Position;

    public DateTimeOffset Time => Envelope.Time;
}
