using Gateway.Policy.Journal;
using Gateway.Projections;
using Gateway.Projections.Folds;

namespace Gateway.Host.Journal.History;

/// <summary>What the journal says of one moment.</summary>
/// <param name="Head">The last event before the moment.</param>
/// <param name="Fold">The folded state.</param>
/// <param name="From">Where the folding began: a snapshot, or the journal's beginning.</param>
public sealed record JournalState(JournalHead Head, StateFold Fold, JournalHead From)
{
    public RunningConfigurationProjection Configuration { get; } = Fold.ToProjection();

    public SaInventory Sas { get; } = Fold.Sas.ToInventory();
}
