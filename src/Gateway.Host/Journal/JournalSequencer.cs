using System.Threading.Channels;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>Turns an event into its stored name and JSON.</summary>
public delegate (string Name, Octets Data) EventEncoder(GatewayEvent e);

/// <summary>
/// The one writer of the journal. It numbers and chains events in the order of the calls, at once; a single loop stores them in groups, so that many
/// callers in flight share one sync. Subscribers see every event in order, after it was stored. When the store refuses, everything that was numbered
/// but not stored is given up, the numbering goes back to the stored head and <see cref="Rewound"/> is raised before any new number is given.
/// </summary>
public sealed class JournalSequencer : IAsyncDisposable
{
    /// <summary>Most events in one commit.</summary>
    public const int MaxGroup = 1024;

    /// <summary>Most events numbered and not yet stored; beyond it an append is refused, so that memory stays bounded when the disk stalls.</summary>
    public const int MaxBacklog = 65_536;

    private readonly IJournal _store;
    private readonly EventEncoder _encode;
    private readonly Lock _gate = new();
    private readonly Channel<Pending> _queue = Channel.CreateUnbounded<Pending>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<Action<Envelope, GatewayEvent>> _subscribers = [];
    private readonly Task _loop;
    private readonly CancellationTokenSource _stop = new();
    private JournalHead _head;
    private JournalHead _stored;
    private int _backlog;
    private bool _disposed;
    private Exception? _fatal;

    /// <summary>Goes on behind <paramref name="head"/>, the head that <see cref="IJournal.OpenAsync"/> gave.</summary>
    public JournalSequencer(IJournal store, JournalHead head, EventEncoder encode)
    {
        (_store, _encode, _head, _stored) = (store, encode, head, head);
        _loop = Task.Run(StoreLoopAsync);
    }

    /// <summary>Everything up to here is numbered.</summary>
    public JournalHead Head
    {
        get
        {
            lock (_gate) return _head;
        }
    }

    /// <summary>Everything up to here is stored.</summary>
    public JournalHead Stored
    {
        get
        {
            lock (_gate) return _stored;
        }
    }

    /// <summary>Why a command would not be stored just now, as far as that is known without trying; null when it would.</summary>
    public string? Refusal => _store is IJournalHealth { Health: { TakesCommands: false } health } ? health.Sentence : null;

    /// <summary>The store will be asked to store up to here. On the storing loop; must be quick.</summary>
    public event Action<JournalHead>? Storing;

    /// <summary>What <see cref="Storing"/> named is stored.</summary>
    public event Action? Kept;

    /// <summary>The store refused: what was numbered behind <see cref="Stored"/> is void. Raised under the numbering lock; must be quick.</summary>
    public event Action<Exception>? Rewound;

    /// <summary>The journal cannot be written any more by this process (another writer, damage). Raised once.</summary>
    public event Action<Exception>? Fatal;

    /// <summary>Calls <paramref name="afterStored"/> for every event from now on, in order, on the storing loop; it must be quick and not throw.</summary>
    public void Subscribe(Action<Envelope, GatewayEvent> afterStored)
    {
        lock (_gate) _subscribers.Add(afterStored);
    }

    /// <summary>Numbers and stores <paramref name="events"/> as one atomic group.</summary>
    public AppendReceipt Append(IReadOnlyList<GatewayEvent> events, EventContext context, Durability durability) =>
        Append(_ => events, context, null, durability);

    /// <summary>
    /// Numbers and stores the events that <paramref name="eventsFrom"/> makes when it is told the first position (it runs under the numbering lock),
    /// together with the record of their command. No events: nothing is numbered, but the command is recorded.
    /// </summary>
    public AppendReceipt Append(
        Func<long, IReadOnlyList<GatewayEvent>> eventsFrom, EventContext context, Func<long, long, RecordedCommand>? command, Durability durability)
    {
        var stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_disposed || _fatal is not null) throw new JournalUnavailableException("The journal is closed.", _fatal);
            if (_backlog >= MaxBacklog) throw new JournalUnavailableException("The journal's disk does not keep up.");
            var first = _head.Position + 1;
            var events = eventsFrom(first);
            var envelopes = new Envelope[events.Count];
            var head = _head;
            for (var i = 0; i < envelopes.Length; i++)
            {
                envelopes[i] = Chain(head, events[i], context);
                head = new JournalHead(envelopes[i].Position, envelopes[i].Hash);
            }

