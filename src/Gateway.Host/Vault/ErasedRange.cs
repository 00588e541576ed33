namespace Gateway.Host.Vault;

/// <summary>
/// The part of a vault in which slots were overwritten that is not synced yet. It is synced shortly after the first of them, on a thread that nobody waits for;
/// when the disk refuses, it is tried again.
/// </summary>
internal sealed class ErasedRange : IDisposable
{
    private static readonly TimeSpan _soon = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);

    private readonly Action<nuint, nuint> _sync;
    private readonly Lock _gate = new();
    private readonly Lock _syncing = new();
    private readonly Timer _timer;
    private (nuint From, nuint To)? _range;
    private bool _disposed;

    /// <param name="sync">Syncs from an offset to another.</param>
    public ErasedRange(Action<nuint, nuint> sync)
    {
        _sync = sync;
        _timer = new Timer(_ => Sync());
    }

    public void Add(nuint from, nuint to)
    {
        lock (_gate)
        {
            if (_range is null) _timer.Change(_soon, Timeout.InfiniteTimeSpan);
            _range = _range is { } r ? (nuint.Min(r.From, from), nuint.Max(r.To, to)) : (from, to);
        }
    }

    /// <summary>Ends a sync that is under way; what is not synced yet is the owner's to sync.</summary>
    public void Dispose()
    {
        lock (_syncing) _disposed = true;
        _timer.Dispose();
    }

    private void Sync()
    {
        lock (_syncing)
        {
            if (_disposed) return;
            (nuint From, nuint To)? range;
            lock (_gate) (range, _range) = (_range, null);
            if (range is not { } r) return;
            try
            {
                _sync(r.From, r.To);
            }
            catch (IOException)
            {
                lock (_gate)
                {
                    _range = _range is { } more ? (nuint.Min(r.From, more.From), nuint.Max(r.To, more.To)) : r;
                    _timer.Change(_again, Timeout.InfiniteTimeSpan);
                }
            }
        }
    }
}
