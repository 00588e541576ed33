using Gateway.Host.Journal;
using Gateway.Policy.Journal;

namespace Gateway.Unit.Control;

/// <summary>A journal whose disk fails when it is told to.</summary>
internal sealed class FailingJournal : IJournal
{
    private readonly MemoryJournal _inner = new();

    /// <summary>Asked before each append; true = it fails.</summary>
    public Func<bool> Fails { get; set; } = () => false;

    /// <summary>Appends wait for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken) => _inner.OpenAsync(cancellationToken);

    public async ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken)
    {
        await Gate;
        if (Fails()) throw new IOException("No space left on device.");
        await _inner.AppendAsync(batch, cancellationToken);
    }

    public IAsyncEnumerable<Envelope> ReadAsync(long from, CancellationToken cancellationToken) => _inner.ReadAsync(from, cancellationToken);

    public IAsyncEnumerable<Envelope> FollowAsync(long from, CancellationToken cancellationToken) => _inner.FollowAsync(from, cancellationToken);

    public ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken) => _inner.FindCommandAsync(key, cancellationToken);

    public ValueTask DisposeAsync() => _inner.DisposeAsync();
}
