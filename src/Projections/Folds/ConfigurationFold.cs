using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Projections.Folds;

/// <summary>
/// <see cref="RunningConfigurationProjection"/> for many events at once: it changes in place, and the immutable configuration is made when it is asked for.
/// The two are held to each other by a test.
/// </summary>
public sealed class ConfigurationFold
{
    private readonly Dictionary<ItemKey, PutItem> _items = [];
    private readonly HashSet<ItemKey> _pending = [];
    private readonly List<OpenChange> _open = [];

    /// <summary>Number of accepted transactions.</summary>
    public long Revision { get; private set; }

    /// <summary>The items in force, each with who put it last.</summary>
    public IReadOnlyCollection<PutItem> Items => _items.Values;

    public IReadOnlySet<ItemKey> Pending => _pending;

    /// <summary>Puts and deletes that no commit has closed yet.</summary>
    public IReadOnlyList<OpenChange> Open => _open;

    public void Apply(JournalFact e)
    {
        switch (e.Event)
        {
            case ItemPut put:
                _open.Add(new OpenChange(put.Key, new PutItem(put, e.Principal)));
                break;
            case ItemDeleted deleted:
                _open.Add(new OpenChange(deleted.Key, null));
                break;
            case TransactionCommitted committed:
                for (var i = Math.Max(0, _open.Count - committed.Changes); i < _open.Count; i++)
                {
                    if (_open[i].Put is { } after) _items[_open[i].Key] = after;
                    else _items.Remove(_open[i].Key);
                }

                _open.Clear();
                Revision = committed.Revision;
                break;
            case ItemPending pending:
                _pending.Add(pending.Key);
                break;
            case ItemApplied applied:
                _pending.Remove(applied.Key);
                break;
            case ItemRemoved removed:
                _pending.Remove(removed.Key);
                break;
        }
    }

    /// <summary>Goes on from what a snapshot holds.</summary>
    public void Load(long revision, IEnumerable<PutItem> items, IEnumerable<ItemKey> pending, IEnumerable<OpenChange> open)
    {
        Revision = revision;
        foreach (var item in items) _items[item.Put.Key] = item;
        _pending.UnionWith(pending);
        _open.AddRange(open);
    }

    /// <summary>The projection at this moment.</summary>
    public RunningConfigurationProjection ToProjection(long position, DateTimeOffset? time) => RunningConfigurationProjection.Of(
        RunningConfiguration.Empty.With([.. _items.Values.Select(i => i.Change)], Revision), position, time, _pending, _open.Select(o => o.Put?.Change ?? new ItemChange(o.Key, null)));
}

/// <summary>A put with the principal behind it.</summary>
public sealed record PutItem(ItemPut Put, Principal Principal)
{
    /// <summary>What it does to the configuration.</summary>
    public ItemChange Change => RunningConfigurationProjection.ChangeOf(Put, Principal);
}

/// <summary>A put, or a delete, that waits for its commit.</summary>
public readonly record struct OpenChange(ItemKey Key, PutItem? Put);
