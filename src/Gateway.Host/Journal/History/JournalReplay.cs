using System.Runtime.CompilerServices;
using Gateway.Host.Journal.Pages;
using Gateway.Policy.Events;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Journal;
using Gateway.Projections;

namespace Gateway.Host.Journal.History;

/// <summary>
/// Reads a journal as events and checks its chain on the way. Pages are read ahead, and checked and decoded side by side on all processors: that a page
/// follows the one before it needs only the hash that the one before it claims, which its own check vouches for. They come out in order.
/// </summary>
public static class JournalReplay
{
    /// <summary>The facts behind <paramref name="after"/>, page by page.</summary>
    /// <param name="journal">Where they are.</param>
    /// <param name="after">The last event that is known already, or <see cref="JournalHead.Empty"/>.</param>
    /// <param name="reader">Null: by the event catalogue.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <param name="sparing">Uses no more than one processor: for what can wait.</param>
    /// <exception cref="JournalDamagedException">With the first position that is missing, changed or cannot be read.</exception>
    /// <exception cref="JournalArchivedException">The journal begins later.</exception>
    public static IAsyncEnumerable<FactPage> PagesAsync(IJournal journal, JournalHead after, EventReader? reader, CancellationToken cancellationToken, bool sparing = false)
    {
        var recurring = new RecurringValues();
        return CheckedAsync(journal, after, sparing, (page, sound) => FactPage.Of(page, sound, reader ?? EventCatalog.Reader, recurring), cancellationToken);
    }

    /// <summary>The events behind <paramref name="after"/>, one by one, with all that is stored of them.</summary>
    /// <exception cref="JournalDamagedException">With the first position that is missing, changed or cannot be read.</exception>
    /// <exception cref="JournalArchivedException">The journal begins later.</exception>
    public static async IAsyncEnumerable<JournalEvent> EventsAsync(IJournal journal, JournalHead after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var recurring = new RecurringValues();
        await foreach (var page in CheckedAsync(journal, after, sparing: false, (page, sound) => Events(page, sound, recurring), cancellationToken).ConfigureAwait(false))
            foreach (var e in page) yield return e;
    }

    private static async IAsyncEnumerable<T> CheckedAsync<T>(
        IJournal journal, JournalHead after, bool sparing, Func<EventPage, int, T> decode, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var most = sparing ? 1 : Math.Max(2, Environment.ProcessorCount * 2);
        var running = new Queue<Task<T>>(most);
        var pages = EventPages.Of(journal, after.Position + 1, cancellationToken).GetAsyncEnumerator(cancellationToken);
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
                after = page.Last;
                running.Enqueue(Task.Run(() => Check(page, before, decode), CancellationToken.None));
            }
        }
        finally
        {
            if (next is not null) await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await pages.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static T Check<T>(EventPage page, JournalHead after, Func<EventPage, int, T> decode)
    {
        using (page)
        {
            var fault = ChainFault.Of(after, page, out var sound);
            // An event that cannot be read comes before what is wrong behind it.
            var decoded = decode(page, sound);
            return fault is null ? decoded : throw new JournalDamagedException(fault.Position, fault.Sentence);
        }
    }

    private static JournalEvent[] Events(EventPage page, int count, RecurringValues recurring)
    {
        var events = new JournalEvent[count];
        for (var i = 0; i < count; i++)
        {
            var envelope = page.EnvelopeAt(i, recurring);
            events[i] = new JournalEvent(envelope, EventCatalog.Reader.Decode(envelope.Position, envelope.Name, envelope.Data.Span, recurring));
        }

        return events;
    }
}
