using System.Threading.Channels;
using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>
/// Acknowledges deliveries: as many as possible with one frame, since outcomes come in groups and nearly in order. One that is still open does not keep back
/// the others for long.
/// </summary>
/// <param name="fail">Told when the channel is gone; the broker then delivers again what was not acknowledged.</param>
internal sealed class AckWriter(Func<ulong, bool, ValueTask> acknowledge, int mayWait, Action<string> fail)
{
    private readonly Channel<ulong> _tags = System.Threading.Channels.Channel.CreateUnbounded<ulong>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SortedSet<ulong> _early = [];
    private readonly HashSet<ulong> _singly = [];
    private ulong _upTo;

    public AckWriter(IChannel channel, int mayWait, Action<string> fail)
        : this((tag, multiple) => channel.BasicAckAsync(tag, multiple), mayWait, fail)
    {
    }

    public void Add(ulong tag) => _tags.Writer.TryWrite(tag);

    /// <summary>No more will come; <see cref="RunAsync"/> ends when all are written.</summary>
    public void Complete() => _tags.Writer.TryComplete();

    public async Task RunAsync()
    {
        while (await _tags.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_tags.Reader.TryRead(out var tag)) _early.Add(tag);
            await WriteAsync(all: _early.Count > mayWait).ConfigureAwait(false);
        }

        await WriteAsync(all: true).ConfigureAwait(false);
    }

    private async Task WriteAsync(bool all)
    {
        // A tag that was acknowledged by itself must not be named again: to the broker that is a fault.
        var group = 0ul;
        for (; ; _upTo++)
        {
            if (_early.Remove(_upTo + 1)) group = _upTo + 1;
            else if (!_singly.Remove(_upTo + 1)) break;
        }

        try
        {
            if (group > 0) await acknowledge(group, true).ConfigureAwait(false);
            if (!all) return;
            foreach (var tag in _early) await acknowledge(tag, false).ConfigureAwait(false);
            _singly.UnionWith(_early);
            _early.Clear();
        }
        catch (Exception e)
        {
            fail(e.Message);
        }
    }
}
