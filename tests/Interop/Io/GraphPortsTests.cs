using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Two kernels that reach each other through the graph, with a worker of its own between two af-packet ports.</summary>
public sealed class GraphPortsTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _left;
    private readonly Netns _box;
    private readonly Netns _right;
    private readonly DataplaneControl _dataplane = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
    private readonly PortFactory _factory;

    public GraphPortsTests()
    {
        (_left, _box, _right) = (_net.Add("left"), _net.Add("box"), _net.Add("right"));
        _factory = new PortFactory(null, _box.Path);
        _dataplane.Start();
    }

    public void Dispose()
    {
        _dataplane.Dispose();
        _factory.Dispose();
        _net.Dispose();
    }

    [Fact]
    public void Ping_and_tcp_are_routed_with_the_senders_default_offloads()
    {
        Connect();
        _left.Must("ping -c3 -i0.2 -W2 10.0.2.1");
        _left.Must("ping -c3 -i0.2 -W2 fd02::1");
        TcpTransfer.Run(_left, _right, "10.0.2.1");
        TcpTransfer.Run(_left, _right, "fd02::1");
        TcpTransfer.Run(_left, _right, "10.0.2.1", reverse: true);
        TcpTransfer.Run(_right, _left, "fd01::1");
    }

    [Fact]
    public void The_gateway_answers_for_itself_while_the_kernel_beneath_is_silent()
    {
        Connect();
        _left.Must("ping -c2 -i0.2 -W2 10.0.1.254");
        _left.Must("ping -c2 -i0.2 -W2 fd01::fe");
        Assert.Contains(_box.Mac("a"), _left.Must("ip neigh show 10.0.1.254"), StringComparison.Ordinal);
        Assert.Contains("Time to live exceeded", _left.Try("ping -c1 -W2 -t1 10.0.2.1").Output, StringComparison.Ordinal);
        Assert.Equal("", _box.Must("ip -4 addr show dev a").Trim());
    }

    [Fact]
    public void A_narrower_link_is_told_of_and_tcp_fits_it()
    {
        Connect(rightMtu: 1300);
        Assert.Contains("mtu", _left.Try("ping -c1 -W2 -M do -s 1400 10.0.2.1").Output, StringComparison.OrdinalIgnoreCase);
        _left.Must("ping -c1 -W2 10.0.2.1"); // So that the neighbor is known: only one packet waits for it, and two fragments come.
        _left.Must("ping -c1 -W2 -M dont -s 1400 10.0.2.1");
        TcpTransfer.Run(_left, _right, "10.0.2.1");
        TcpTransfer.Run(_left, _right, "fd02::1");
    }

    [Fact]
    public void An_idle_worker_sleeps_and_wakes_for_the_next_packet()
    {
        Connect();
        _left.Must("ping -c1 -W2 10.0.2.1");
        ulong before = _dataplane.WorkerRows().Single().Sleeps;
        Netns.Await(() => _dataplane.WorkerRows().Single().Sleeps > before + 1, "the worker sleeps");
        _left.Must("ping -c5 -i0.3 -W2 10.0.2.1");
    }

    [Fact]
    public void Removing_an_interface_under_traffic_gives_the_device_back_and_loses_no_chunk()
    {
        (uint a, uint b) = Connect();
        using (BackgroundProcess flood = _left.Start("ping -f -w 3 -s 1200 10.0.2.1"))
        {
            Netns.Await(() => _dataplane.Interfaces().Any(i => i.RxPackets > 200), "traffic flows");
            _dataplane.RemoveInterface(b);
            Assert.DoesNotContain("gateway_b", _box.Must("nft list tables"), StringComparison.Ordinal);
            _dataplane.RemoveInterface(a);
        }

        Assert.DoesNotContain("gateway_a", _box.Must("nft list tables"), StringComparison.Ordinal);
        Netns.Await(() => _dataplane.PoolLevel() is { } level && level.Free == level.Packets, "every chunk is back: " + _dataplane.PoolLevel());
    }

    private (uint A, uint B) Connect(int rightMtu = 1500)
    {
        _net.Link(_left, "eth0", _box, "a");
        _net.Link(_box, "b", _right, "eth0", rightMtu);
        _left.Address("eth0", "10.0.1.1/24");
        _left.Address("eth0", "fd01::1/64");
        _right.Address("eth0", "10.0.2.1/24");
        _right.Address("eth0", "fd02::1/64");
        _left.Route("default", "10.0.1.254");
        _left.Route("default", "fd01::fe");
        _right.Route("default", "10.0.2.254");
        _right.Route("default", "fd02::fe");
        return (Attach("a", "10.0.1.254", "fd01::fe"), Attach("b", "10.0.2.254", "fd02::fe"));
    }

    private uint Attach(string device, string ip4, string ip6)
    {
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(_factory.Open(new PortSpec.AfPacket(device), _dataplane.Pool));
        uint index = _dataplane.AddInterface(new InterfaceSettings { Name = device, Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        _dataplane.SetAddresses(index, [new(IPAddress.Parse(ip4), 24), new(IPAddress.Parse(ip6), 64)]);
        return index;
    }
}
