using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Switching;

/// <summary>RFC 7348. A lab with a port `lan` that is bridged with `vx` (network 42), and a port `wan` (10.0.0.1, 2001:db8::1) behind which the remote ends .2 and .3 are.</summary>
public sealed class VxlanTests
{
    private static readonly byte[] _a = SwitchLab.Mac(1), _b = SwitchLab.Mac(2), _c = SwitchLab.Mac(3), _wan = [2, 0, 0, 0, 0, 1];

    private static SwitchLab Lab(string local, params string[] remotes)
    {
        var lab = new SwitchLab();
        var wan = lab.Port("wan", 1);
        lab.Port("lan", 2);
        lab.Control.SetAddresses(wan, [new(IPAddress.Parse("10.0.0.1"), 24), new(IPAddress.Parse("2001:db8::1"), 64)]);
        for (byte i = 2; i <= 3; i++)
        {
            lab.Control.AddNeighbor(wan, IPAddress.Parse($"10.0.0.{i}"), new PhysicalAddress([2, 0, 0, 0, 2, i]));
            lab.Control.AddNeighbor(wan, IPAddress.Parse($"2001:db8::{i}"), new PhysicalAddress([2, 0, 0, 0, 2, i]));
        }

        Vxlan(lab, "vx", 42, local, remotes);
        lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("lan"), new("vx")] });
        lab.Step();
        lab.Left();
        return lab;
    }

    private static uint Vxlan(SwitchLab lab, string name, uint vni, string local, params string[] remotes) => lab.Control.AddInterface(
        new InterfaceSettings { Name = name, Type = "vxlan", Mtu = 1450 }, new InterfaceLink.Vxlan(vni, IPAddress.Parse(local), [.. remotes.Select(IPAddress.Parse)]));

    /// <summary>A VXLAN datagram around a frame, made with nothing of the product.</summary>
    private static byte[] Outer(string from, string to, uint vni, byte[] frame, byte flags = 8, bool checksum = true)
    {
        byte[] vxlan = [flags, 0, 0, 0, (byte)(vni >> 16), (byte)(vni >> 8), (byte)vni, 0, .. frame];
        var udp = Build.Udp(from, to, 50000, 4789, vxlan, checksum);
        return Build.Ethernet(_wan, [2, 0, 0, 0, 2, 2], (ushort)(from.Contains(':', StringComparison.Ordinal) ? 0x86DD : 0x0800), from.Contains(':', StringComparison.Ordinal) ? Build.Ip6(from, to, 17, udp) : Build.Ip4(from, to, 17, udp));
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2")]
    [InlineData("2001:db8::1", "2001:db8::2")]
    public void A_frame_leaves_in_a_datagram_and_comes_out_of_one(string local, string remote)
    {
        using var lab = Lab(local, remote);
        var frame = SwitchLab.Frame(_b, _a, 100);
        lab.Send("lan", frame);
        var seen = new Seen(Assert.Single(lab.Sent("wan")));
        Assert.Equal(("020000000202", local, remote, (byte)17, (byte)64), (seen.To, seen.Source, seen.Destination, seen.Protocol, seen.Ttl));
        Assert.InRange(Build.Get16(seen.Payload, 0), 0xC000, 0xFFFF);
        Assert.Equal((4789, seen.Payload.Length), (Build.Get16(seen.Payload, 2), Build.Get16(seen.Payload, 4)));
        Assert.Equal([8, 0, 0, 0, 0, 0, 42, 0], seen.Payload[8..16]);
        Assert.Equal(frame, seen.Payload[16..]);
        // RFC 7348 §5: none over IPv4; §4.3: not to be fragmented.
        if (local.Contains('.', StringComparison.Ordinal)) Assert.Equal((0, 0x4000), (Build.Get16(seen.Payload, 6), seen.FragmentWord));
        else Assert.NotEqual(0, Build.Get16(seen.Payload, 6));

        foreach (var checksum in (bool[])[true, false])
        {
            lab.Send("wan", Outer(remote, local, 42, SwitchLab.Frame(_a, _b, 90), checksum: checksum));
            Assert.Equal(SwitchLab.Frame(_a, _b, 90), Assert.Single(lab.Sent("lan")));
        }

        lab.Send("lan", frame);
        Assert.Equal(["wan"], lab.Left());
        Assert.Empty(lab.Drops());
        Assert.Equal((2ul, 2ul), lab.Control.Interfaces().Where(i => i.Name == "vx").Select(i => (i.RxPackets, i.TxPackets)).Single());
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void What_is_for_all_goes_to_each_remote_end_and_what_is_for_one_to_where_it_was_seen()
    {
        using var lab = Lab("10.0.0.1", "10.0.0.2", "10.0.0.3");
        lab.Send("lan", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Equal(["10.0.0.2", "10.0.0.3"], lab.Sent("wan").Select(f => new Seen(f).Destination).Order());
        lab.Send("wan", Outer("10.0.0.3", "10.0.0.1", 42, SwitchLab.Frame(_a, _b)));
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, SwitchLab.Frame(_a, _c)));
        Assert.Equal(["lan", "lan"], lab.Left());
        lab.Send("lan", SwitchLab.Frame(_b, _a));
        Assert.Equal("10.0.0.3", new Seen(Assert.Single(lab.Sent("wan"))).Destination);
        lab.Send("lan", SwitchLab.Frame(_c, _a));
        Assert.Equal("10.0.0.2", new Seen(Assert.Single(lab.Sent("wan"))).Destination);
        // The station moved from one end to the other; and a broadcast that came by the tunnel does not go back into it.
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, SwitchLab.Frame(SwitchLab.Broadcast, _b)));
        Assert.Equal(["lan"], lab.Left());
        lab.Send("lan", SwitchLab.Frame(_b, _a));
        Assert.Equal("10.0.0.2", new Seen(Assert.Single(lab.Sent("wan"))).Destination);
        Assert.Equal(1ul, lab.Count("bridge-input/moved"));
    }

    [Fact]
    public void Strangers_other_networks_and_damaged_datagrams_are_dropped_with_their_reasons()
    {
        using var lab = Lab("10.0.0.1", "10.0.0.2");
        var frame = SwitchLab.Frame(_a, _b);
        lab.Send("wan", Outer("10.0.0.3", "10.0.0.1", 42, frame));
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 43, frame));
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, frame, flags: 0));
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, frame[..13]));
        var damaged = Outer("10.0.0.2", "10.0.0.1", 42, frame);
        damaged[^1] ^= 1;
        lab.Send("wan", damaged);
        Assert.Empty(lab.Left());
        Assert.Equal(
            ["vxlan-decap/bad-checksum=1", "vxlan-decap/no-network=1", "vxlan-decap/too-short=1", "vxlan-decap/unknown-remote=2"], lab.Drops().Order());
    }

    [Fact]
    public void Flows_have_ports_of_their_own_and_keep_them()
    {
        using var lab = Lab("10.0.0.1", "10.0.0.2");
        byte[] Flow(int port) => Build.Ethernet(_b, _a, 0x0800, Build.Ip4("192.0.2.1", "192.0.2.2", 17, Build.Udp("192.0.2.1", "192.0.2.2", port, 53, Build.Bytes(20))));
        List<int> ports = [];
        for (var flow = 0; flow < 64; flow++)
        {
            lab.Send("lan", Flow(1000 + flow));
            lab.Send("lan", Flow(1000 + flow));
            var seen = lab.Sent("wan").Select(f => Build.Get16(new Seen(f).Payload, 0)).ToList();
            Assert.Equal(2, seen.Count);
            Assert.Equal(seen[0], seen[1]);
            ports.Add(seen[0]);
        }

        Assert.True(ports.Distinct().Count() > 50, "flows are spread over ports");
    }

    [Fact]
    public void A_tunnel_that_leads_through_itself_ends_by_itself()
    {
        using var lab = new SwitchLab();
        lab.Port("lan", 2);
        lab.Loopback("bvi", new InterfaceAddress(IPAddress.Parse("10.0.0.1"), 24));
        Vxlan(lab, "vx", 42, "10.0.0.1", "10.0.0.2", "10.0.0.3");
        lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("lan"), new("vx")], Bvi = "bvi" });
        foreach (var i in (byte[])[2, 3]) lab.Control.AddNeighbor(lab.Index("bvi"), IPAddress.Parse($"10.0.0.{i}"), new PhysicalAddress([2, 0, 0, 0, 2, i]));
        lab.Send("lan", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        lab.Left();
        Assert.NotEqual(0ul, lab.Count("vxlan-encap/no-room"));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void A_routed_tunnel_finds_its_neighbors_like_any_link()
    {
        using var lab = Lab("10.0.0.1", "10.0.0.2");
        lab.Switching.RemoveBridge("br");
        lab.Control.SetAddresses(lab.Index("vx"), [new(IPAddress.Parse("10.9.0.1"), 24)]);
        lab.Step();
        lab.Left();
        var arp = Build.Ethernet(SwitchLab.Broadcast, _b, 0x0806, Build.Arp(1, _b, "10.9.0.2", new byte[6], "10.9.0.1"));
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, arp));
        var reply = new Seen(Assert.Single(lab.Sent("wan")));
        Assert.Equal(_b, reply.Payload[16..22]);
        Assert.Equal([0x08, 0x06], reply.Payload[28..30]);
        Assert.Contains(lab.Control.Neighbors(), n => n.Interface == "vx" && n.Address.ToString() == "10.9.0.2");
    }

    [Fact]
    public void Ends_are_shared_by_networks_and_free_again_afterwards()
    {
        using var lab = Lab("10.0.0.1", "10.0.0.2");
        Assert.Throws<ArgumentException>(() => Vxlan(lab, "same", 42, "10.0.0.1", "10.0.0.3", "10.0.0.2"));
        var other = Vxlan(lab, "other", 43, "10.0.0.1", "10.0.0.2");
        lab.Control.RemoveInterface(lab.Index("vx"));
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, SwitchLab.Frame(_a, _b)));
        Assert.Equal(["vxlan-decap/unknown-remote=1"], lab.Drops());
        lab.Control.RemoveInterface(other);
        lab.Send("wan", Outer("10.0.0.2", "10.0.0.1", 42, SwitchLab.Frame(_a, _b)));
        Assert.Contains("ip4-deliver/port-unreachable=1", lab.Drops());
        lab.Left();
        Vxlan(lab, "vx", 42, "10.0.0.1", "10.0.0.3");
        lab.Send("lan", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Equal("10.0.0.3", new Seen(Assert.Single(lab.Sent("wan"))).Destination);
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    /// <summary>The table against a list that is searched from end to end.</summary>
    [Fact]
    public void The_table_finds_what_a_search_through_all_finds()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var epochs = new Epochs(0);
        using var table = new TunnelTable(epochs);
        List<(ulong Local, uint Port, ulong Remote, uint Network, uint Index)> slow = [];
        for (uint step = 1; step < 4000; step++)
        {
            var (local, port, remote, network) = ((ulong)random.Next(1, 6), (uint)random.Next(4789, 4791), (ulong)random.Next(1, 9), (uint)random.Next(1, 5));
            var there = slow.FindIndex(s => (s.Local, s.Port, s.Remote, s.Network) == (local, port, remote, network));
            if (random.Next(3) == 0 && there < 0)
            {
                var end = table.TakeEnd(0, local, false, port);
                Assert.NotEqual(0u, end);
                Assert.True(table.Add(end, 0, remote, network, step, step & 0xFF));
                slow.Add((local, port, remote, network, step));
            }
            else if (random.Next(3) == 0 && there >= 0)
            {
                Assert.True(table.TryEnd(0, local, false, port, out var end));
                Assert.False(table.Add(end, 0, remote, network, step, 1));
                table.Remove(end, 0, remote, network);
                table.DropEnd(0, local, false, port);
                slow.RemoveAt(there);
            }
            else
            {
                var isEnd = table.TryEnd(0, local, false, port, out var end);
                Assert.Equal(slow.Exists(s => s.Local == local && s.Port == port), isEnd);
                Assert.False(table.TryEnd(0, local, true, port, out _));
                if (!isEnd) continue;
                Assert.Equal(there >= 0, table.TryFind(end, 0, remote, network, out var index, out var number));
                if (there >= 0) Assert.Equal((slow[there].Index & 0xFFFF, slow[there].Index & 0xFF), (index, number));
            }
            Assert.Equal(slow.Count > 0, table.Active);
        }
    }
}
