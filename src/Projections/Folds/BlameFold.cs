using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Projections.Folds;

/// <summary>The command behind a line of the configuration.</summary>
/// <param name="Revision">The transaction's.</param>
/// <param name="Position">Of the put.</param>
/// <param name="Reason">In the sender's words.</param>
public sealed record Origin(long Revision, long Position, DateTimeOffset Time, Principal Principal, string? Issuer, string? CommandId, string? Reason);

/// <summary>A field of an item: the JSON of its value as it is stored, and the command that made it so.</summary>
public readonly record struct BlamedField(string Value, Origin Origin);

/// <summary>Which command made each field of the configuration what it is. A command that puts a field as it was already leaves it with the one before.</summary>
public sealed class BlameFold
{
    private readonly SortedDictionary<ItemKey, SortedDictionary<string, BlamedField>> _items = new(ItemOrder.Instance);
    private readonly List<JournalFact> _open = [];

    /// <summary>Puts and deletes that no commit has closed yet.</summary>
    internal IReadOnlyList<JournalFact> Open => _open;

    /// <summary>The fields of each item in force, in the order of items and paths.</summary>
    public IReadOnlyDictionary<ItemKey, SortedDictionary<string, BlamedField>> Items => _items;

    public void Apply(JournalFact e)
    {
        switch (e.Event)
        {
            case ItemPut or ItemDeleted:
                _open.Add(e);
                break;
            case TransactionCommitted committed:
                for (var i = Math.Max(0, _open.Count - committed.Changes); i < _open.Count; i++) Close(_open[i], committed);
                _open.Clear();
                break;
        }
    }

    /// <inheritdoc cref="Load(ItemKey, IEnumerable{KeyValuePair{string, BlamedField}})"/>
    internal void Load(JournalFact open) => _open.Add(open);

    /// <summary>Goes on from what a snapshot holds.</summary>
    public void Load(ItemKey key, IEnumerable<KeyValuePair<string, BlamedField>> fields) => _items[key] = new(fields.ToDictionary(), StringComparer.Ordinal);

    private void Close(JournalFact e, TransactionCommitted committed)
    {
        if (e.Event is not ItemPut { Key: var key, Spec: var spec })
        {
            _items.Remove(((ItemDeleted)e.Event).Key);
            return;
        }

        var origin = new Origin(committed.Revision, e.Position, e.Time, e.Principal, e.Issuer, e.CommandId, committed.Reason);
        var before = _items.GetValueOrDefault(key);
        var fields = new SortedDictionary<string, BlamedField>(StringComparer.Ordinal);
        foreach (var (path, value) in SpecFields.Of(spec))
            fields[path] = before is not null && before.TryGetValue(path, out var old) && old.Value == value ? old : new BlamedField(value, origin);
        _items[key] = fields;
    }
}
