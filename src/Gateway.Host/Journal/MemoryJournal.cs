using System.Runtime.CompilerServices;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>A journal that lives as long as the process: for tests and trials.</summary>
public sealed class MemoryJournal : IJournal
{
    private readonly Lock _gate = new();
    private readonly List<Envelope> _events = [];
    private readonly Dictionary<CommandKey, RecordedCommand> _commands = [];
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken)
    {
        lock (_gate) return ValueTask.FromResult(_events.Count == 0 ? JournalHead.Empty : new JournalHead(_events[^1].Position, _events[^1].Hash));
    }

    public ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (batch.Envelopes.Count > 0 && batch.Envelopes[0].Position != _events.Count + 1)
                throw new JournalConflictException($"The stream ends at {_events.Count}, the append begins at {batch.Envelopes[0].Position}.");
            if (batch.Commands.FirstOrDefault(c => _commands.ContainsKey(c.Key)) is { } twice)
                throw new JournalConflictException($"The command {twice.Key.Id} is recorded already.");
            _events.AddRange(batch.Envelopes);
            foreach (var command in batch.Commands) _commands.Add(command.Key, command);
            var grown = _grown;
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            grown.TrySetResult();
        }

        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<Envelope> ReadAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Envelope[] events;
        lock (_gate) events = [.. _events.Skip((int)Math.Max(0, from - 1))];
        foreach (var e in events)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return e;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public async IAsyncEnumerable<Envelope> FollowAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            Task grown;
            lock (_gate) grown = _grown.Task;
            await foreach (var e in ReadAsync(from, cancellationToken).ConfigureAwait(false))
            {
                from = e.Position + 1;
                yield return e;
            }

            await grown.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken)
    {
        lock (_gate) return ValueTask.FromResult(_commands.GetValueOrDefault(key));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
