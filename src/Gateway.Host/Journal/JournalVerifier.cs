using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Pages;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>What a journal, a copy of one or a bundle is held to.</summary>
public sealed record VerifyAgainst
{
    /// <summary>The event before the first one: where a bundle or an archived journal begins.</summary>
    public JournalHead Begin { get; init; } = JournalHead.Empty;

    /// <summary>The head anchor; null where there is none.</summary>
    public JournalHead? Anchor { get; init; }

    /// <summary>Signed heads, by position.</summary>
    public IReadOnlyList<SignedHead> Heads { get; init; } = [];

    /// <summary>The key that must have signed them; null: signatures are not looked at.</summary>
    public HeadKey? Key { get; init; }

    /// <summary>There must be at least one head of that key: the key was given as the proof.</summary>
    public bool MustBeSigned { get; init; }

    /// <summary>Heads behind the last event are as they should be: of a bundle, whose period ends before.</summary>
    public bool MayEndEarly { get; init; }
}

/// <summary>Result of checking a whole journal.</summary>
/// <param name="Events">Events that were read and are sound.</param>
/// <param name="FirstBad">The first position that is missing, moved or changed, as near as it can be told; null when all is well.</param>
/// <param name="Problem">A sentence; null when all is well.</param>
public sealed record Verification(long Events, JournalHead Head, long? FirstBad, string? Problem)
{
    /// <summary>The journal holds no event up to this position.</summary>
    public long Begin { get; init; }

    /// <summary>Signed heads that were right.</summary>
    public int Signed { get; init; }

    /// <summary>Up to this position a signature vouches for every event; 0 = for none.</summary>
    public long SignedUpTo { get; init; }

    /// <summary>Heads by another key, which say nothing.</summary>
    public int ForeignHeads { get; init; }

    /// <summary>How often an event bears an earlier time than the one before it: the clock was set back.</summary>
    public long ClockSteps { get; init; }
}

/// <summary>
/// Recomputes the hash chain from the first position to the last and compares it with the anchor and the signed heads. The chain alone shows a change by
/// somebody who did not recompute it; the anchor a lost tail; a signature also the work of somebody who recomputed everything.
/// </summary>
public static class JournalVerifier
{
    public static Task<Verification> VerifyAsync(IJournal journal, JournalHead? anchor, CancellationToken cancellationToken) =>
        HoldAsync(journal, new VerifyAgainst { Anchor = anchor }, cancellationToken);

    /// <summary>Holds a journal, a copy or a bundle to everything that is known about it.</summary>
    public static async Task<Verification> HoldAsync(IJournal journal, VerifyAgainst against, CancellationToken cancellationToken)
    {
        var walk = new Walk(against);
        var running = new Queue<Task<PageCheck>>();
        try
        {
            var begin = against.Begin.Position == 0 && await journal.BaseAsync(cancellationToken).ConfigureAwait(false) is { } archived ? archived.Head : against.Begin;
            walk.Start(begin);
            var after = begin;
            await foreach (var page in EventPages.Of(journal, begin.Position + 1, cancellationToken).ConfigureAwait(false))
            {
                var (events, before) = (page, after);
                after = page.Last;
                running.Enqueue(Task.Run(() => Check(events, before), CancellationToken.None));
                if (running.Count > Environment.ProcessorCount * 2 && walk.Take(await running.Dequeue().ConfigureAwait(false)) is { } bad) return bad;
            }

            return await RestAsync(running, walk).ConfigureAwait(false) ?? walk.End();
        }
        catch (Microsoft.Data.Sqlite.SqliteException e)
        {
            // What was read before it counts first.
            return await RestAsync(running, walk).ConfigureAwait(false) ?? walk.Bad(walk.Head.Position + 1, $"Position {walk.Head.Position + 1} cannot be read: {e.Message}");
        }
        catch (JournalDamagedException e)
        {
            return await RestAsync(running, walk).ConfigureAwait(false) ?? walk.Bad(e.Position, e.Message);
        }
    }

    private static async Task<Verification?> RestAsync(Queue<Task<PageCheck>> running, Walk walk)
    {
        while (running.TryDequeue(out var next))
            if (walk.Take(await next.ConfigureAwait(false)) is { } bad) return bad;
        return null;
    }

