using Gateway.Host.Journal.History;

namespace Gateway.Host.Journal.Bundles;

/// <summary>
/// Archives what is older than <c>journal.keep_days</c>, once an hour. Only what is certainly old goes: up to the first event that is young, however old the
/// events behind it claim to be, because a machine that starts without its clock set writes events that look years old.
/// </summary>
/// <param name="history">The journal.</param>
/// <param name="archive">Archives up to a position; null when there was nothing to do.</param>
/// <param name="keep">How long an event stays in the journal.</param>
/// <param name="unpublished">Position up to which a broker has the events; null when there is none to send them to.</param>
internal sealed class Retention(JournalHistory history, Func<long, Task<ArchivedPeriod?>> archive, TimeSpan keep, Func<long?> unpublished, TimeProvider clock, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromHours(1);

    /// <summary>A gateway that has just started has better things to do.</summary>
    private static readonly TimeSpan _first = TimeSpan.FromMinutes(5);

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public Retention Start()
    {
        _loop = Task.Run(LoopAsync);
        return this;
    }

    /// <summary>Archives what is due now; what goes wrong is logged, and tried again an hour later.</summary>
    public async Task ArchiveAsync(CancellationToken stop)
    {
        try
        {
            var to = Math.Min(await PositionAsync(stop).ConfigureAwait(false), unpublished() ?? long.MaxValue);
            if (to > 0 && await archive(to).ConfigureAwait(false) is { } period) JournalLog.Archived(log, period.To, period.Bundle);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The gateway ends.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            JournalLog.NotArchived(log, e.Message);
        }
    }

    /// <summary>Last position that is to be archived; 0 for none. Events from the future have no age, and go with those around them.</summary>
    public async Task<long> PositionAsync(CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        var last = (await history.Journal.BaseAsync(stop).ConfigureAwait(false))?.Head.Position ?? 0;
        var from = last;
        await foreach (var page in history.Journal.ReadPagesAsync(from + 1, stop).ConfigureAwait(false))
        {
            foreach (var e in page)
            {
                if (e.Time <= now - keep) last = e.Position;
                else if (e.Time <= now) return last == from ? 0 : last;
            }
        }

        return last == from ? 0 : last;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        for (var pause = _first; ; pause = _interval)
        {
            await Task.Delay(pause, clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested) return;
            await ArchiveAsync(_stop.Token).ConfigureAwait(false);
        }
    }
}
