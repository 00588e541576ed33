namespace Gateway.Host.Runtime;

/// <summary>
/// Gives memory back after work that made much garbage at once (the start, a transaction of many items, a thousand peers that come at once): the heap is small in between, and a small heap
/// is what keeps collections, which stop the workers too, short. One collection a while after the last such work, never soon after another, and one more when pools have come to rest;
/// the ports' rings bridge it.
/// </summary>
/// <param name="alsoLetGo">Called with it, for memory that is not the heap's.</param>
internal sealed class HeapTrim(Action alsoLetGo) : IDisposable
{
    /// <summary>Changed items from which on it is worth a collection.</summary>
    public const int Many = 500;

    private static readonly TimeSpan _later = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _rest = TimeSpan.FromSeconds(15);

    // Pools of arrays give back what nobody borrowed for a minute, and only when a collection comes by.
    private static readonly TimeSpan _onceMore = TimeSpan.FromSeconds(75);

    private readonly Lock _gate = new();
    private long _last = Environment.TickCount64 - (long)_rest.TotalMilliseconds;
    private Timer? _timer;
    private bool _disposed;
    private bool _wasFirst;
    private int _changed;

    /// <summary>Collections so far.</summary>
    public int Done { get; private set; }

    /// <summary>Says that items were changed, or SAs set up, in one pass or in many small ones. Any thread.</summary>
    public void Changed(int items)
    {
        if (Interlocked.Add(ref _changed, items) < Many) return;
        Interlocked.Exchange(ref _changed, 0);
        lock (_gate)
        {
            if (_disposed) return;
            _wasFirst = false;
            var rest = TimeSpan.FromMilliseconds(_last + _rest.TotalMilliseconds - Environment.TickCount64);
            _timer ??= new Timer(_ => Trim());
            _timer.Change(rest > _later ? rest : _later, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _timer?.Dispose();
        }
    }

    private void Trim()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        alsoLetGo();
        lock (_gate)
        {
            _last = Environment.TickCount64;
            Done++;
            _wasFirst = !_wasFirst;
            if (_wasFirst && !_disposed) _timer?.Change(_onceMore, Timeout.InfiniteTimeSpan);
        }
    }
}
