using Gateway.Host.Journal.History;

namespace Gateway.Host.Journal.Snapshots;

/// <summary>
/// Makes snapshots in the background: whenever so many events were stored since the last one it folds them from the journal, on top of that one, and
/// writes the next. Commands are not held up; a snapshot that cannot be written is only missing.
/// </summary>
public sealed class SnapshotKeeper : IAsyncDisposable
{
    /// <summary>Fewer new events than this are not worth a snapshot at the end.</summary>
    private const int Least = 100;

    private readonly JournalHistory _history;
    private readonly SnapshotStore _store;
    private readonly int _interval;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _due = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private long _next;
    private long _stored;

    /// <param name="history">With the store.</param>
    /// <param name="store">Where they go.</param>
    /// <param name="interval">Events from one to the next.</param>
    /// <param name="stored">Where the journal ends now.</param>
    /// <param name="log">Told of what cannot be written.</param>
    public SnapshotKeeper(JournalHistory history, SnapshotStore store, int interval, long stored, ILogger log)
    {
        (_history, _store, _interval, _log) = (history, store, interval, log);
        _next = (store.List() is [var newest, ..] ? newest.Position : 0) + interval;
        _loop = Task.Run(LoopAsync);
        Stored(stored);
    }

    /// <summary>Tells how far the journal is stored; quick.</summary>
    public void Stored(long position)
    {
        Volatile.Write(ref _stored, position);
        Look();
    }

    /// <summary>Brings the snapshots up to the journal's end. With <paramref name="atEnd"/> the end itself gets one too.</summary>
    /// <returns>Position of the newest one.</returns>
    public async Task<long> MakeAsync(bool atEnd, CancellationToken cancellationToken)
    {
        var (head, state) = await _history.StartAsync(_ => true, blame: true, cancellationToken).ConfigureAwait(false);
        var (last, from, earliest) = (head.Position, head.Position + 1, long.MaxValue);
        await foreach (var page in JournalReplay.PagesAsync(_history.Journal, head, null, cancellationToken, sparing: true).ConfigureAwait(false))
        {
            for (var i = 0; i < page.Count; i++)
            {
                var e = page[i];
                state.Apply(e);
                earliest = Math.Min(earliest, e.Time.UtcTicks);
                if (e.Position - last < _interval) continue;
                _store.Write(state, page.HeadAt(i), from, earliest);
                (last, from, earliest) = (e.Position, e.Position + 1, long.MaxValue);
            }

            head = page.HeadAt(page.Count - 1);
            // Packets and commands come first.
            if (!atEnd) await Task.Delay(1, cancellationToken).ConfigureAwait(false);
        }

        if (!atEnd || head.Position - last < Least) return last;
        _store.Write(state, head, from, earliest);
        return head.Position;
    }

    /// <summary>Makes one at the journal's end, so that the next start has little to fold.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        try
        {
            await MakeAsync(atEnd: true, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            JournalLog.SnapshotNotMade(_log, e.Message);
        }

        _stop.Dispose();
        _due.Dispose();
    }

    // Due once, whoever of the two sees it first: nothing is due again until the loop says from where on.
    private void Look()
    {
        var next = Volatile.Read(ref _next);
        if (Volatile.Read(ref _stored) >= next && Interlocked.CompareExchange(ref _next, long.MaxValue, next) == next) _due.Release();
    }

    private async Task LoopAsync()
    {
        var last = 0L;
        try
        {
            while (true)
            {
                await _due.WaitAsync(_stop.Token).ConfigureAwait(false);
                long newest;
                try
                {
                    newest = await MakeAsync(atEnd: false, _stop.Token).ConfigureAwait(false);
                    JournalLog.SnapshotMade(_log, newest);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    JournalLog.SnapshotNotMade(_log, e.Message);
                    newest = _store.List() is [var kept, ..] ? kept.Position + _interval : _interval;
                    await Task.Delay(TimeSpan.FromMinutes(1), _stop.Token).ConfigureAwait(false);
                }

                Volatile.Write(ref _next, newest + _interval);
                // More may have been stored meanwhile, and nothing more for a long time. What the store does not have yet is not waited for here.
                if (newest > last) Look();
                last = newest;
            }
        }
        catch (OperationCanceledException)
        {
            // The gateway stops.
        }
    }
}
