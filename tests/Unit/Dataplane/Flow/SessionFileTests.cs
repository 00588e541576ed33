using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>What of the flows outlives the process, and what does not.</summary>
public sealed class SessionFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gw-flows-").FullName;
    private readonly Guid _boot = Guid.NewGuid();

    [Fact]
    public void Flows_outlive_the_process_on_the_same_boot_alone()
    {
        Assert.False(Begin(_boot, 100));
        Assert.True(Begin(_boot, 100));
        Assert.False(Begin(Guid.NewGuid(), 100));
        Assert.False(Begin(_boot, 100));
    }

    [Fact]
    public void A_file_of_another_size_or_another_number_of_workers_holds_nothing()
    {
        Begin(_boot, 100);
        Assert.False(Begin(_boot, 101));
        Begin(_boot, 100);
        Assert.False(Begin(_boot, 100, workers: 2));
        Begin(_boot, 100);
        Assert.True(Begin(_boot, 100));
    }

    [Fact]
    public void A_damaged_header_holds_nothing_and_only_the_owner_may_read_the_file()
    {
        Begin(_boot, 100);
        var path = Path.Combine(_folder, "sessions.0");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        using (var file = File.OpenWrite(path))
        {
            file.Position = 9;
            file.WriteByte(77);
        }
        Assert.False(Begin(_boot, 100));
    }

    [Fact]
    public void Where_there_can_be_no_file_flows_live_in_memory_and_the_reason_is_told()
    {
        using var memory = SessionFile.Open(Path.Combine(_folder, "no", "such"), _boot, 100, 0, 1, out var trouble);
        Assert.NotNull(trouble);
        Assert.False(memory.Resumed);
    }

    [Fact]
    public void A_translated_flow_goes_on_with_its_port_in_the_next_process()
    {
        const string host = "10.1.0.2", own = "198.51.100.1", remote = "203.0.113.9";
        NatRule rule = new NatRule.Source { Name = "out", OutInterface = "wan", FirstPort = 2000, LastPort = 2999 };
        static byte[] Udp(string from, int fromPort, string to, int toPort) => Build.Ip4(from, to, 17, Build.Udp(from, to, fromPort, toPort, [1, 2, 3]));
        int port;
        using (var before = new TestGateway(flows: Options()))
        {
            before.Control.Flows.SetRules([rule]);
            before.FromLan(Udp(host, 5000, remote, 53));
            port = Build.Get16(Assert.Single(before.OnWan()).Ip, 20);
        }
        using var after = new TestGateway(flows: Options());
        Assert.Null(after.Control.Flows.Trouble);
        after.Control.Flows.SetRules([rule]);
        after.FromWan(Udp(remote, 53, own, port));
        Assert.Equal(host, Assert.Single(after.OnLan()).Destination);
        after.FromLan(Udp(host, 5000, remote, 53));
        Assert.Equal(port, Build.Get16(Assert.Single(after.OnWan()).Ip, 20));

        // Without its rule it ends.
        after.Control.Flows.SetRules([rule with { Name = "other" }]);
        after.FromWan(Udp(remote, 53, own, port));
        Assert.Empty(after.OnLan());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private DataplaneOptions Options() => new() { FlowFolder = _folder, Boot = _boot, Flows = 1000 };

    /// <summary>A life of a table with one flow; true when the flow was there already.</summary>
    private bool Begin(Guid boot, uint capacity, int workers = 1)
    {
        var key = FlowKey.Of(1, 2, 3, 4, 17, 0);
        using var table = new SessionTable(capacity, new SessionLimits(), 50, SessionFile.Open(Path.Combine(_folder, "sessions.0"), boot, capacity, 0, workers, out var trouble));
        Assert.Null(trouble);
        if (table.Find(key) != 0) return true;
        Assert.Equal(SessionResult.Created, table.TryAdd(key, key.Reverse, out var slot));
        Assert.True(table.Touch(slot, 0, 1));
        return false;
    }
}
