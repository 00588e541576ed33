using System.Runtime.CompilerServices;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Pages;

/// <summary>Any journal as pages of octets.</summary>
internal static class EventPages
{
    /// <summary>The events from <paramref name="from"/> on, in order; who takes a page disposes it.</summary>
    public static IAsyncEnumerable<EventPage> Of(IJournal journal, long from, CancellationToken cancellationToken) =>
        journal is IEventPages pages ? pages.ReadEventPagesAsync(from, cancellationToken) : CopiedAsync(journal, from, cancellationToken);

    private static async IAsyncEnumerable<EventPage> CopiedAsync(IJournal journal, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var events in journal.ReadPagesAsync(from, cancellationToken).ConfigureAwait(false))
            foreach (var some in events.Chunk(JournalPages.Length)) yield return EventPage.Of(some);
    }
}
