using System.Threading.Channels;
using Gateway.Host.Journal;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;

namespace Gateway.Host.Control;

/// <summary>
/// Writes facts that nobody waits for, in their order, and tries again while the journal cannot be written. For the reconciler, whose loop must not
/// depend on the disk.
/// </summary>
public sealed class FactWriter : IAsyncDisposable
{
    private const int MaxGroup = 1000;
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(1);

    private readonly JournalSequencer _sequencer;
    private readonly TimeProvider _clock;
    private readonly Channel<GatewayEvent> _queue = Channel.CreateUnbounded<GatewayEvent>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public FactWriter(JournalSequencer sequencer, TimeProvider clock)
    {
        (_sequencer, _clock) = (sequencer, clock);
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>Takes a fact; returns at once.</summary>
    public void Write(GatewayEvent fact) => _queue.Writer.TryWrite(fact);

    /// <summary>Writes what is left, once; what the journal does not take then is lost, and found out anew after the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            var group = new List<GatewayEvent>();
            while (group.Count < MaxGroup && _queue.Reader.TryRead(out var fact)) group.Add(fact);
            while (!await TryWriteAsync(group).ConfigureAwait(false))
            {
                if (_stop.IsCancellationRequested) return;
                await Task.Delay(_pause, _clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<bool> TryWriteAsync(List<GatewayEvent> facts)
    {
        try
        {
            await _sequencer.Append(facts, new EventContext(Principal.Gateway, _clock.GetUtcNow()), Durability.Soon).Stored.ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is JournalUnavailableException or JournalConflictException or JournalDamagedException)
        {
            return false;
        }
    }
}
