using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Journal;

namespace Gateway.Host.Control.Senders;

/// <summary>
/// Waiting commands, taken by turns of their senders: each sender's own stay in their order, and one that sends a thousand holds up nobody by more than one
/// command. The doors and the limits bound how many there are. Many writers, one reader.
/// </summary>
internal sealed class FairQueue<T> : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _filled = new(0);
    private readonly Dictionary<Principal, Queue<T>> _waiting = [];
    private readonly Queue<Principal> _turns = [];
    private bool _complete;

    /// <summary>False when nothing is taken any more.</summary>
    public bool TryWrite(Principal sender, T item)
    {
        lock (_gate)
        {
            if (_complete) return false;
            if (!_waiting.TryGetValue(sender, out var own))
            {
                _waiting[sender] = own = [];
                _turns.Enqueue(sender);
            }

            own.Enqueue(item);
        }

        _filled.Release();
        return true;
    }

    /// <summary>No more writes; what waits is still read.</summary>
    public void Complete()
    {
        lock (_gate) _complete = true;
        _filled.Release();
    }

    /// <summary>Waits for the next; false when there will be none.</summary>
    public async ValueTask<(bool Any, T? Item)> ReadAsync()
    {
        await _filled.WaitAsync().ConfigureAwait(false);
        lock (_gate)
        {
            if (TryTake(out var item)) return (true, item);
        }

        return (false, default);
    }

    public void Dispose() => _filled.Dispose();

    private bool TryTake([MaybeNullWhen(false)] out T item)
    {
        item = default;
        if (!_turns.TryDequeue(out var sender)) return false;
        var own = _waiting[sender];
        item = own.Dequeue();
        if (own.Count == 0) _waiting.Remove(sender);
        else _turns.Enqueue(sender);
        return true;
    }
}
