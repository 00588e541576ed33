using System.Runtime.CompilerServices;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;

namespace Gateway.Projections;

/// <summary>Reads journals as events. An event that cannot be read ends the reading; none is skipped.</summary>
public static class JournalReading
{
    /// <exception cref="JournalDamagedException">With the position of the event that cannot be read.</exception>
    public static async IAsyncEnumerable<JournalEvent> EventsAsync(this IJournal journal, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var envelope in journal.ReadAsync(from, cancellationToken).ConfigureAwait(false))
            yield return new JournalEvent(envelope, EventCatalog.Decode(envelope));
    }
}
