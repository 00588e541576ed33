using System.Net;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Gateway.Policy;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>ACLs between Linux hosts: what their stacks see of permits, denials and rejections.</summary>
public sealed class FirewallTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    [Fact]
    public void Hosts_see_what_rules_permit_and_are_told_what_they_reject()
    {
        Netns box = _net.Add("box");
        Netns inner = Host(box, 1), outer = Host(box, 2);
        DataplaneControl dataplane = Gateway(box);
        inner.Must("ping -c2 -i0.2 -W5 10.2.0.2");
        inner.Must("ping -c2 -i0.2 -W5 fd02::2");

        // Nothing is permitted, but neighbor discovery lives.
        Acl(dataplane, "in", "[]");
        dataplane.Filtering.Bind("p1", new AclBinding(["in"], [], null));
        inner.Must("ip neigh flush all");
        Assert.False(inner.Try("ping -c1 -W1 10.2.0.2").Ok);
        Assert.False(inner.Try("ping -c1 -W1 fd02::2").Ok);
        Assert.False(inner.Try("ping -c1 -W1 10.1.0.254").Ok);
        Assert.Contains("lladdr", inner.Must("ip -6 neigh show fd01::fe"), StringComparison.Ordinal);
        outer.Must("ping -c1 -W5 10.2.0.254");

        // Under traffic the rules change: pings pass, and one port of TCP; the rest is rejected.
        Acl(dataplane, "in", """
            [{"name":"ping","action":"permit","protocol":"icmp","icmp_type":8},
             {"name":"ping6","action":"permit","protocol":"icmpv6","icmp_type":128},
             {"name":"web","action":"permit","protocol":"tcp","to":["10.2.0.2","fd02::2"],"to_ports":["8080"]},
             {"name":"rest","action":"reject"}]
            """);
        inner.Must("ping -c2 -i0.2 -W5 10.2.0.2");
        inner.Must("ping -c2 -i0.2 -W5 fd02::2");
        using BackgroundProcess web = outer.Start("python3 -m http.server 8080 --bind ::");
        Netns.Await(() => inner.Try("bash -c 'exec 3<>/dev/tcp/10.2.0.2/8080'").Ok, "the server behind the gateway is reached");
        Assert.True(inner.Try("bash -c 'exec 3<>/dev/tcp/fd02::2/8080'").Ok);
        foreach (string address in (string[])["10.2.0.2", "fd02::2"])
        {
            ShellResult refused = inner.Try($"timeout 10 bash -c 'exec 3<>/dev/tcp/{address}/8081'");
            Assert.Contains("refused", refused.Output, StringComparison.OrdinalIgnoreCase);
        }

        // A socket of UDP hears of the prohibition with its next word.
        Assert.Contains("No route to host", inner.Try("bash -c 'exec 3<>/dev/udp/10.2.0.2/9999; for i in 1 2 3 4 5; do echo x >&3 || exit 1; sleep 0.2; done' 2>&1").Output, StringComparison.Ordinal);
        IReadOnlyList<AclRuleCount> rules = dataplane.Filtering.Acls().Single().Rules;
        Assert.All(rules, r => Assert.True(r.Packets > 0, $"{r.Name} counted"));

        // On the way out, without a word.
        dataplane.Filtering.Bind("p1", new AclBinding([], [], null));
        Acl(dataplane, "out", """[{"action":"deny","protocol":"tcp","to_ports":["8080"]},{"action":"permit"}]""");
        dataplane.Filtering.Bind("p2", new AclBinding([], ["out"], null));
        Assert.Equal(124, inner.Try("timeout 2 bash -c 'exec 3<>/dev/tcp/10.2.0.2/8080'").Code);
        inner.Must("ping -c1 -W5 10.2.0.2");
    }

    private Netns Host(Netns box, int number)
    {
        Netns host = _net.Add($"h{number}");
        _net.Link(host, "eth0", box, $"p{number}");
        host.Address("eth0", $"10.{number}.0.{(number == 1 ? 9 : 2)}/24");
        host.Address("eth0", $"fd0{number}::{(number == 1 ? 9 : 2)}/64");
        host.Route("default", $"10.{number}.0.254");
        host.Route("default", $"fd0{number}::fe");
        return host;
    }

    private DataplaneControl Gateway(Netns box)
    {
        PortFactory factory = new(null, box.Path);
        DataplaneControl dataplane = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
        _parts.Add(factory);
        _parts.Add(dataplane);
        dataplane.Start();
        for (int i = 1; i <= 2; i++)
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket($"p{i}"), dataplane.Pool));
            uint index = dataplane.AddInterface(new InterfaceSettings { Name = $"p{i}", Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
            dataplane.SetAddresses(index, [new(IPAddress.Parse($"10.{i}.0.254"), 24), new(IPAddress.Parse($"fd0{i}::fe"), 64)]);
        }

        return dataplane;
    }

    private static void Acl(DataplaneControl dataplane, string name, string rules) =>
        dataplane.Filtering.SetAcl(name, JsonSerializer.Deserialize<AclSpec>($$"""{"rules":{{rules}}}""", PolicyJson.Options)!);
}
