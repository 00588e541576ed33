using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>Neighbors that a process before this one had learned.</summary>
public sealed class WarmNeighborTests
{
    private static readonly byte[] _host = Build.Mac("02:00:00:00:01:77");

    [Fact]
    public void A_remembered_neighbor_gets_packets_at_once()
    {
        using var gateway = Remembering(new WarmNeighbor("lan", IPAddress.Parse("10.1.0.77"), new PhysicalAddress(_host), TimeSpan.FromSeconds(20)));
        gateway.FromWan(Packet);
        var frame = Assert.Single(gateway.OnLan());
        Assert.Equal(Build.Text(_host), frame.To);
        Assert.Contains(gateway.Control.LearnedNeighbors(), n => n.Address.Equals(IPAddress.Parse("10.1.0.77")));
    }

    [Fact]
    public void It_is_asked_whether_it_still_holds_and_forgotten_when_it_is_silent()
    {
        using var gateway = Remembering(new WarmNeighbor("lan", IPAddress.Parse("10.1.0.77"), new PhysicalAddress(_host), TimeSpan.FromSeconds(20)));
        gateway.FromWan(Packet);
        gateway.OnLan();
        for (var second = 0; second < 5; second++)
        {
            gateway.Control.Tick();
            gateway.Step();
        }

        Assert.Contains(gateway.OnLan(), f => f.To == Build.Text(_host) && f.Ip.AsSpan(0, 8).SequenceEqual(Build.Arp(1, TestGateway.LanMac, "10.1.0.1", new byte[6], "10.1.0.77").AsSpan(0, 8)));
        Assert.DoesNotContain(gateway.Control.LearnedNeighbors(), n => n.Address.Equals(IPAddress.Parse("10.1.0.77")));
    }

    [Theory]
    [InlineData("lan", "10.7.0.77", 20)] // not on the interface's networks
    [InlineData("dmz", "10.1.0.77", 20)] // of an interface that is not there
    [InlineData("lan", "10.1.0.77", 301)] // too old
    public void One_that_does_not_fit_is_not_taken(string on, string address, int seconds)
    {
        using var gateway = Remembering(new WarmNeighbor(on, IPAddress.Parse(address), new PhysicalAddress(_host), TimeSpan.FromSeconds(seconds)));
        Assert.DoesNotContain(gateway.Control.Neighbors(), n => n.Address.Equals(IPAddress.Parse(address)));
    }

    [Fact]
    public void A_configured_neighbor_is_stronger()
    {
        using var gateway = Remembering(new WarmNeighbor("lan", IPAddress.Parse("10.1.0.2"), new PhysicalAddress(_host), TimeSpan.FromSeconds(1)));
        Assert.Equal(new PhysicalAddress(TestGateway.LanHost), gateway.Control.Neighbors().Single(n => n.Address.Equals(IPAddress.Parse("10.1.0.2"))).Mac);
    }

    private static byte[] Packet => Build.Ip4("203.0.113.9", "10.1.0.77", 17, Build.Udp("203.0.113.9", "10.1.0.77", 1, 2, []));

    private static TestGateway Remembering(WarmNeighbor neighbor)
    {
        var gateway = new TestGateway();
        gateway.Control.Remember([neighbor]);
        gateway.Control.SetAddresses(gateway.Lan, [TestGateway.Address("10.1.0.1", 24), TestGateway.Address("10.1.0.3", 24), TestGateway.Address("2001:db8:1::1", 64)]);
        gateway.Step();
        gateway.OnLan();
        return gateway;
    }
}
