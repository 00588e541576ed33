using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Gateway.Host.Journal;

/// <summary>Lets a synchronous source be read some pages ahead of who takes them, on a thread of its own.</summary>
internal static class ReadAhead
{
    private const int Pages = 4;

    public static async IAsyncEnumerable<T> Of<T>(Func<CancellationToken, IEnumerable<T>> source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var ready = Channel.CreateBounded<T>(new BoundedChannelOptions(Pages) { SingleReader = true, SingleWriter = true });
        var reading = Task.Run(() => ReadAsync(source, ready.Writer, over.Token), CancellationToken.None);
        try
        {
            await foreach (var page in ready.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false)) yield return page;
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(false);
        }
    }

    private static async Task ReadAsync<T>(Func<CancellationToken, IEnumerable<T>> source, ChannelWriter<T> ready, CancellationToken stop)
    {
        try
        {
            foreach (var page in source(stop)) await ready.WriteAsync(page, stop).ConfigureAwait(false);
            ready.TryComplete();
        }
        catch (Exception e)
        {
            ready.TryComplete(e);
        }
    }
}
