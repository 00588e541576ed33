namespace Gateway.Host.Runtime;

/// <summary>
/// Gives memory back after work that made much garbage at once (the start, a transaction of many items): the heap is small in between, and a small heap
/// is what keeps collections, which stop the workers too, short. One collection a while after the last such work; the ports' rings bridge it.
/// </summary>
/// <param name="alsoLetGo">Called with it, for memory that is not the heap's.</param>
internal sealed class HeapTrim(Action alsoLetGo) : IDisposable
{
    /// <summary>Changed items from which on it is worth a collection.</summary>
    public const int Many = 500;

    private static readonly TimeSpan _later = TimeSpan.FromSeconds(1);

    private readonly Timer _timer = new(_ =>
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        alsoLetGo();
    });

    private int _changed;

    /// <summary>Says that items were changed, in one pass or in many small ones.</summary>
    public void Changed(int items)
    {
        _changed += items;
        if (_changed < Many) return;
        _changed = 0;
        _timer.Change(_later, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();
}
