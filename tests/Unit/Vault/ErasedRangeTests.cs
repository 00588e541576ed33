using Gateway.Host.Vault;
using Xunit;

namespace Gateway.Unit.Vault;

public sealed class ErasedRangeTests
{
    [Fact]
    public async Task What_is_erased_in_a_moment_is_synced_together_and_again_when_the_disk_refused()
    {
        var (calls, synced) = (0, new TaskCompletionSource<(nuint From, nuint To)>(TaskCreationOptions.RunContinuationsAsynchronously));
        using var range = new ErasedRange((from, to) =>
        {
            if (Interlocked.Increment(ref calls) == 1) throw new IOException("no");
            synced.TrySetResult((from, to));
        });
        range.Add(4096, 4608);
        range.Add(512, 1024);
        Assert.Equal(((nuint)512, (nuint)4608), await synced.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }
}
