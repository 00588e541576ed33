using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>
/// Everything that ports can meet, under traffic, again and again: devices that vanish and come back, interfaces that are removed and added with another kind of port, links that go down, a pool that runs dry, a
/// receiver that does not take. Afterwards traffic passes and the pool is as full as it was.
/// </summary>
public sealed class SoakTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _left;
    private readonly Netns _box;
    private readonly Netns _right;
    private readonly DataplaneControl _dataplane = new(new DataplaneOptions { Buffers = 16384, Workers = 2, Hugepages = false });
    private readonly PortFactory _factory;
    private readonly List<uint> _taken = [];

    public SoakTests()
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
    public void The_pool_is_full_again_after_all_that_can_happen_to_ports()
    {
        bool all = Environment.GetEnvironmentVariable("GATEWAY_TEST_ALL") == "1";
        int seed = Environment.TickCount, rounds = all ? 150 : 15;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}, {rounds} rounds");
        Random random = new(seed);
        Link("a", _left, "10.0.1.1/24", "10.0.1.254");
        Link("b", _right, "10.0.2.1/24", "10.0.2.254");
        Attach("a", "10.0.1.254", random);
        Attach("b", "10.0.2.254", random);
        Dictionary<string, int> happened = [];
        for (int round = 0; round < rounds; round++)
        {
            using BackgroundProcess flood = _left.Start("ping -f -w 30 -s 1200 10.0.2.1"), back = _right.Start("ping -f -w 30 -s 60 10.0.1.1");
            Thread.Sleep(random.Next(200));
            string what = Happen(random);
            happened[what] = happened.GetValueOrDefault(what) + 1;
            Thread.Sleep(random.Next(200));
        }

        // What was taken from the pool goes back, and everything works again.
        Return();
        if (!_dataplane.TryFindInterface("a", out _)) Attach("a", "10.0.1.254", random);
        if (!_dataplane.TryFindInterface("b", out _)) Attach("b", "10.0.2.254", random);
        string told = $"seed {seed}; {string.Join(", ", happened)}\n{string.Join('\n', _dataplane.Interfaces())}\n{string.Join('\n', _dataplane.WorkerRows())}\n{string.Join('\n', _dataplane.Counters())}";
        bool passes = false;
        for (int tries = 0; tries < 30 && !passes; tries++) passes = _left.Try("ping -c1 -W1 10.0.2.1").Ok;
        Assert.True(passes, told);
        Assert.All(_dataplane.WorkerRows(), worker => Assert.True(worker is { Running: true, Death: null }, told));
        foreach (string name in (ReadOnlySpan<string>)["a", "b"])
        {
            _dataplane.TryFindInterface(name, out uint index);
            _dataplane.RemoveInterface(index);
        }

        Netns.Await(() => _dataplane.PoolLevel() is { } level && level.Free == level.Packets, $"every chunk is back: {_dataplane.PoolLevel()}\n{told}");
    }

    private string Happen(Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                _right.Must("ip link set eth0 down");
                Thread.Sleep(random.Next(100));
                _right.Must("ip link set eth0 up");
                _right.Route("default", "10.0.2.254");
                return "link down and up";
            case 1:
                _right.Must("ip link del eth0");
                Thread.Sleep(random.Next(100));
                Link("b", _right, "10.0.2.1/24", "10.0.2.254");
                return "device gone and back";
            case 2:
                string name = random.Next(2) == 0 ? "a" : "b";
                _dataplane.TryFindInterface(name, out uint index);
                _dataplane.RemoveInterface(index);
                Thread.Sleep(random.Next(50));
                return $"{name} as {Attach(name, name == "a" ? "10.0.1.254" : "10.0.2.254", random)}";
            case 3:
                uint[] batch = new uint[1024];
                for (int got = _dataplane.Pool.Allocate(batch); got > 0; got = _dataplane.Pool.Allocate(batch)) _taken.AddRange(batch.Take(got));
                Thread.Sleep(random.Next(100));
                Return();
                return "pool empty";
            case 4:
                _dataplane.TryFindInterface("b", out uint b);
                _dataplane.SetInterface(b, Settings("b", enabled: false));
                Thread.Sleep(random.Next(50));
                _dataplane.SetInterface(b, Settings("b", enabled: true));
                return "disabled and enabled";
            default:
                _dataplane.TryFindInterface("a", out uint a);
                _dataplane.SetAddresses(a, []);
                Thread.Sleep(random.Next(50));
                _dataplane.SetAddresses(a, [new(IPAddress.Parse("10.0.1.254"), 24)]);
                return "addresses changed";
        }
    }

    private void Return()
    {
        _dataplane.Pool.Free(_taken.ToArray());
        _taken.Clear();
    }

    private void Link(string device, Netns host, string address, string gateway)
    {
        _net.Link(_box, device, host, "eth0");
        host.Address("eth0", address);
        host.Route("default", gateway);
    }

    private InterfaceSettings Settings(string name, bool enabled) => new()
    {
        Name = name,
        Type = "device",
        Mac = _dataplane.Interfaces().Single(i => i.Name == name).Mac,
        Mtu = 1500,
        Enabled = enabled,
    };

    private string Attach(string device, string address, Random random)
    {
        PortSpec spec = random.Next(3) switch
        {
            0 => new PortSpec.AfPacket(device) { Queues = random.Next(1, 4) },
            1 => new PortSpec.AfXdp(device),
            _ => new PortSpec.AfXdp(device) { Mode = XdpMode.Skb },
        };
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(_factory.Open(spec, _dataplane.Pool));
        uint index = _dataplane.AddInterface(new InterfaceSettings { Name = device, Type = "device", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        _dataplane.SetAddresses(index, [new(IPAddress.Parse(address), 24)]);
        return opened.Port.Kind;
    }
}
