using Gateway.Host.Journal.EventStore.Contract;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>An event as the endpoint keeps it.</summary>
/// <param name="Revision">Number in its stream.</param>
/// <param name="Position">Place among all events; a log's offset, so not contiguous.</param>
internal sealed record KeptEvent(string Stream, long Revision, ulong Position, string Id, string Type, string ContentType, byte[] Metadata, byte[] Data, DateTimeOffset Created);

/// <summary>What an append did.</summary>
/// <param name="Revision">Of the stream's last event of this append; when it was refused, of the stream.</param>
internal sealed record Appended(bool Ok, long Revision, ulong Position);

/// <summary>The data of the endpoint: streams, the order of all events, who is deleted. Several servers share one, as the nodes of a cluster do.</summary>
internal sealed class StoreState
{
    private readonly Lock _gate = new();
    private readonly List<KeptEvent> _all = [];
    private readonly Dictionary<string, List<KeptEvent>> _streams = [];
    private readonly HashSet<string> _tombstones = [];
    private readonly Dictionary<string, int> _forgotten = [];
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Appends that were carried out, repetitions not counted.</summary>
    public int Appends { get; private set; }

    /// <summary>Appends that were answered as their first copy was.</summary>
    public int Repetitions { get; private set; }

    public Task Grown
    {
        get
        {
            lock (_gate) return _grown.Task;
        }
    }

    /// <summary>Appends, or finds that it was done before: the same ids behind the same revision.</summary>
    /// <param name="expected">Revision; −1 no stream; −2 any; −4 the stream must exist.</param>
    public Appended Append(string stream, long expected, IReadOnlyList<KeptEvent> events)
    {
        lock (_gate)
        {
            var kept = _streams.GetValueOrDefault(stream) ?? [];
            var current = kept.Count - 1L;
            if (expected >= -1 && expected < current && IsThere(kept, expected + 1, events)) return Again(kept[(int)(expected + events.Count)]);
            if (expected == -2 && events.Count > 0 && kept.FindIndex(e => e.Id == events[0].Id) is >= 0 and var at && IsThere(kept, at, events)) return Again(kept[at + events.Count - 1]);
            if ((expected >= -1 && expected != current) || (expected == -4 && current < 0)) return new Appended(false, current, 0);
            _streams[stream] = kept;
            foreach (var e in events)
            {
                var position = (ulong)(_all.Count + 1) * 117;
                var stored = e with { Stream = stream, Revision = kept.Count, Position = position, Created = DateTimeOffset.UtcNow };
                kept.Add(stored);
                _all.Add(stored);
            }

            Appends++;
            var grown = _grown;
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            grown.TrySetResult();
            return new Appended(true, kept.Count - 1, _all.Count == 0 ? 0 : _all[^1].Position);
        }

        Appended Again(KeptEvent last)
        {
            Repetitions++;
            return new Appended(true, last.Revision, last.Position);
        }
    }

    /// <summary>The stream's events, or null when there never was one.</summary>
    public KeptEvent[]? Stream(string name)
    {
        lock (_gate) return _streams.TryGetValue(name, out var kept) ? [.. kept.Skip(_forgotten.GetValueOrDefault(name))] : null;
    }

    public KeptEvent[] All()
    {
        lock (_gate) return _all.ToArray();
    }

    public bool IsDeleted(string stream)
    {
        lock (_gate) return _tombstones.Contains(stream);
    }

    public void Tombstone(string stream)
    {
        lock (_gate) _tombstones.Add(stream);
    }

    /// <summary>The first events are not shown any more, as with $maxCount.</summary>
    public void Forget(string stream, int count)
    {
        lock (_gate) _forgotten[stream] = count;
    }

    /// <summary>The store loses the end of a stream, as after a restore from an old backup.</summary>
    public void Truncate(string stream, int count)
    {
        lock (_gate)
        {
            _all.RemoveAll(e => e.Stream == stream && e.Revision >= count);
            _streams[stream].RemoveRange(count, _streams[stream].Count - count);
        }
    }

    /// <summary>Changes an event, as somebody with access to the store's disks might.</summary>
    public void Change(string stream, int revision, Func<KeptEvent, KeptEvent> change)
    {
        lock (_gate)
        {
            var before = _streams[stream][revision];
            _streams[stream][revision] = change(before);
            _all[_all.IndexOf(before)] = _streams[stream][revision];
        }
    }

    private static bool IsThere(List<KeptEvent> kept, long from, IReadOnlyList<KeptEvent> events) =>
        events.Count > 0 && from + events.Count <= kept.Count && events.Select((e, i) => kept[(int)from + i].Id == e.Id).All(same => same);
}
