using System.Runtime.CompilerServices;
using Gateway.Host.Journal.EventStore.Contract;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.EventStore;

/// <summary>
/// The journal as one stream of EventStoreDB or KurrentDB. Commands wait until the store's leader has them; facts are in the local spool when their append
/// returns, and on their way. One loop sends everything in order, each append upon the revision before it, so a second writer is found by its first event.
/// <para>
/// When the store is away: appends of commands are refused at once, facts wait in the spool within bounds, and everything is sent when it is back. An append
/// that got no clear answer is never called undone: it goes into the spool, synced, and is sent again until the store says that it has it.
/// </para>
/// </summary>
internal sealed class EventStoreJournal : IJournal, IJournalHealth, ICopySource
{
    /// <summary>Longest time that a fact waits for its sync when the store does not take it sooner.</summary>
    public static readonly TimeSpan SoonDelay = TimeSpan.FromMilliseconds(40);

    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(100);

    private readonly EventStoreJournalOptions _options;
    private readonly StoreClient _client;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SemaphoreSlim _work = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Outbox _outbox = new();
    private readonly Timer _syncSoon;
    private Tail _tail = new(1);
    private JournalSpool? _spool;
    private HeadAnchor? _anchor;
    private CommandIndex? _index;
    private Task? _loop;
    private JournalHead _head;
    private JournalHead _arrived;
    private int _limit;
    private bool _syncPending;
    private int _disposed;
    private (DateTimeOffset Since, string Why)? _away;
    private Exception? _ended;
    private TaskCompletionSource _grown = NewSource();
    private TaskCompletionSource _emptied = NewSource();

    public EventStoreJournal(EventStoreJournalOptions options)
    {
        _options = options;
        _client = new StoreClient(options.Uri, options.Clock);
        _limit = options.MaxAppend;
        _syncSoon = new Timer(_ => SyncSpool());
    }

    public event Action<Exception>? Ended;

    public JournalHealth Health
    {
        get
        {
            lock (_gate)
            {
                if (_ended is { } ended) return new JournalHealth(false, ended.Message);
                if (_away is { } away)
                    return new JournalHealth(false, $"The event store has not been reachable since {away.Since:yyyy-MM-ddTHH:mm:ssZ}: {away.Why} {_outbox.Events} events wait in the spool.");
                return _outbox.Events > AppendChunks.MaxEvents ? new JournalHealth(true, $"{_outbox.Events} events are on their way into the event store.") : JournalHealth.Ok;
            }
        }
    }

    public async ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<IReadOnlyList<AppendReq.Types.ProposedMessage>> waiting = [];
        JournalHead? anchor = null;
        if (_options.StatePath is { } path)
        {
            _spool = JournalSpool.Open(LocalFiles.Spool(path), out waiting);
            anchor = HeadAnchor.Read(LocalFiles.Anchor(path));
            _anchor = HeadAnchor.Open(LocalFiles.Anchor(path));
        }

