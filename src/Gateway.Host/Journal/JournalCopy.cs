using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>What a copy did.</summary>
/// <param name="Copied">Events that this run copied.</param>
/// <param name="Commands">Records of commands that went with them.</param>
/// <param name="Head">Where the copy ends; the same as in the source.</param>
/// <param name="Verified">Events of the copy whose chain was recomputed.</param>
public sealed record CopyReport(long Copied, long Commands, JournalHead Head, long Verified);

/// <summary>
/// Copies a journal event by event into another store: same positions, hashes and records of commands, so that a gateway goes on over there as if nothing had
/// happened. It begins where the copy ends, so it can be interrupted, and run again after the gateway has written more. At the end the whole copy is read back.
/// </summary>
internal static class JournalCopy
{
    /// <summary>Events in one append, unless a transaction is longer.</summary>
    private const int Batch = 500;

    /// <summary>A transaction that is longer is cut nevertheless.</summary>
    private const int LongestBatch = 20_000;

    /// <exception cref="JournalConflictException">The target holds something else than a beginning of the source.</exception>
    /// <exception cref="JournalDamagedException">The chain of the source or of the copy does not hold.</exception>
    public static async Task<CopyReport> RunAsync(ICopySource source, IJournal target, Action<long>? progress, CancellationToken stop)
    {
        var head = await target.OpenAsync(stop).ConfigureAwait(false);
        var begin = head;
        long commands = 0;
        var checkedBegin = head.Position == 0;
        var events = new List<Envelope>();
        var records = new List<RecordedCommand>();
        await foreach (var entry in source.EntriesAsync(Math.Max(1, head.Position), stop).ConfigureAwait(false))
        {
            var e = entry.Envelope;
            if (!checkedBegin)
            {
                if (e.Position != head.Position || e.Hash != head.Hash) throw Foreign(head.Position);
                checkedBegin = true;
                continue;
            }

            if (e.Position != head.Position + 1 || HashChain.Next(head.Hash, e) != e.Hash)
                throw new JournalDamagedException(head.Position + 1, $"The source is damaged at position {head.Position + 1}: the chain does not hold. The copy ends before it.");
            if (events.Count >= Batch && (events.Count >= LongestBatch || e.CommandId is null || e.CommandId != events[^1].CommandId || e.Principal != events[^1].Principal))
                await FlushAsync(target, events, records, progress, stop).ConfigureAwait(false);
            events.Add(e);
            records.AddRange(entry.Commands);
            commands += entry.Commands.Count;
            head = new JournalHead(e.Position, e.Hash);
        }

        if (!checkedBegin) throw Foreign(head.Position);
        await FlushAsync(target, events, records, progress, stop).ConfigureAwait(false);
        var verification = await JournalVerifier.VerifyAsync(target, head, stop).ConfigureAwait(false);
        if (verification.FirstBad is { } bad) throw new JournalDamagedException(bad, $"The copy is not good: {verification.Problem}");
        if (verification.Head != head) throw new JournalDamagedException(head.Position + 1, $"The copy goes on behind position {head.Position}: somebody else writes to it.");
        return new CopyReport(head.Position - begin.Position, commands, head, verification.Events);
    }

    /// <summary>
    /// Whether the source holds what an anchor beside the target names: a gateway has gone on since the target was written last, and only a copy of what it
    /// wrote may take its place.
    /// </summary>
    /// <exception cref="JournalConflictException">It does not.</exception>
    public static async Task CheckAnchorAsync(ICopySource source, JournalHead anchor, CancellationToken stop)
    {
        await foreach (var entry in source.EntriesAsync(anchor.Position, stop).ConfigureAwait(false))
        {
            if (entry.Envelope.Position == anchor.Position && entry.Envelope.Hash == anchor.Hash) return;
            break;
        }

        throw new JournalConflictException($"The anchor beside the target names position {anchor.Position}, which the source does not hold: it is another journal, or an older one. Nothing was written.");
    }

    private static async Task FlushAsync(IJournal target, List<Envelope> events, List<RecordedCommand> records, Action<long>? progress, CancellationToken stop)
    {
        if (events.Count == 0) return;
        await target.AppendAsync(new AppendBatch([.. events], [.. records], Durability.Synced), stop).ConfigureAwait(false);
        progress?.Invoke(events[^1].Position);
        events.Clear();
        records.Clear();
    }

    private static JournalConflictException Foreign(long position) =>
        new($"The target is not a beginning of the source: they differ at or before position {position}. Nothing was written; choose an empty target.");
}
