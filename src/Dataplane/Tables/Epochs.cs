using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Lets the control side free what workers may still be reading. A worker publishes a counter once per loop (<see cref="Pass"/>), when it holds no pointer into any table,
/// and says when it sleeps; memory retired by the control side is freed once every worker has passed or sleeps. Only one control thread at a time may retire and reclaim.
/// </summary>
internal sealed unsafe class Epochs : IDisposable
{
    private const int Stride = 16;
    private readonly ulong* _workers;
    private readonly int _count;
    private readonly Queue<Retired> _retired = [];

    private sealed record Retired(Action Free, ulong[] Seen);

    public Epochs(int workers)
    {
        _count = workers;
        _workers = (ulong*)NativeMemory.AlignedAlloc((nuint)(Math.Max(1, workers) * Stride * sizeof(ulong)), 128);
        NativeMemory.Clear(_workers, (nuint)(Math.Max(1, workers) * Stride * sizeof(ulong)));
    }

    /// <summary>Things retired and not yet freed.</summary>
    public int Waiting => _retired.Count;

    /// <summary>The worker starts a loop and holds nothing from before. The lowest bit says that it is awake.</summary>
    public void Pass(int worker)
    {
        ref var slot = ref _workers[worker * Stride];
        Volatile.Write(ref slot, (slot + 2) | 1);
        // The reads of the coming loop must not be done before this is seen, or the control side would free under them.
        Interlocked.MemoryBarrier();
    }

    /// <summary>The worker goes to sleep (or ends) and holds nothing.</summary>
    public void Sleep(int worker)
    {
        ref var slot = ref _workers[worker * Stride];
        Volatile.Write(ref slot, slot & ~1ul);
    }

    /// <summary>Frees native memory (of NativeMemory.AlignedAlloc) as soon as no worker can hold it.</summary>
    public void Retire(void* memory)
    {
        var address = (nint)memory;
        if (address != 0) Retire(() => NativeMemory.AlignedFree((void*)address));
    }

    /// <summary>Runs an action as soon as no worker can hold what it frees. What is retired must have been unlinked before.</summary>
    public void Retire(Action free)
    {
        Interlocked.MemoryBarrier();
        var seen = new ulong[_count];
        for (var i = 0; i < _count; i++) seen[i] = Volatile.Read(ref _workers[i * Stride]);
        _retired.Enqueue(new Retired(free, seen));
        Reclaim();
    }

    /// <summary>Frees what has become free, in the order of retiring.</summary>
    public void Reclaim()
    {
        while (_retired.TryPeek(out var oldest))
        {
            for (var i = 0; i < _count; i++)
                if ((oldest.Seen[i] & 1) != 0 && Volatile.Read(ref _workers[i * Stride]) == oldest.Seen[i]) return;
            _retired.Dequeue().Free();
        }
    }

    /// <summary>Waits until every worker has passed once or sleeps.</summary>
    public void Synchronize()
    {
        var done = false;
        Retire(() => done = true);
        while (!done)
        {
            Thread.Sleep(0);
            Reclaim();
        }
    }

    /// <summary>Frees everything; the workers have ended.</summary>
    public void Dispose()
    {
        while (_retired.TryDequeue(out var item)) item.Free();
        NativeMemory.AlignedFree(_workers);
    }
}
