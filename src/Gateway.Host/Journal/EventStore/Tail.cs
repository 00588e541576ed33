namespace Gateway.Host.Journal.EventStore;

/// <summary>The newest entries in memory, contiguous up to the head: what waits must be readable, and followers shall not fetch what was just written. Used under the journal's lock.</summary>
internal sealed class Tail(long first)
{
    private const int Kept = 4096;

    private readonly List<JournalEntry> _entries = [];

    /// <summary>Position of the first entry; one past the head when there is none.</summary>
    public long First { get; private set; } = first;

    public void Add(IReadOnlyList<JournalEntry> entries) => _entries.AddRange(entries);

    /// <summary>Drops old entries that the store has.</summary>
    public void Trim(long arrived)
    {
        var surplus = (int)Math.Min(arrived - First + 1, _entries.Count) - Kept;
        if (surplus < Kept) return;
        _entries.RemoveRange(0, surplus);
        First += surplus;
    }

    public JournalEntry[] From(long position)
    {
        var skip = (int)Math.Clamp(position - First, 0, _entries.Count);
        return _entries.GetRange(skip, _entries.Count - skip).ToArray();
    }

    public JournalEntry? At(long position) => position >= First && position - First < _entries.Count ? _entries[(int)(position - First)] : null;
}
