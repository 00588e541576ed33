using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Switching;

public sealed unsafe class MacTableTests
{
    [Fact]
    public void The_structures_have_the_sizes_that_the_cache_wants()
    {
        Assert.Equal(64, sizeof(BridgePort));
        Assert.Equal(64, sizeof(BridgeEntry));
        Assert.Equal(16, sizeof(BridgeMemberEntry));
        Assert.Equal(128, sizeof(InterfaceEntry));
        Assert.True(sizeof(MacTable) <= 64);
    }

    [Fact]
    public void It_holds_as_many_addresses_as_its_limit_says()
    {
        foreach (var limit in (int[])[16, 100, 1000, 16384])
        {
            var table = MacTable.New(limit);
            var ports = (BridgePort*)NativeMemory.AllocZeroed(4, (nuint)sizeof(BridgePort));
            var learned = 0;
            for (ulong mac = 0; mac < (ulong)limit * 2; mac++)
                if (table->Learn(mac << 8 | 2, 1, 7, ports) == MacLearning.Learned) learned++;
            // With one member its share is all.
            Assert.Equal((limit, limit, limit), (learned, table->Count, ports[1].Macs));
            NativeMemory.Free(ports);
            NativeMemory.AlignedFree(table);
        }
    }

    /// <summary>Four threads learn, move and look up while the control side ages and fixes; afterwards every count is right and every address stands once.</summary>
    [Fact]
    public void Threads_that_learn_while_others_are_removed_leave_a_table_that_adds_up()
    {
        const int threads = 4, stations = 300;
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        using var epochs = new Epochs(threads);
        var table = MacTable.New(1024);
        table->SetMembers(8);
        var ports = (BridgePort*)NativeMemory.AllocZeroed(16, (nuint)sizeof(BridgePort));
        var (at, members) = ((nint)table, (nint)ports);
        var stop = false;
        long wrong = 0, looked = 0;
        var workers = Enumerable.Range(0, threads).Select(n => new Thread(() =>
        {
            var random = new Random(seed + n);
            var macs = (MacTable*)at;
            while (!Volatile.Read(ref stop))
            {
                epochs.Pass(n);
                for (var i = 0; i < 64; i++)
                {
                    // The last four bits of an address name the ports where it ever is: 1 + last, or 8.
                    var mac = (ulong)random.Next(stations) << 8 | 2;
                    var home = 1 + (mac >> 8) % 7;
                    macs->Learn(mac, random.Next(4) == 0 ? 8ul : home, (uint)random.Next(10), (BridgePort*)members);
                    var other = (ulong)random.Next(stations) << 8 | 2;
                    var value = macs->Find(other);
                    Interlocked.Increment(ref looked);
                    if (value != 0 && (value & MacTable.WhereMask) != 8 && (value & MacTable.WhereMask) != 1 + (other >> 8) % 7) Interlocked.Increment(ref wrong);
                }
            }
            epochs.Sleep(n);
        })).ToList();
        foreach (var worker in workers) worker.Start();
        for (var round = 0; round < 60; round++)
        {
            var dead = table->Kill((mac, _) => (mac >> 8) % 5 == (ulong)round % 5, ports);
            epochs.Retire(() => ((MacTable*)at)->Release(dead));
            epochs.Synchronize();
            Thread.Sleep(1);
        }
        stop = true;
        foreach (var worker in workers) worker.Join();
        epochs.Synchronize();
        Assert.Equal(0, wrong);
        Assert.True(looked > 1000);
        var all = table->All();
        Assert.Equal(all.Count, table->Count);
        // Two threads that learn one address at the same moment may both find a place, where another became free in between; the second is never found and ages out.
        Assert.True(all.Count - all.DistinctBy(a => a.Mac).Count() <= 8, "addresses stand once");
        for (var port = 1; port <= 8; port++) Assert.Equal(all.Count(a => (a.Value & 0xFFFF) == (ulong)port), ports[port].Macs);
        NativeMemory.Free(ports);
        NativeMemory.AlignedFree(table);
    }
}
