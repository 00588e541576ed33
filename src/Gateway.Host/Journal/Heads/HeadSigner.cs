namespace Gateway.Host.Journal.Heads;

/// <summary>Signs the journal's head now and then, when there is anything new, and once more at the end; writes it beside the journal and tells it on.</summary>
public sealed class HeadSigner : IAsyncDisposable
{
    private readonly JournalSequencer _sequencer;
    private readonly HeadSignerOptions _options;
    private readonly HeadKey _key;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _due = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Task _loop;
    private long _signed;

    public HeadSigner(JournalSequencer sequencer, HeadKey key, HeadSignerOptions options, ILogger log)
    {
        (_sequencer, _key, _options, _log) = (sequencer, key, options, log);
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>The last signed head of this run.</summary>
    public SignedHead? Last { get; private set; }

    /// <summary>A head was signed; called on the signer's own thread, must be quick and not throw.</summary>
    public event Action<SignedHead>? Signed;

    /// <summary>Tells how far the journal is stored; quick.</summary>
    public void Stored(long position)
    {
        if (position - Interlocked.Read(ref _signed) >= _options.Events && _due.CurrentCount == 0) Release();
    }

    /// <summary>Signs what is stored now, unless that was done already.</summary>
    public void SignNow(bool synced)
    {
        SignedHead head;
        lock (_gate)
        {
            var stored = _sequencer.Stored;
            if (stored.Position == 0 || stored.Position <= _signed) return;
            head = SignedHead.Sign(_options.Gateway, stored, _options.Clock.GetUtcNow(), _key);
            if (_options.HeadsPath is { } path) HeadFiles.Append(path, head, synced);
            Interlocked.Exchange(ref _signed, stored.Position);
            Last = head;
        }

        Signed?.Invoke(head);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        Try(synced: true);
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        Recall();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var isMany = await _due.WaitAsync(_options.Interval, _stop.Token).ConfigureAwait(false);
                // It may have been signed while the word was on its way.
                if (isMany && _sequencer.Stored.Position - Interlocked.Read(ref _signed) < _options.Events) continue;
            }
            catch (OperationCanceledException)
            {
                return;
            }

            Try(synced: false);
        }
    }

    private void Try(bool synced)
    {
        try
        {
            SignNow(synced);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            JournalLog.NotSigned(_log, e.Message);
        }
    }

    // Not in a start's way: the file may be long.
    private void Recall()
    {
        if (_options.HeadsPath is not { } path) return;
        try
        {
            HeadFiles.Thin(path);
            var last = HeadFiles.Read(path).Heads is [.., var newest] ? newest.Position : 0;
            lock (_gate) Interlocked.Exchange(ref _signed, Math.Max(_signed, Math.Min(last, _sequencer.Stored.Position)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            JournalLog.NotSigned(_log, e.Message);
        }
    }

    private void Release()
    {
        try
        {
            _due.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is due already.
        }
    }
}

/// <summary>When and where heads are signed.</summary>
public sealed record HeadSignerOptions
{
    /// <summary>Id of the gateway.</summary>
    public required string Gateway { get; init; }

    /// <summary>Null: kept nowhere.</summary>
    public string? HeadsPath { get; init; }

    public int Events { get; init; } = 1000;

    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(1);

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
