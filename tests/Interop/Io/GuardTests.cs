using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Gateway.Policy;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Policers, MAC ACLs and the way back of sources between Linux hosts.</summary>
public sealed class GuardTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    [Fact]
    public void A_policer_halves_a_stream()
    {
        (Netns inner, Netns outer, DataplaneControl dataplane, _) = Line();
        inner.Must("ping -c1 -W5 10.2.0.2");
        // Eight bits a second bring nothing while the test runs: of two hundred packets of 1028 octets the burst of a hundred passes.
        dataplane.Guarding.SetPolicer("half", Spec<PolicerSpec>("""{"rate":"8bit/s","burst":"102800B"}"""));
        dataplane.Guarding.Bind("p1", new GuardBinding { PolicerIn = "half" });
        int came = outer.Run(() =>
        {
            using Socket taker = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 2000, ReceiveBufferSize = 1 << 20 };
            taker.Bind(new IPEndPoint(IPAddress.Parse("10.2.0.2"), 7777));
            inner.Run(() =>
            {
                using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                for (int i = 0; i < 200; i++) sender.SendTo(new byte[1000], new IPEndPoint(IPAddress.Parse("10.2.0.2"), 7777));
            });
            int count = 0;
            byte[] buffer = new byte[2000];
            try
            {
                while (taker.Receive(buffer) == 1000) count++;
            }
            catch (SocketException)
            {
                // No more come.
            }

            return count;
        });
        PolicerRow row = dataplane.Guarding.Policers().Single();
        Assert.Equal((100, 100ul, 100ul), (came, row.Green.Packets, row.Red.Packets));
        dataplane.Guarding.Bind("p1", new GuardBinding());
        inner.Must("ping -c1 -W5 10.2.0.2");
    }

    [Fact]
    public void A_host_speaks_for_its_own_addresses_alone()
    {
        (Netns inner, Netns outer, DataplaneControl dataplane, string mac) = Line();
        dataplane.Guarding.SetMacAcl("pairs", Spec<MacAclSpec>($$"""
            {"rules":[{"name":"host","action":"permit","from":"{{mac}}","source_ip":["10.1.0.9/32","fd01::9/128","fe80::/10","::/128"]}]}
            """));
        dataplane.Guarding.Bind("p1", new GuardBinding { MacIn = ["pairs"] });
        inner.Must("ip neigh flush all");
        inner.Must("ping -c2 -i0.2 -W5 10.2.0.2");
        inner.Must("ping -c2 -i0.2 -W5 fd02::2");

        // Another address of the same network: neither ARP, nor packets, nor advertisements.
        inner.Address("eth0", "10.1.0.66/24");
        inner.Address("eth0", "fd01::66/64");
        Assert.False(inner.Try("ping -c1 -W1 -I 10.1.0.66 10.2.0.2").Ok);
        Assert.False(inner.Try("ping -c1 -W1 -I fd01::66 fd02::2").Ok);
        Assert.False(outer.Try("ping -c1 -W2 10.1.0.66").Ok);
        Assert.False(outer.Try("ping -c1 -W2 fd01::66").Ok);
        outer.Must("ping -c1 -W5 10.1.0.9");
        outer.Must("ping -c1 -W5 fd01::9");

        // Another MAC address: nothing at all.
        inner.Must("ip link set eth0 address 02:00:00:00:00:77");
        Assert.False(inner.Try("ping -c1 -W1 10.2.0.2").Ok);
        dataplane.Guarding.Bind("p1", new GuardBinding());
        Netns.Await(() => inner.Try("ping -c1 -W1 10.2.0.2").Ok, "the host is reached again");
    }

    [Fact]
    public void Sources_that_cannot_be_there_end_where_they_come_in()
    {
        (Netns inner, Netns outer, DataplaneControl dataplane, _) = Line(antiSpoofing: true);
        inner.Must("ping -c1 -W5 10.2.0.2");
        inner.Must("ping -c1 -W5 fd02::2");
        inner.Must("ip addr add 192.168.7.7/32 dev lo");
        inner.Must("ip addr add 10.2.0.77/32 dev lo");
        inner.Must("ip -6 addr add fd02::77/128 dev lo");
        foreach (string source in (string[])["192.168.7.7", "10.2.0.77"]) Assert.False(inner.Try($"ping -c1 -W1 -I {source} 10.2.0.2").Ok);
        Assert.False(inner.Try("ping -c1 -W1 -I fd02::77 fd02::2").Ok);
        Assert.Contains(dataplane.Counters(), c => c.Node == "ip4-input" && c.Name == "no-way-back" && c.Value >= 2);
        Assert.Contains(dataplane.Counters(), c => c.Node == "ip6-input" && c.Name == "no-way-back" && c.Value >= 1);
        outer.Must("ping -c1 -W5 10.1.0.9");
    }

    private (Netns Inner, Netns Outer, DataplaneControl Dataplane, string Mac) Line(bool antiSpoofing = false)
    {
        Netns box = _net.Add("box");
        Netns inner = Host(box, 1), outer = Host(box, 2);
        PortFactory factory = new(null, box.Path);
        DataplaneControl dataplane = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
        _parts.Add(factory);
        _parts.Add(dataplane);
        dataplane.Start();
        for (int i = 1; i <= 2; i++)
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket($"p{i}"), dataplane.Pool));
            SourceRule rule = antiSpoofing && i == 1 ? SourceRule.Strict : SourceRule.Any;
            uint index = dataplane.AddInterface(
                new InterfaceSettings { Name = $"p{i}", Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu, Source4 = rule, Source6 = rule, RefusesBogons = antiSpoofing && i == 1 }, opened.Port);
            dataplane.SetAddresses(index, [new(IPAddress.Parse($"10.{i}.0.254"), 24), new(IPAddress.Parse($"fd0{i}::fe"), 64)]);
        }

        return (inner, outer, dataplane, inner.Mac("eth0"));
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

    private static T Spec<T>(string json) => JsonSerializer.Deserialize<T>(json, PolicyJson.Options)!;
}