    private static PageCheck Check(EventPage page, JournalHead after)
    {
        var fault = ChainFault.Of(after, page, out var sound);
        return new PageCheck(page, sound, fault);
    }

    /// <summary>A page and how much of it is sound.</summary>
    private sealed record PageCheck(EventPage Page, int Sound, ChainFault? Fault);

    /// <summary>Goes along the events with the heads in hand.</summary>
    private sealed class Walk(VerifyAgainst against)
    {
        private readonly List<SignedHead> _heads = [];
        private int _next;
        private int _foreign;
        private int _signed;
        private long _signedUpTo;
        private long _begin;
        private long _clockSteps;
        private long _events;
        private string? _headProblem;
        private long _lastTicks;
        private JournalHead? _atAnchor;

        public JournalHead Head { get; private set; } = JournalHead.Empty;

        public void Start(JournalHead begin)
        {
            (Head, _begin) = (begin, begin.Position);
            foreach (var head in against.Heads.OrderBy(h => h.Position))
            {
                if (against.Key is { } key)
                {
                    if (head.Key != key.Fingerprint)
                    {
                        _foreign++;
                        continue;
                    }

                    if (!head.IsSignedBy(key))
                    {
                        _headProblem ??= $"The signed head of position {head.Position} was changed: its signature does not hold.";
                        continue;
                    }
                }

                if (head.Position > begin.Position || head.Head == begin) _heads.Add(head);
            }

            Meet(begin);
            if (begin.Position == against.Anchor?.Position) _atAnchor = begin;
        }

        /// <summary>The result when it ends here, badly; null to go on.</summary>
        public Verification? Take(PageCheck check)
        {
            using var page = check.Page;
            for (var i = 0; i < check.Sound; i++)
            {
                Head = page.HeadAt(i);
                _events++;
                var ticks = page[i].Ticks;
                if (ticks < _lastTicks) _clockSteps++;
                _lastTicks = ticks;
                if (Head.Position == against.Anchor?.Position) _atAnchor = Head;
                if (Meet(Head) is { } bad) return bad;
            }

            return check.Fault is { } fault ? Bad(fault.Position, fault.Sentence) : null;
        }

        public Verification End()
        {
            if (against.Anchor is { Position: > 0 } anchor && anchor.Position > _begin)
            {
                if (Head.Position < anchor.Position) return Bad(Head.Position + 1, $"The stream ends at {Head.Position}, but position {anchor.Position} was committed: its tail is lost, or an older database was put in its place.");
                if (_atAnchor?.Hash != anchor.Hash) return Bad(anchor.Position, $"Position {anchor.Position} holds another event than was committed there.");
            }

            if (_next < _heads.Count && !against.MayEndEarly)
            {
                var head = _heads[_next];
                return Bad(Head.Position + 1, $"The stream ends at {Head.Position}, but the head of position {head.Position} was signed at {head.Time:yyyy-MM-ddTHH:mm:ssZ}: its tail is lost, or an older database was put in its place.");
            }

            if (_headProblem is not null) return Bad(null, _headProblem);
            if (against.MustBeSigned && _signed == 0) return Bad(null, _foreign > 0 ? "No signed head is of this key." : "There is no signed head to hold it to: the chain is whole, but nothing proves whose it is.");
            return Result(null, null);
        }

        public Verification Bad(long? position, string problem) => Result(position, problem);

        private Verification? Meet(JournalHead at)
        {
            for (; _next < _heads.Count && _heads[_next].Position <= at.Position; _next++)
            {
                var head = _heads[_next];
                if (head.Position < at.Position) continue;
                if (head.Hash != at.Hash)
                {
                    var first = Math.Max(_signedUpTo, _begin) + 1;
                    return Bad(first, $"Position {head.Position} holds another event than was signed at {head.Time:yyyy-MM-ddTHH:mm:ssZ}: the events from {first} on, up to that one, are not the ones that the gateway wrote, though the chain was made to fit.");
                }

                _signed++;
                _signedUpTo = head.Position;
            }

            return null;
        }

        private Verification Result(long? firstBad, string? problem) => new(_events, Head, firstBad, problem)
        {
            Begin = _begin,
            Signed = against.Key is null ? 0 : _signed,
            SignedUpTo = against.Key is null ? 0 : _signedUpTo,
            ForeignHeads = _foreign,
            ClockSteps = _clockSteps,
        };
    }
}
