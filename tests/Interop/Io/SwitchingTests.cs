using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Bridges between Linux hosts, with the kernel's own beside them.</summary>
public sealed class SwitchingTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    /// <summary>The same hosts, first behind the kernel's bridge and then behind the gateway's.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Three_hosts_on_a_bridge_reach_each_other_and_a_station_that_moves_is_followed(bool kernel)
    {
        Netns box = _net.Add("box");
        Netns[] hosts = [.. Enumerable.Range(1, 3).Select(i => Host(box, i))];
        if (kernel)
        {
            box.Must("ip link add br0 type bridge && ip link set br0 up");
            for (int i = 1; i <= 3; i++) box.Must($"ip link set p{i} master br0");
        }
        else
        {
            DataplaneControl dataplane = Gateway(box, "p1", "p2", "p3");
            dataplane.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("p1"), new("p2"), new("p3")] });
        }

        foreach (Netns host in hosts)
            for (int i = 1; i <= 3; i++)
            {
                host.Must($"ping -c1 -W5 10.1.0.{i}");
                host.Must($"ping -c1 -W5 fd01::{i}");
            }

        TcpTransfer.Run(hosts[0], hosts[1], "10.1.0.2");
        TcpTransfer.Run(hosts[2], hosts[0], "fd01::1");

        // The first host's station turns up at the third: what is for it goes there.
        string mac = hosts[0].Mac("eth0");
        hosts[0].Must("ip link set eth0 down");
        hosts[2].Must($"ip link set eth0 down && ip link set eth0 address {mac} && ip link set eth0 up && ip addr add 10.1.0.1/24 dev eth0");
        hosts[2].Must("ping -c1 -W5 10.1.0.2");
        hosts[1].Must("ping -c2 -i0.2 -W5 10.1.0.1");
    }

    private Netns Host(Netns box, int number)
    {
        Netns host = _net.Add($"h{number}");
        _net.Link(host, "eth0", box, $"p{number}");
        host.Address("eth0", $"10.1.0.{number}/24");
        host.Address("eth0", $"fd01::{number}/64");
        return host;
    }

    /// <summary>A gateway in that namespace on these devices.</summary>
    private DataplaneControl Gateway(Netns box, params string[] devices)
    {
        PortFactory factory = new(null, box.Path);
        DataplaneControl dataplane = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
        _parts.Add(factory);
        _parts.Add(dataplane);
        dataplane.Start();
        foreach (string device in devices)
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket(device), dataplane.Pool));
            dataplane.AddInterface(new InterfaceSettings { Name = device, Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        }

        return dataplane;
    }
}
