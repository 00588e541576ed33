using Gateway.Host.Journal.EventStore.Contract;

namespace Gateway.Host.Journal.EventStore;

/// <summary>A batch on its way into the store.</summary>
internal sealed class Parcel(IReadOnlyList<JournalEntry> entries, IReadOnlyList<AppendReq.Types.ProposedMessage> messages)
{
    public IReadOnlyList<JournalEntry> Entries { get; } = entries;

    public IReadOnlyList<AppendReq.Types.ProposedMessage> Messages { get; } = messages;

    /// <summary>How many of its events have arrived.</summary>
    public int Arrived { get; set; }

    /// <summary>It lies in the spool.</summary>
    public bool Spooled { get; set; }

    /// <summary>It may have reached the store without its saying so.</summary>
    public bool Unclear { get; set; }

    /// <summary>Somebody waits until it has arrived, or is sure to.</summary>
    public TaskCompletionSource? Done { get; init; }

    public long First => Entries[0].Envelope.Position;

    public long Last => Entries[^1].Envelope.Position;
}

/// <summary>The parcels that are on their way, oldest first; used under the journal's lock.</summary>
internal sealed class Outbox
{
    private readonly List<Parcel> _parcels = [];

    public int Count => _parcels.Count;

    /// <summary>Events that have not arrived.</summary>
    public int Events { get; private set; }

    /// <summary>The newest parcel.</summary>
    public Parcel? Newest => _parcels.Count == 0 ? null : _parcels[^1];

    public void Add(Parcel parcel)
    {
        _parcels.Add(parcel);
        Events += parcel.Entries.Count - parcel.Arrived;
    }

    public void RemoveNewest()
    {
        Events -= _parcels[^1].Entries.Count - _parcels[^1].Arrived;
        _parcels.RemoveAt(_parcels.Count - 1);
    }

    /// <summary>The events of the next append: as many as fit, of one or several parcels.</summary>
    public List<(JournalEntry Entry, AppendReq.Types.ProposedMessage Message)> Next(int limit)
    {
        var events = new List<(JournalEntry, AppendReq.Types.ProposedMessage)>();
        long size = 0;
        foreach (var parcel in _parcels)
        {
            for (var i = parcel.Arrived; i < parcel.Messages.Count; i++)
            {
                size += AppendChunks.SizeOf(parcel.Messages[i]);
                if (events.Count > 0 && (size > limit || events.Count == AppendChunks.MaxEvents)) return events;
                events.Add((parcel.Entries[i], parcel.Messages[i]));
            }
        }

        return events;
    }

    /// <summary>Everything up to <paramref name="position"/> has arrived; gives the parcels that are thereby whole.</summary>
    public List<Parcel> Arrive(long position)
    {
        var whole = new List<Parcel>();
        while (_parcels.Count > 0 && _parcels[0].First + _parcels[0].Arrived <= position)
        {
            var parcel = _parcels[0];
            var arrived = (int)Math.Min(parcel.Entries.Count, position - parcel.First + 1);
            Events -= arrived - parcel.Arrived;
            parcel.Arrived = arrived;
            if (arrived < parcel.Entries.Count) break;
            whole.Add(parcel);
            _parcels.RemoveAt(0);
        }

        return whole;
    }
}