        var last = await WaitForStoreAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _arrived = last is null ? JournalHead.Empty : HeadOf(Read(last).Envelope);
            if (anchor is { Position: > 0 } expected) await CheckAnchorAsync(expected, cancellationToken).ConfigureAwait(false);
            if (_arrived.Position > 0) await CheckBeginningAsync(cancellationToken).ConfigureAwait(false);
            await TakeUpAsync(waiting, cancellationToken).ConfigureAwait(false);
            await FillIndexAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            throw Unavailable(e);
        }

        if (_arrived.Position > 0) _anchor?.Write(_arrived);
        JournalLog.Opened(_options.Log, _options.Stream, _client.Node?.ToString() ?? "-", _head.Position, _outbox.Events);
        _loop = Task.Run(ShipAsync, CancellationToken.None);
        Signal();
        return _head;
    }

    public async ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken)
    {
        if (_loop is null) throw new InvalidOperationException("The journal is not open for writing.");
        if (batch.Envelopes.Count == 0 && batch.Commands.Count == 0) return;
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var entries = EventRecord.Join(batch);
            var messages = entries.Select(EventRecord.Write).ToArray();
            var waits = batch.Durability == Durability.Synced || _spool is null;
            var parcel = new Parcel(entries, messages) { Done = waits ? NewSource() : null };
            lock (_gate) Enter(parcel);
            Signal();
            // Not cancelled: whether it is stored must be known before anything else is.
            if (parcel.Done is { } done) await done.Task.ConfigureAwait(false);
            lock (_gate)
            {
                _head = HeadOf(entries[^1].Envelope);
                _tail.Add(entries);
                _tail.Trim(_arrived.Position);
            }

            Interlocked.Exchange(ref _grown, NewSource()).TrySetResult();
        }
        finally
        {
            _writing.Release();
        }
    }

    public async IAsyncEnumerable<Envelope> ReadAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var entry in EntriesAsync(from, cancellationToken).ConfigureAwait(false)) yield return entry.Envelope;
    }

    /// <summary>Like <see cref="ReadAsync"/>, with the records of the commands that end with each event.</summary>
    public async IAsyncEnumerable<JournalEntry> EntriesAsync(long from, [EnumeratorCancellation] CancellationToken stop)
    {
        from = Math.Max(1, from);
        JournalEntry[] tail = [];
        var here = long.MaxValue;
        if (_loop is not null)
        {
            lock (_gate) (tail, here) = (_tail.From(from), _tail.First);
        }

        if (from < here)
        {
            await foreach (var e in Translated(_client.ReadAsync(_options.Stream, from - 1, here == long.MaxValue ? long.MaxValue : here - from, leader: _loop is not null, stop)).ConfigureAwait(false))
            {
                if (e.Revision + 1 != from) throw Missing(from, e.Revision + 1);
                from++;
                yield return Read(e);
            }

            if (here != long.MaxValue && from < here) throw new JournalDamagedException(from, $"The stream {_options.Stream} ends at position {from - 1}, but position {here - 1} was stored.");
        }

        foreach (var entry in tail) yield return entry;
    }

    public async IAsyncEnumerable<Envelope> FollowAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        from = Math.Max(1, from);
        if (_loop is null)
        {
            await foreach (var e in Translated(_client.FollowAsync(_options.Stream, from - 1, null, cancellationToken)).ConfigureAwait(false)) yield return Read(e).Envelope;
            yield break;
        }

        while (true)
        {
            var grown = Volatile.Read(ref _grown).Task;
            var entries = EntriesAsync(from, cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (entries.ConfigureAwait(false))
            {
                while (await NextUnlessAwayAsync(entries).ConfigureAwait(false) is { } entry)
                {
                    from = entry.Envelope.Position + 1;
                    yield return entry.Envelope;
                }
            }

            // Woken by the next event, or by a store that is back.
            await grown.WaitAsync(_options.ProbeInterval, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    public async ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken)
    {
        if (_index is null)
        {
            // Only looked at: there is no index beside it.
            await foreach (var entry in EntriesAsync(1, cancellationToken).ConfigureAwait(false))
                if (entry.Commands.FirstOrDefault(c => c.Key == key) is { } recorded) return recorded;
            return null;
        }

        long? position;
        JournalEntry? found;
        lock (_gate)
        {
            position = _index.Find(key);
            found = position is { } at ? _tail.At(at) : _outbox.Count == 0 ? null : _tail.From(_arrived.Position + 1).FirstOrDefault(e => e.Commands.Any(c => c.Key == key));
        }

        if (position is { } stored && found is null)
        {
            await foreach (var e in Translated(_client.ReadAsync(_options.Stream, stored - 1, 1, leader: true, cancellationToken)).ConfigureAwait(false)) found = Read(e);
        }

        return found?.Commands.FirstOrDefault(c => c.Key == key);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        if (_loop is not null)
        {
            // What is on its way arrives now, or waits in the spool for the next start.
            Task emptied;
            lock (_gate) emptied = _outbox.Count == 0 || _away is not null || _ended is not null ? Task.CompletedTask : _emptied.Task;
            await Task.WhenAny(emptied, Task.Delay(_options.Uri.Deadline)).ConfigureAwait(false);
            await _stop.CancelAsync().ConfigureAwait(false);
            await _loop.ConfigureAwait(false);
        }

        await _syncSoon.DisposeAsync().ConfigureAwait(false);
        if (_syncPending) SyncSpool();
        _anchor?.Sync();
        _anchor?.Dispose();
        _index?.Dispose();
        _spool?.Dispose();
        _client.Dispose();
        _stop.Dispose();
        _writing.Dispose();
        _work.Dispose();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static JournalHead HeadOf(Envelope e) => new(e.Position, e.Hash);

    // Under the lock.
    private void Enter(Parcel parcel)
    {
        if (_ended is { } ended) throw ended;
        if (parcel.First != _head.Position + 1) throw new JournalConflictException($"The stream ends at {_head.Position}, the append begins at {parcel.First}.");
        if (parcel.Done is not null && _away is { } away) throw new JournalUnavailableException($"The event store has not been reachable since {away.Since:yyyy-MM-ddTHH:mm:ssZ}: {away.Why}");
        // More than one append is whole only because the rest is sent after a crash.
        var inParts = AppendChunks.First(parcel.Messages, 0, _limit) < parcel.Messages.Count;
        if (_spool is not null && (parcel.Done is null || inParts))
        {
            if (parcel.Done is null && (_spool.Waiting > _options.SpoolLimit || _outbox.Events > _options.SpoolEvents))
                throw new JournalUnavailableException($"The event store is away, and the spool is full ({_outbox.Events} events).{(_away is { } since ? " " + since.Why : "")}");
            _spool.Add(parcel.Messages);
            parcel.Spooled = true;
            if (parcel.Done is not null) _spool.Sync();
            else if (!_syncPending)
            {
                _syncPending = true;
                _syncSoon.Change(SoonDelay, System.Threading.Timeout.InfiniteTimeSpan);
            }
        }

        if (_outbox.Count == 0) _emptied = NewSource();
        _outbox.Add(parcel);
    }

    private void Signal()
    {
        try
        {
            if (_work.CurrentCount == 0) _work.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else woke it.
        }
    }

    private async Task ShipAsync()
    {
        var pause = _firstPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                bool idle, away;
                lock (_gate) (idle, away) = (_outbox.Count == 0, _away is not null);
                if (idle && (away || !await _work.WaitAsync(_options.ProbeInterval, _stop.Token).ConfigureAwait(false)))
                {
                    await ProbeAsync().ConfigureAwait(false);
                    Reached();
                    pause = _firstPause;
                }

                while (await SendNextAsync().ConfigureAwait(false))
                {
                    Reached();
                    pause = _firstPause;
                }
            }
            catch (StoreException e)
            {
                Failed(e);
                await Task.Delay(pause, _options.Clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < _options.LongestPause ? pause * 2 : _options.LongestPause;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                End(e);
                return;
            }
        }
    }

    /// <summary>Sends one append; false when there was nothing to send.</summary>
    private async Task<bool> SendNextAsync()
    {
        List<(JournalEntry Entry, AppendReq.Types.ProposedMessage Message)> next;
        JournalHead after;
        int limit;
        lock (_gate) (next, after, limit) = (_outbox.Next(_limit), _arrived, _limit);
        if (next.Count == 0) return false;
        AppendResult result;
        try
        {
            result = await _client.AppendAsync(_options.Stream, after.Position - 1, [.. next.Select(e => e.Message)], _stop.Token).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.TooLarge && next.Count > 1)
        {
            lock (_gate) _limit = Math.Max(1024, Math.Min(limit / 2, e.MaxAppendSize is { } most ? most * 3 / 4 : int.MaxValue));
            return true;
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Unclear)
        {
            lock (_gate)
            {
                if (_outbox.Newest is { } newest && next[^1].Entry.Envelope.Position >= newest.First) newest.Unclear = true;
            }

            throw;
        }

        if (result is AppendResult.WrongRevision wrong) await ReconcileAsync(next, after, wrong.Current).ConfigureAwait(false);
        else Arrive(next, next.Count);
        return true;
    }

    // The stream does not end where it should: an earlier try arrived after all, or somebody else wrote, or the store lost its end.
    private async Task ReconcileAsync(List<(JournalEntry Entry, AppendReq.Types.ProposedMessage Message)> next, JournalHead after, long current)
    {
        if (current + 1 < after.Position)
            throw new JournalDamagedException(current + 2, $"The stream {_options.Stream} ends at position {current + 1}, but position {after.Position} was stored: the store has lost its end.");
        var same = 0;
        await foreach (var e in _client.ReadAsync(_options.Stream, after.Position, next.Count, leader: true, _stop.Token).ConfigureAwait(false))
        {
            if (e.Revision != after.Position + same || e.Id != EventRecord.IdOf(next[same].Entry.Envelope))
            {
                throw new JournalConflictException(
                    $"Somebody else wrote to the stream {_options.Stream}: position {after.Position + same + 1} is not this gateway's. Two gateways must not share a stream.");
            }

            same++;
        }

        if (same == 0) throw new StoreException(StoreFailure.Unclear, GrpcStatus.Internal, "The store refuses an append that it could take.");
        Arrive(next, same);
    }

    private void Arrive(List<(JournalEntry Entry, AppendReq.Types.ProposedMessage Message)> sent, int count)
    {
        List<Parcel> whole;
        lock (_gate)
        {
            _arrived = HeadOf(sent[count - 1].Entry.Envelope);
            whole = _outbox.Arrive(_arrived.Position);
            foreach (var parcel in whole)
                if (parcel.Spooled) _spool!.RemoveFirst();
            for (var i = 0; i < count; i++)
                foreach (var command in sent[i].Entry.Commands) _index?.Add(command.Key, sent[i].Entry.Envelope.Position);
            _index?.Complete(_arrived);
            _anchor?.Write(_arrived);
            if (_outbox.Count == 0) _emptied.TrySetResult();
        }

        foreach (var parcel in whole) parcel.Done?.TrySetResult();
    }

    private void Reached()
    {
        int waiting;
        lock (_gate)
        {
            if (_away is null) return;
            _away = null;
            waiting = _outbox.Events;
        }

        JournalLog.Back(_options.Log, _client.Node?.ToString() ?? "-", waiting);
    }

    private void Failed(StoreException e)
    {
        bool first;
        (Parcel Parcel, bool Given)? waiting = null;
        lock (_gate)
        {
            if (_outbox.Newest is { Done: { Task.IsCompleted: false } } newest) waiting = (newest, Keep(newest));
            // An append that is too large says nothing about the next one.
            var away = e.Failure != StoreFailure.TooLarge || _outbox.Count > 0;
            first = away && _away is null;
            if (away) _away = (_away?.Since ?? _options.Clock.GetUtcNow(), e.Message);
        }

        if (first) JournalLog.Lost(_options.Log, e.Message);
        if (waiting is not { } answered) return;
        if (answered.Given)
        {
            JournalLog.Unclear(_options.Log, answered.Parcel.First, answered.Parcel.Last);
            answered.Parcel.Done!.TrySetResult();
        }
        else
        {
            answered.Parcel.Done!.TrySetException(Unavailable(e));
        }
    }

    // Under the lock. True: what may be in the store, or partly is, is kept until it is there. False: it is nowhere, and is taken back.
    private bool Keep(Parcel newest)
    {
        if (!newest.Unclear && newest.Arrived == 0)
        {
            if (newest.Spooled) _spool!.RemoveLast();
            _outbox.RemoveNewest();
            if (_outbox.Count == 0) _emptied.TrySetResult();
            return false;
        }

        if (_spool is null)
        {
            // Whoever writes without a spool (a copy) begins again at the stream's end.
            _ended = new JournalUnavailableException("It is not known whether the event store took the last events; look again at its end.");
            return false;
        }

        if (newest.Spooled) return true;
        try
        {
            _spool.Add(newest.Messages);
            _spool.Sync();
        }
        catch (IOException)
        {
            // It stays in memory and is sent on; after a crash the store's end decides.
        }

        newest.Spooled = true;
        return true;
    }

    private void End(Exception e)
    {
        var why = e is JournalConflictException or JournalDamagedException ? e : new JournalUnavailableException($"The journal stopped: {e.Message}", e);
        Parcel? newest;
        lock (_gate)
        {
            _ended = why;
            newest = _outbox.Newest;
            _emptied.TrySetResult();
        }

        JournalLog.Ended(_options.Log, e.Message);
        Ended?.Invoke(why);
        newest?.Done?.TrySetException(why);
    }

    /// <summary>Looks at the stream's end while there is nothing to write.</summary>
    private async Task ProbeAsync()
    {
        var last = await _client.LastAsync(_options.Stream, _stop.Token).ConfigureAwait(false);
        JournalHead arrived;
        lock (_gate)
        {
            if (_outbox.Count > 0) return;
            arrived = _arrived;
        }

        var position = (last?.Revision ?? -1) + 1;
        if (position < arrived.Position)
            throw new JournalDamagedException(position + 1, $"The stream {_options.Stream} ends at position {position}, but position {arrived.Position} was stored: the store has lost its end.");
        if (position > arrived.Position || (last is not null && Read(last).Envelope.Hash != arrived.Hash))
            throw new JournalConflictException($"Somebody else wrote to the stream {_options.Stream}: it goes on behind position {arrived.Position}. Two gateways must not share a stream.");
    }

    private async Task<RecordedEvent?> WaitForStoreAsync(CancellationToken stop)
    {
        var began = _options.Clock.GetTimestamp();
        var said = "";
        while (true)
        {
            try
            {
                return await _client.LastAsync(_options.Stream, stop).ConfigureAwait(false);
            }
            catch (StoreException e) when (e.IsPassing && (_options.StartTimeout < TimeSpan.Zero || _options.Clock.GetElapsedTime(began) < _options.StartTimeout))
            {
                if (e.Message != said) JournalLog.Waiting(_options.Log, said = e.Message);
                await Task.Delay(_firstPause * 5, _options.Clock, stop).ConfigureAwait(false);
            }
            catch (StoreException e)
            {
                throw Unavailable(e);
            }
        }
    }

    private async Task CheckAnchorAsync(JournalHead anchor, CancellationToken stop)
    {
        if (_arrived.Position < anchor.Position)
        {
            throw new JournalDamagedException(
                _arrived.Position + 1,
                $"The stream {_options.Stream} ends at position {_arrived.Position}, but position {anchor.Position} was committed: its tail is lost, or it is not this gateway's stream (first missing position {_arrived.Position + 1}).");
        }

        if (await HashAtAsync(anchor.Position, stop).ConfigureAwait(false) != anchor.Hash)
            throw new JournalDamagedException(anchor.Position, $"The stream {_options.Stream} holds another event at position {anchor.Position} than was committed there.");
    }

    // A stream with $maxCount or $maxAge in its metadata forgets its beginning.
    private async Task CheckBeginningAsync(CancellationToken stop)
    {
        await foreach (var e in _client.ReadAsync(_options.Stream, 0, 1, leader: true, stop).ConfigureAwait(false))
            if (e.Revision != 0) throw Missing(1, e.Revision + 1);
    }

    private async Task<Policy.Octets?> HashAtAsync(long position, CancellationToken stop)
    {
        if (position == _arrived.Position) return _arrived.Hash;
        await foreach (var e in _client.ReadAsync(_options.Stream, position - 1, 1, leader: true, stop).ConfigureAwait(false)) return Read(e).Envelope.Hash;
        return null;
    }

    /// <summary>Takes up what an earlier run left in the spool: drops what has arrived, goes on with the rest, and refuses what somebody else's events stand in the way of.</summary>
    private async Task TakeUpAsync(IReadOnlyList<IReadOnlyList<AppendReq.Types.ProposedMessage>> waiting, CancellationToken stop)
    {
        var head = _arrived;
        _tail = new Tail(_arrived.Position + 1);
        foreach (var messages in waiting)
        {
            var entries = new List<JournalEntry>();
            foreach (var m in messages)
            {
                if (!EventRecord.TryRead(null, m.Metadata["type"], m.CustomMetadata.Span, m.Data.Span, out var entry, out var problem)) throw new JournalDamagedException(head.Position + 1, $"The spool cannot be read: {problem}.");
                entries.Add(entry);
            }

            var arrived = entries.FindLastIndex(e => e.Envelope.Position <= _arrived.Position);
            if (arrived >= 0 && await HashAtAsync(entries[arrived].Envelope.Position, stop).ConfigureAwait(false) != entries[arrived].Envelope.Hash) throw Overtaken(entries[arrived].Envelope.Position);
            if (arrived == entries.Count - 1)
            {
                _spool!.RemoveFirst();
                continue;
            }

            var next = entries[arrived + 1].Envelope;
            if (next.Position != head.Position + 1 || HashChain.Next(head.Hash, next) != next.Hash) throw Overtaken(next.Position);
            _outbox.Add(new Parcel(entries, messages) { Arrived = arrived + 1, Spooled = true });
            _tail.Add(entries[(arrived + 1)..]);
            head = HeadOf(entries[^1].Envelope);
        }

        _head = head;
    }

    private JournalConflictException Overtaken(long position) => new(
        $"Events from position {position} on wait in the spool {LocalFiles.Spool(_options.StatePath!)}, but the stream {_options.Stream} does not fit to them: somebody else wrote to it, or it was restored. "
        + "Nothing was started. To give those events up, move the spool away.");

    private async Task FillIndexAsync(CancellationToken stop)
    {
        _index = CommandIndex.InMemory();
        if (_options.StatePath is { } path)
        {
            _index = CommandIndex.Open(LocalFiles.Commands(path));
            var fits = _index.Position == 0 || (_index.Position <= _arrived.Position && await HashAtAsync(_index.Position, stop).ConfigureAwait(false) is { } hash && hash.Span[..16].SequenceEqual(_index.HashPrefix.Span));
            if (!fits) _index.Clear();
        }

        if (_index.Position == _arrived.Position) return;
        await foreach (var e in _client.ReadAsync(_options.Stream, _index.Position, _arrived.Position - _index.Position, leader: true, stop).ConfigureAwait(false))
            foreach (var command in Read(e).Commands) _index.Add(command.Key, e.Revision + 1);
        _index.Complete(_arrived);
    }

    private JournalEntry Read(RecordedEvent e) => EventRecord.TryRead(e.Revision, e.Type, e.Metadata.Span, e.Data.Span, out var entry, out var problem)
        ? entry
        : throw new JournalDamagedException(e.Revision + 1, $"Position {e.Revision + 1} of the stream {_options.Stream} is not an event of a journal: {problem}.");

    private JournalDamagedException Missing(long position, long found) =>
        new(position, $"Position {position} of the stream {_options.Stream} is missing; the next one is {found}. Has the stream a $maxCount, $maxAge or $tb in its metadata?");

    private static JournalUnavailableException Unavailable(StoreException e) => new(
        e.Failure == StoreFailure.TooLarge ? $"An event is larger than the event store takes in one append{(e.MaxAppendSize is { } most ? $" ({most} octets)" : "")}; raise its MaxAppendSize." : $"The event store cannot be used: {e.Message}", e);

    private static async IAsyncEnumerable<T> Translated<T>(IAsyncEnumerable<T> events)
    {
        var each = events.GetAsyncEnumerator();
        await using (each.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await each.MoveNextAsync().ConfigureAwait(false)) yield break;
                }
                catch (StoreException e)
                {
                    throw Unavailable(e);
                }

                yield return each.Current;
            }
        }
    }

    private static async Task<JournalEntry?> NextUnlessAwayAsync(IAsyncEnumerator<JournalEntry> entries)
    {
        try
        {
            return await entries.MoveNextAsync().ConfigureAwait(false) ? entries.Current : null;
        }
        catch (JournalUnavailableException)
        {
            return null;
        }
    }

    private void SyncSpool()
    {
        lock (_gate)
        {
            _syncPending = false;
            try
            {
                if (_spool is { Waiting: > 0 }) _spool.Sync();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The next command meets the same disk and tells its sender.
            }
        }
    }
}
