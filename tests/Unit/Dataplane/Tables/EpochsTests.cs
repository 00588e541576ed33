using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Tables;

public sealed class EpochsTests
{
    [Fact]
    public void Memory_waits_for_every_worker_that_is_awake()
    {
        using var epochs = new Epochs(2);
        epochs.Pass(0);
        epochs.Pass(1);
        var freed = false;
        epochs.Retire(() => freed = true);
        Assert.False(freed);
        epochs.Pass(0);
        epochs.Reclaim();
        Assert.False(freed);
        epochs.Pass(1);
        epochs.Reclaim();
        Assert.True(freed);
    }

    [Fact]
    public void A_sleeping_worker_holds_nothing()
    {
        using var epochs = new Epochs(2);
        epochs.Pass(0);
        epochs.Pass(1);
        epochs.Sleep(1);
        var freed = false;
        epochs.Retire(() => freed = true);
        epochs.Sleep(0);
        epochs.Reclaim();
        Assert.True(freed);
    }

    [Fact]
    public void A_worker_that_slept_and_woke_has_passed()
    {
        using var epochs = new Epochs(1);
        epochs.Pass(0);
        var freed = false;
        epochs.Retire(() => freed = true);
        epochs.Sleep(0);
        epochs.Pass(0);
        epochs.Reclaim();
        Assert.True(freed);
    }

    [Fact]
    public void Things_are_freed_in_the_order_they_were_retired()
    {
        using var epochs = new Epochs(1);
        List<int> order = [];
        epochs.Pass(0);
        epochs.Retire(() => order.Add(1));
        epochs.Pass(0);
        epochs.Retire(() => order.Add(2));
        Assert.Equal([1], order);
        epochs.Pass(0);
        epochs.Reclaim();
        Assert.Equal([1, 2], order);
    }

    [Fact]
    public void Structures_shared_with_workers_have_the_size_they_claim()
    {
        Assert.Equal(64, Unsafe.SizeOf<Adjacency>());
        Assert.Equal(128, Unsafe.SizeOf<InterfaceEntry>());
        Assert.Equal(32, Unsafe.SizeOf<InterfaceAddressEntry>());
        Assert.Equal(64, Unsafe.SizeOf<InterfaceCounters>());
        Assert.Equal(64, Unsafe.SizeOf<Notice>());
        Assert.Equal(64, Unsafe.SizeOf<PendingNeighbor>());
        Assert.Equal(128, Unsafe.SizeOf<TraceRecord>());
    }
}
