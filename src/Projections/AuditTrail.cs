using System.Runtime.CompilerServices;
using Gateway.Policy.Events;
using Gateway.Policy.Items;

namespace Gateway.Projections;

/// <summary>Which part of the trail is asked for.</summary>
/// <param name="Item">Only what concerns it.</param>
/// <param name="Since">Events after this moment.</param>
/// <param name="Until">Events up to this moment, inclusive.</param>
public sealed record AuditFilter(ItemKey? Item = null, Moment? Since = null, Moment? Until = null);

/// <summary>
/// The journal for people. Puts and deletes are told with the revision and reason of the commit that closes them, so they wait for it; those that no
/// commit closed are left out, as they never counted.
/// </summary>
public static class AuditTrail
{
    public static async IAsyncEnumerable<AuditEntry> ReadAsync(
        IAsyncEnumerable<JournalEvent> events, AuditFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var waiting = new List<JournalEvent>();
        var revision = 0L;
        await foreach (var e in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (filter.Until?.IsBefore(e, revision) == true) break;
            // Of a revision, the transaction's own events come before the commit that makes it: they are after Since when the commit is.
            waiting.Add(e);
            if (e.Event is not TransactionCommitted && waiting.Exists(w => w.Event is ItemPut or ItemDeleted)) continue;
            foreach (var entry in Close(waiting))
                if (IsWanted(entry, filter, revision)) yield return entry;
            revision = Moment.RevisionAfter(revision, e.Event);
            waiting.Clear();
        }

        foreach (var entry in Close(waiting))
            if (IsWanted(entry, filter, revision)) yield return entry;
    }

    private static bool IsWanted(AuditEntry entry, AuditFilter filter, long revision) =>
        (filter.Since is null || filter.Since.IsBefore(new JournalEvent(entry.Envelope, entry.Event), revision))
        && (filter.Item is not { } item || entry.Concerns(item));

    private static IEnumerable<AuditEntry> Close(List<JournalEvent> events)
    {
        var committed = events.Count > 0 ? events[^1].Event as TransactionCommitted : null;
        var unclosed = events.Count(e => e.Event is ItemPut or ItemDeleted) - (committed?.Changes ?? 0);
        foreach (var e in events)
        {
            var isChange = e.Event is ItemPut or ItemDeleted;
            if (isChange && unclosed-- > 0) continue;
            var ofTransaction = isChange || e.Event is TransactionCommitted;
            yield return new AuditEntry(
                e.Envelope,
                e.Event,
                ofTransaction ? committed?.Revision : null,
                ofTransaction ? committed?.Reason : (e.Event as SaCommandAccepted)?.Reason ?? (e.Event as SessionsCleared)?.Reason,
                EventSummary.Of(e.Event));
        }
    }
}
