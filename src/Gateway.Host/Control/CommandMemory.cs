using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Host.Control;

/// <summary>The commands in flight and the last ones answered, by key. Older ones are found in the journal. Used by the deciding loop; only <see cref="Forget"/> may come from elsewhere.</summary>
internal sealed class CommandMemory
{
    /// <summary>Commands remembered; more than may be decided between a look-up in the journal and the decision (<see cref="StaleAfter"/>).</summary>
    public const int Capacity = 8192;

    /// <summary>A look-up in the journal that is older than so many decisions must be made again.</summary>
    public const int StaleAfter = Capacity / 2;

    private readonly Lock _gate = new();
    private readonly Dictionary<CommandKey, Entry> _entries = [];
    private readonly Queue<CommandKey> _order = [];

    public bool TryGet(CommandKey key, out Entry entry)
    {
        lock (_gate) return _entries.TryGetValue(key, out entry!);
    }

    public void Add(CommandKey key, Octets bodyHash, Task<Outcome> outcome)
    {
        lock (_gate)
        {
            _entries[key] = new Entry(bodyHash, outcome);
            _order.Enqueue(key);
            while (_order.Count > Capacity) _entries.Remove(_order.Dequeue());
        }
    }

    /// <summary>The command left no trace in the journal after all: it may be sent again.</summary>
    public void Forget(CommandKey key)
    {
        lock (_gate) _entries.Remove(key);
    }

    internal sealed record Entry(Octets BodyHash, Task<Outcome> Outcome);
}
