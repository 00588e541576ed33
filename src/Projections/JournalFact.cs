using Gateway.Policy.Events;
using Gateway.Policy.Journal;

namespace Gateway.Projections;

/// <summary>What folds need of a stored event: where and when, by whom, and what; without the octets, which only the chain and an auditor look at.</summary>
/// <param name="Position">In the journal, from 1.</param>
/// <param name="Time">When it was decided, UTC.</param>
/// <param name="Principal">Who really spoke.</param>
/// <param name="Issuer">The sender's own label.</param>
/// <param name="CommandId">The sender's id of the command that caused it, if one did.</param>
/// <param name="Event">What happened.</param>
public readonly record struct JournalFact(long Position, DateTimeOffset Time, Principal Principal, string? Issuer, string? CommandId, GatewayEvent Event)
{
    public static implicit operator JournalFact(JournalEvent e) => FromJournalEvent(e);

    public static JournalFact FromJournalEvent(JournalEvent e) => new(e.Position, e.Time, e.Envelope.Principal, e.Envelope.Issuer, e.Envelope.CommandId, e.Event);
}
