using System.Collections;

namespace Gateway.Ike.Sa;

/// <summary>The outputs of a step in the order in which they must be done.</summary>
public sealed class OutputList : IReadOnlyList<IkeOutput>
{
    private readonly List<IkeOutput> _items = [];

    public int Count => _items.Count;

    public IkeOutput this[int index] => _items[index];

    public void Add(IkeOutput output) => _items.Add(output);

    public void Clear() => _items.Clear();

    public IEnumerator<IkeOutput> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Puts what was added from <paramref name="start"/> on into its order; within one rank nothing changes places.</summary>
    internal void Order(int start)
    {
        // A step has a dozen outputs, nearly in order.
        for (var i = start + 1; i < _items.Count; i++)
        {
            var (output, rank, at) = (_items[i], Rank(_items[i]), i);
            for (; at > start && Rank(_items[at - 1]) > rank; at--) _items[at] = _items[at - 1];
            _items[at] = output;
        }
    }

    internal void InsertRange(int index, IEnumerable<IkeOutput> outputs) => _items.InsertRange(index, outputs);

    internal void Replace(int index, IkeOutput output) => _items[index] = output;

    internal void RemoveAt(int index) => _items.RemoveAt(index);

    internal void RemoveFrom(int start) => _items.RemoveRange(start, _items.Count - start);

    // Stored before its effect leaves; a fact before its reply; installed before the peer can use it; a key is shredded last.
    private static int Rank(IkeOutput output) => output switch
    {
        IkeOutput.Handover => 0,
        IkeOutput.Store => 1,
        IkeOutput.Fact => 2,
        IkeOutput.Install or IkeOutput.AddAddress => 3,
        IkeOutput.UseOutbound => 4,
        IkeOutput.Update => 5,
        IkeOutput.Uninstall or IkeOutput.RemoveAddress => 6,
        IkeOutput.Send => 7,
        IkeOutput.Shred => 8,
        _ => 9,
    };
}
