using Gateway.Policy;

namespace Gateway.Host.Bus;

/// <summary>
/// Counts the broker's confirms against the journal's positions. Both are contiguous: the n-th message on a channel is position first + n − 1. At most
/// <c>size</c> messages are on their way.
/// </summary>
internal sealed class ConfirmWindow(long first, int size)
{
    private readonly Lock _gate = new();
    private readonly Queue<Octets> _hashes = new();
    private readonly HashSet<ulong> _early = [];
    private TaskCompletionSource? _room;
    private ulong _confirmed;
    private Octets _hash;

    /// <summary>The last position up to which everything is confirmed, and its hash; null when nothing is yet.</summary>
    public (long Position, Octets Hash)? Mark
    {
        get
        {
            lock (_gate) return _confirmed == 0 ? null : (first + (long)_confirmed - 1, _hash);
        }
    }

    /// <summary>Waits for room, then counts one message as sent.</summary>
    public async Task EnterAsync(Octets hash, CancellationToken stop)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                if (_hashes.Count < size)
                {
                    _hashes.Enqueue(hash);
                    return;
                }

                _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _room.Task;
            }

            await room.WaitAsync(stop).ConfigureAwait(false);
        }
    }

    /// <summary>The broker has message <paramref name="number"/>; with <paramref name="multiple"/> all up to it. Gives how many the mark went on.</summary>
    public int Confirm(ulong number, bool multiple)
    {
        var advanced = 0;
        lock (_gate)
        {
            if (multiple)
                for (var n = _confirmed + 1; n <= number; n++) _early.Add(n);
            else if (number > _confirmed) _early.Add(number);
            while (_early.Remove(_confirmed + 1))
            {
                _confirmed++;
                _hash = _hashes.Dequeue();
                advanced++;
            }

            if (advanced > 0)
            {
                _room?.TrySetResult();
                _room = null;
            }
        }

        return advanced;
    }
}
