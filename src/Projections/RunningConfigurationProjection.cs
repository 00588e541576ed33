using System.Collections.Immutable;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Projections;

/// <summary>The running configuration as a fold of the journal. Puts and deletes count from the commit that closes them; what no commit closed never counts.</summary>
public sealed record RunningConfigurationProjection
{
    public static RunningConfigurationProjection Empty { get; } = new();

    public RunningConfiguration Configuration { get; private init; } = RunningConfiguration.Empty;

    /// <summary>Of the last event that was folded in.</summary>
    public long Position { get; private init; }

    public DateTimeOffset? Time { get; private init; }

    /// <summary>Items of which the last word is that they are pending.</summary>
    public ImmutableHashSet<ItemKey> Pending { get; private init; } = [];

    /// <summary>Puts and deletes that no commit has closed yet.</summary>
    private ImmutableList<ItemChange> Open { get; init; } = [];

    public RunningConfigurationProjection Apply(JournalFact e)
    {
        var next = this with { Position = e.Position, Time = e.Time };
        return e.Event switch
        {
            ItemPut put => next with { Open = Open.Add(ChangeOf(put, e.Principal)) },
            ItemDeleted deleted => next with { Open = Open.Add(new ItemChange(deleted.Key, null)) },
            TransactionCommitted committed => next with { Configuration = Configuration.With(Closed(committed.Changes), committed.Revision), Open = [] },
            ItemPending pending => next with { Pending = Pending.Add(pending.Key) },
            ItemApplied applied => next with { Pending = Pending.Remove(applied.Key) },
            ItemRemoved removed => next with { Pending = Pending.Remove(removed.Key) },
            _ => next,
        };
    }

    /// <summary>The configuration at a moment; null when the journal does not reach it.</summary>
    public static async Task<RunningConfigurationProjection?> AtAsync(IAsyncEnumerable<JournalEvent> events, Moment? moment, CancellationToken cancellationToken)
    {
        var state = Empty;
        await foreach (var e in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (moment?.IsBefore(e, state.Configuration.Revision) == true) return state;
            state = state.Apply(e);
        }

        return moment?.IsReached(state.Position, state.Configuration.Revision) == false ? null : state;
    }

    /// <summary>What a put does to the configuration.</summary>
    internal static ItemChange ChangeOf(ItemPut put, Principal principal) => new(put.Key, new Item(put.Key, put.Spec) { Owner = Speaker.OwnerFrom(principal) });

    internal static RunningConfigurationProjection Of(RunningConfiguration configuration, long position, DateTimeOffset? time, IEnumerable<ItemKey> pending, IEnumerable<ItemChange> open) =>
        new() { Configuration = configuration, Position = position, Time = time, Pending = [.. pending], Open = [.. open] };

    private IReadOnlyCollection<ItemChange> Closed(int changes) => changes >= Open.Count ? Open : Open.GetRange(Open.Count - changes, changes);
}
