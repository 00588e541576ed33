using System.Runtime.CompilerServices;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections;

namespace Gateway.Host.Journal.History;

/// <summary>Reads the event of an envelope, or throws <see cref="JournalDamagedException"/> with its position.</summary>
public delegate GatewayEvent EventDecoder(Envelope envelope);

/// <summary>
/// Reads a journal as events and checks its chain on the way. Pages are read ahead, and checked and decoded side by side on all processors: that a page
/// follows the one before it needs only the hash that the one before it claims, which its own check vouches for. They come out in order.
/// </summary>
public static class JournalReplay
{
    /// <summary>The events behind <paramref name="after"/>, page by page.</summary>
    /// <param name="journal">Where they are.</param>
    /// <param name="after">The last event that is known already, or <see cref="JournalHead.Empty"/>.</param>
    /// <param name="decode">Null: by the event catalogue.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <param name="sparing">Uses no more than one processor: for what can wait.</param>
    /// <exception cref="JournalDamagedException">With the first position that is missing, changed or cannot be read.</exception>
    /// <exception cref="JournalArchivedException">The journal begins later.</exception>
    public static async IAsyncEnumerable<JournalEvent[]> PagesAsync(
        IJournal journal, JournalHead after, EventDecoder? decode, [EnumeratorCancellation] CancellationToken cancellationToken, bool sparing = false)
    {
        var most = sparing ? 1 : Math.Max(2, Environment.ProcessorCount * 2);
        var running = new Queue<Task<JournalEvent[]>>(most);
        var pages = journal.ReadPagesAsync(after.Position + 1, cancellationToken).GetAsyncEnumerator(cancellationToken);
        Task<bool>? next = null;
        try
        {
            var more = true;
            while (more || running.Count > 0)
            {
                next ??= more ? pages.MoveNextAsync().AsTask() : null;
                // What is decoded is given out rather than waiting for the disk, and the disk is not waited for while there is enough to decode.
                if (next is null || running.Count == most || (running.Count > 0 && !next.IsCompleted && running.Peek().IsCompleted))
                {
                    yield return await running.Dequeue().ConfigureAwait(false);
                    continue;
                }

                more = await next.ConfigureAwait(false);
                next = null;
                if (!more) continue;
                var (page, before) = (pages.Current, after);
                running.Enqueue(Task.Run(() => Check(page, before, decode ?? EventCatalog.Decode), CancellationToken.None));
                after = new JournalHead(page[^1].Position, page[^1].Hash);
            }
        }
        finally
        {
            if (next is not null) await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await pages.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The events behind <paramref name="after"/>, one by one.</summary>
    public static async IAsyncEnumerable<JournalEvent> EventsAsync(IJournal journal, JournalHead after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var page in PagesAsync(journal, after, null, cancellationToken).ConfigureAwait(false))
            foreach (var e in page) yield return e;
    }

    private static JournalEvent[] Check(IReadOnlyList<Envelope> page, JournalHead after, EventDecoder decode)
    {
        var fault = ChainFault.Of(after, page, out var sound);
        var events = new JournalEvent[sound];
        for (var i = 0; i < sound; i++) events[i] = new JournalEvent(page[i], decode(page[i]));
        return fault is null ? events : throw new JournalDamagedException(fault.Position, fault.Sentence);
    }
}
