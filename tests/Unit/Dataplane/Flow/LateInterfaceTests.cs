using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>The rules of an interface are there before the interface, as when a gateway starts: `dmz` comes last.</summary>
public sealed class LateInterfaceTests
{
    private const string Host = "2001:db8:1::2", Server = "2001:db8:9::2";

    [Fact]
    public void Rules_for_what_leaves_hold_from_the_first_packet()
    {
        using var gateway = new TestGateway();
        Bind(gateway, [], ["none"]);
        var dmz = Add(gateway);
        gateway.FromLan(Udp(Host, Server));
        gateway.FromLan(Build.Ip4("10.1.0.2", "10.9.0.2", 17, Build.Udp("10.1.0.2", "10.9.0.2", 5000, 53, [1])));
        Assert.Empty(TestGateway.Drain(dmz));
        Assert.Equal((1ul, 1ul), (gateway.Count("ip4-acl-output/denied"), gateway.Count("ip6-acl-output/denied")));
    }

    [Fact]
    public void What_reflecting_rules_let_in_is_answered()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Bind("lan", new AclBinding(["none"], [], null));
        Bind(gateway, ["open"], []);
        var dmz = Add(gateway);
        gateway.FromLan(Udp(Host, Server));
        Assert.Empty(TestGateway.Drain(dmz));
        gateway.Frame(dmz, Build.Ethernet(_mac, _server, 0x86DD, Udp(Server, Host)));
        Assert.Single(gateway.OnLan());
        gateway.FromLan(Udp(Host, Server));
        Assert.Single(TestGateway.Drain(dmz));

        // It goes, and comes again with the same rules.
        Assert.True(gateway.Control.TryFindInterface("dmz", out var index));
        gateway.Control.RemoveInterface(index);
        dmz = Add(gateway);
        gateway.Frame(dmz, Build.Ethernet(_mac, _server, 0x86DD, Udp(Server, Host)));
        gateway.FromLan(Udp(Host, Server));
        Assert.Single(TestGateway.Drain(dmz));
    }

    private static readonly byte[] _mac = Build.Mac("02:00:00:00:09:01"), _server = Build.Mac("02:00:00:00:09:02");

    private static byte[] Udp(string from, string to) => Build.Ip6(from, to, 17, Build.Udp(from, to, from == Host ? 53 : 5000, from == Host ? 5000 : 53, [1]));

    private static void Bind(TestGateway gateway, string[] into, string[] outOf)
    {
        foreach (var (name, rules) in ((string, string)[])[("none", "[]"), ("open", """[{"action":"permit-reflect"}]""")])
            gateway.Control.Filtering.SetAcl(name, JsonSerializer.Deserialize<AclSpec>($$"""{"rules":{{rules}}}""", PolicyJson.Options)!);
        gateway.Control.Filtering.Bind("dmz", new AclBinding(into, outOf, null));
    }

    private static InMemoryPort Add(TestGateway gateway)
    {
        var port = new InMemoryPort(gateway.Control.Pool);
        var dmz = gateway.Control.AddInterface(new InterfaceSettings { Name = "dmz", Type = "in-memory", Mac = new PhysicalAddress(_mac) }, port);
        gateway.Control.SetAddresses(dmz, [TestGateway.Address("10.9.0.1", 24), TestGateway.Address("2001:db8:9::1", 64)]);
        foreach (var address in (string[])["10.9.0.2", Server]) gateway.Control.AddNeighbor(dmz, IPAddress.Parse(address), new PhysicalAddress(_server));
        gateway.Step();
        TestGateway.Drain(port);
        return port;
    }
}
