using Gateway.Host.Journal.Pages;
using Gateway.Host.Journal.Snapshots;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Gateway.Projections.Folds;

namespace Gateway.Host.Journal.History;

/// <summary>
/// The journal at any moment: begins with the newest snapshot before it and folds the events that follow. Without snapshots it gives the same answers,
/// more slowly. Every event that it reads is checked against the chain.
/// </summary>
public sealed class JournalHistory(IJournal journal, SnapshotStore? snapshots)
{
    public IJournal Journal => journal;

    /// <summary>The snapshots, if there may be any.</summary>
    public SnapshotStore? Snapshots => snapshots;

    /// <summary>The state just after <paramref name="moment"/> (null = everything); null when the journal does not reach it.</summary>
    /// <param name="moment">A revision, a position or a time.</param>
    /// <param name="blame">Also who made each field.</param>
    /// <exception cref="JournalDamagedException">An event on the way is missing, changed or cannot be read.</exception>
    /// <exception cref="JournalArchivedException">The moment lies in what was archived.</exception>
    public async Task<JournalState?> AtAsync(Moment? moment, bool blame, CancellationToken cancellationToken)
    {
        switch (moment)
        {
            case null:
                return await FoldAsync(_ => true, long.MaxValue, _ => false, blame, cancellationToken).ConfigureAwait(false);
            case Moment.AtPosition at:
                var there = await FoldAsync(s => s.Position <= at.Position, at.Position, _ => false, blame, cancellationToken).ConfigureAwait(false);
                return there.Head.Position == at.Position ? there : null;
            case Moment.AtRevision at:
                var then = await FoldAsync(s => s.Revision < at.Revision || (s.IsBase && s.Revision == at.Revision), at.Revision == 0 ? 0 : long.MaxValue, s => s.Configuration.Revision == at.Revision, blame, cancellationToken).ConfigureAwait(false);
                return then.Fold.Configuration.Revision == at.Revision ? then : null;
            case Moment.AtTime at:
                var position = await PositionAtAsync(at.Time, cancellationToken).ConfigureAwait(false);
                return await FoldAsync(s => s.Position <= position, position, _ => false, blame, cancellationToken).ConfigureAwait(false);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Position of the last event up to <paramref name="moment"/>; null when the journal does not reach it.</summary>
    public async Task<long?> PositionOfAsync(Moment moment, CancellationToken cancellationToken) => moment switch
    {
        Moment.AtPosition at => at.Position <= await LastAsync(cancellationToken).ConfigureAwait(false) ? at.Position : null,
        Moment.AtTime at => await PositionAtAsync(at.Time, cancellationToken).ConfigureAwait(false),
        _ => (await AtAsync(moment, blame: false, cancellationToken).ConfigureAwait(false))?.Head.Position,
    };

    /// <summary>The journal's end.</summary>
    public async Task<JournalHead> HeadAsync(CancellationToken cancellationToken) => await HeadAtAsync(await LastAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>The event at <paramref name="position"/> as the place to go on from; 0 is the beginning.</summary>
    /// <exception cref="JournalDamagedException">There is no such event.</exception>
    public async Task<JournalHead> HeadAtAsync(long position, CancellationToken cancellationToken)
    {
        if (position <= 0) return JournalHead.Empty;
        if (await journal.BaseAsync(cancellationToken).ConfigureAwait(false) is { } begin && begin.Head.Position == position) return begin.Head;
        await foreach (var e in journal.ReadAsync(position, cancellationToken).ConfigureAwait(false))
            if (e.Position == position) return new JournalHead(position, e.Hash);
            else break;
        throw new JournalDamagedException(position, $"Position {position} is missing.");
    }

    /// <summary>Position of the last event.</summary>
    public async Task<long> LastAsync(CancellationToken cancellationToken)
    {
        var last = (await journal.BaseAsync(cancellationToken).ConfigureAwait(false))?.Head.Position ?? 0;
        if (snapshots?.List() is [var newest, ..]) last = Math.Max(last, newest.Position);
        await foreach (var page in EventPages.Of(journal, last + 1, cancellationToken).ConfigureAwait(false))
        {
            using (page) last = page.PositionAt(page.Count - 1);
        }

        return last;
    }

    /// <summary>The newest snapshot that <paramref name="wanted"/> takes and that can be used, or the journal's beginning.</summary>
    internal async ValueTask<(JournalHead Head, StateFold State)> StartAsync(Func<SnapshotHeader, bool> wanted, bool blame, CancellationToken cancellationToken)
    {
        foreach (var header in snapshots?.List() ?? [])
        {
            if (!wanted(header)) continue;
            if (await snapshots!.LoadAsync(header, journal, blame, cancellationToken).ConfigureAwait(false) is { } state) return (header.Head, state);
        }

        if (await journal.BaseAsync(cancellationToken).ConfigureAwait(false) is not { } begin) return (JournalHead.Empty, new StateFold(blame));
        var archived = StateDocument.Read(SnapshotFile.Unpack([.. begin.State.Span]), blame);
        // A moment before the base: the caller is told so by reading from the first position.
        var asHeader = new SnapshotHeader
        {
            Gateway = "",
            Position = begin.Head.Position,
            Hash = begin.Head.Hash,
            Revision = archived.Configuration.Revision,
            SegmentFrom = 1,
            SegmentEarliest = 0,
            Build = "",
            Digest = default,
            Length = 0,
        };
        return wanted(asHeader) ? (begin.Head, archived) : (JournalHead.Empty, new StateFold(blame));
    }

    /// <summary>
    /// Position of the last event that is not later than <paramref name="time"/>. Positions are the order of what happened; clocks jump. So a moment in time
    /// is everything up to the last event that bears that time or an earlier one: a clock that ran ahead for a while hides nothing of what came afterwards.
    /// </summary>
    private async Task<long> PositionAtAsync(DateTimeOffset time, CancellationToken cancellationToken)
    {
        var begin = (await journal.BaseAsync(cancellationToken).ConfigureAwait(false))?.Head.Position ?? 0;
        var upTo = long.MaxValue;
        foreach (var snapshot in snapshots?.List() ?? [])
        {
            if (snapshot.Position <= begin) break;
            if (upTo > snapshot.Position && await LastUpToAsync(time, snapshot.Position + 1, upTo, cancellationToken).ConfigureAwait(false) is { } behind) return behind;
            upTo = Math.Min(upTo, snapshot.SegmentFrom - 1);
            if (snapshot.SegmentEarliest > time.UtcTicks) continue;
            if (await LastUpToAsync(time, Math.Max(begin + 1, snapshot.SegmentFrom), snapshot.Position, cancellationToken).ConfigureAwait(false) is { } within) return within;
        }

        if (await LastUpToAsync(time, begin + 1, upTo, cancellationToken).ConfigureAwait(false) is { } first) return first;
        if (begin == 0) return 0;
        // Nothing in the journal is so old. What was archived ends before it, or is where the moment lies.
        var archived = await AtAsync(new Moment.AtPosition(begin), blame: false, cancellationToken).ConfigureAwait(false);
        return archived?.Fold.Time <= time ? begin : throw new JournalArchivedException(begin, $"{time:O} lies in what was archived, up to position {begin}.");
    }

    private async Task<long?> LastUpToAsync(DateTimeOffset time, long from, long to, CancellationToken cancellationToken)
    {
        long? last = null;
        if (from > to) return last;
        await foreach (var page in EventPages.Of(journal, from, cancellationToken).ConfigureAwait(false))
        {
            using (page)
            {
                for (var i = 0; i < page.Count; i++)
                    if (page[i].Ticks <= time.UtcTicks && page.PositionAt(i) <= to) last = page.PositionAt(i);
                if (page.PositionAt(page.Count - 1) >= to) break;
            }
        }

        return last;
    }

    private async Task<JournalState> FoldAsync(Func<SnapshotHeader, bool> wanted, long upTo, Func<StateFold, bool> isThere, bool blame, CancellationToken cancellationToken)
    {
        var (from, state) = await StartAsync(wanted, blame, cancellationToken).ConfigureAwait(false);
        var head = from;
        if (head.Position >= upTo || (head.Position > 0 && isThere(state))) return new JournalState(head, state, from);
        await foreach (var page in JournalReplay.PagesAsync(journal, head, null, cancellationToken).ConfigureAwait(false))
        {
            for (var i = 0; i < page.Count; i++)
            {
                state.Apply(page[i]);
                if (page[i].Position == upTo || isThere(state)) return new JournalState(page.HeadAt(i), state, from);
            }

            head = page.HeadAt(page.Count - 1);
        }

        return new JournalState(head, state, from);
    }
}
