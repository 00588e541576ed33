using Gateway.Policy.Items;

namespace Gateway.Host.Control;

/// <summary>
/// The configuration as it will be when everything decided so far is stored. Commands are decided upon it, so that many can be in flight; when the
/// journal gives up what was numbered but not stored, it goes back to what was.
/// </summary>
internal sealed class SpeculativeState(RunningConfiguration committed)
{
    private readonly Lock _gate = new();
    private readonly Queue<(long Last, RunningConfiguration State)> _open = [];
    private RunningConfiguration _committed = committed;
    private RunningConfiguration _current = committed;
    private long _generation;

    /// <summary>The configuration to decide upon, and the generation that an append must still find.</summary>
    public (RunningConfiguration State, long Generation) Read()
    {
        lock (_gate) return (_current, _generation);
    }

    public RunningConfiguration Committed
    {
        get
        {
            lock (_gate) return _committed;
        }
    }

    public bool IsStill(long generation)
    {
        lock (_gate) return _generation == generation;
    }

    /// <summary>A decision was numbered up to <paramref name="last"/>.</summary>
    public void Advance(RunningConfiguration next, long last, long generation)
    {
        lock (_gate)
        {
            if (generation != _generation) return;
            _open.Enqueue((last, next));
            _current = next;
        }
    }

    /// <summary>Everything up to <paramref name="stored"/> is in the journal.</summary>
    public void Commit(long stored)
    {
        lock (_gate)
        {
            while (_open.TryPeek(out var oldest) && oldest.Last <= stored) _committed = _open.Dequeue().State;
        }
    }

    /// <summary>Everything behind <paramref name="stored"/> is void.</summary>
    public void Rewind(long stored)
    {
        lock (_gate)
        {
            Commit(stored);
            _open.Clear();
            _current = _committed;
            _generation++;
        }
    }
}

/// <summary>The state was rewound between a decision and its append: decide again.</summary>
internal sealed class DecidedOnVoidStateException : Exception;