            var recorded = command?.Invoke(first, head.Position);
            _head = head;
            _backlog += envelopes.Length;
            _queue.Writer.TryWrite(new Pending(envelopes, events, recorded, durability, stored));
            return new AppendReceipt(first, head.Position, stored.Task);
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
        }

        _queue.Writer.Complete();
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private Envelope Chain(JournalHead after, GatewayEvent e, EventContext context)
    {
        var (name, data) = _encode(e);
        var envelope = new Envelope
        {
            Position = after.Position + 1,
            Subject = e.Subject,
            Name = name,
            Time = context.Time.ToUniversalTime(),
            CommandId = context.CommandId,
            Principal = context.Principal,
            Issuer = context.Issuer,
            Cause = context.Cause,
            Data = data,
            Hash = Octets.Empty,
        };
        return envelope with { Hash = HashChain.Next(after.Hash, envelope) };
    }

    private async Task StoreLoopAsync()
    {
        var group = new List<Pending>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            group.Clear();
            var count = 0;
            while (count < MaxGroup && _queue.Reader.TryRead(out var next))
            {
                group.Add(next);
                count += Math.Max(1, next.Envelopes.Length);
            }

            await StoreAsync(group).ConfigureAwait(false);
        }
    }

    private async Task StoreAsync(List<Pending> group)
    {
        var batch = new AppendBatch(
            [.. group.SelectMany(p => p.Envelopes)],
            [.. group.Where(p => p.Command is not null).Select(p => p.Command!)],
            group.Exists(p => p.Durability == Durability.Synced) ? Durability.Synced : Durability.Soon);
        try
        {
            if (batch.Envelopes.Count > 0) Storing?.Invoke(new JournalHead(batch.Envelopes[^1].Position, batch.Envelopes[^1].Hash));
            await _store.AppendAsync(batch, _stop.Token).ConfigureAwait(false);
            if (batch.Envelopes.Count > 0) Kept?.Invoke();
        }
        catch (Exception e)
        {
            GiveUp(group, e);
            return;
        }

        Action<Envelope, GatewayEvent>[] subscribers;
        lock (_gate)
        {
            _backlog -= batch.Envelopes.Count;
            if (batch.Envelopes.Count > 0) _stored = new JournalHead(batch.Envelopes[^1].Position, batch.Envelopes[^1].Hash);
            subscribers = [.. _subscribers];
        }

        foreach (var pending in group)
        {
            for (var i = 0; i < pending.Envelopes.Length; i++)
                foreach (var subscriber in subscribers) subscriber(pending.Envelopes[i], pending.Events[i]);
            pending.Stored.TrySetResult();
        }
    }

    private void GiveUp(List<Pending> group, Exception e)
    {
        var fatal = e is JournalConflictException or JournalDamagedException;
        var why = fatal ? e : new JournalUnavailableException($"The journal could not be written: {e.Message}", e);
        var first = false;
        lock (_gate)
        {
            while (_queue.Reader.TryRead(out var next)) group.Add(next);
            _head = _stored;
            _backlog = 0;
            first = fatal && _fatal is null;
            if (fatal) _fatal ??= e;
            Rewound?.Invoke(why);
        }

        foreach (var pending in group) pending.Stored.TrySetException(why);
        if (first) Fatal?.Invoke(e);
    }

    private sealed record Pending(
        Envelope[] Envelopes, IReadOnlyList<GatewayEvent> Events, RecordedCommand? Command, Durability Durability, TaskCompletionSource Stored);
}
