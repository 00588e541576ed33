using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Switching;

public sealed class VlanTests
{
    private const int Dot1q = VlanTag.Dot1q, Dot1ad = VlanTag.Dot1ad;
    private static readonly byte[] _host = SwitchLab.Mac(9);

    private static uint Vlan(SwitchLab lab, string name, string parent, int vlan, int? inner = null, int? protocol = null, bool enabled = true) => lab.Control.AddInterface(
        new InterfaceSettings { Name = name, Type = "vlan", Enabled = enabled },
        new InterfaceLink.Vlan(
            lab.Index(parent), new VlanTag((ushort)(protocol ?? (inner is null ? Dot1q : Dot1ad)), (ushort)vlan), inner is { } i ? new VlanTag(Dot1q, (ushort)i) : null));

    private static byte[] Ping(byte[] to, string source, string destination) => Build.Ethernet(to, _host, 0x0800, Build.Ip4(source, destination, 1, Build.Icmp4(8, 0, 1, Build.Bytes(56))));

    [Fact]
    public void A_sub_interface_answers_in_its_own_tag_and_no_other()
    {
        using var lab = new SwitchLab();
        lab.Port("wan", 1);
        var sub = Vlan(lab, "wan.100", "wan", 100);
        lab.Control.SetAddresses(sub, [new(IPAddress.Parse("10.0.100.1"), 24)]);
        lab.Control.AddNeighbor(sub, IPAddress.Parse("10.0.100.9"), new PhysicalAddress(_host));
        lab.Step();
        lab.Sent("wan");

        lab.Send("wan", SwitchLab.Tagged(Ping([2, 0, 0, 0, 0, 1], "10.0.100.9", "10.0.100.1"), (Dot1q, 100)));
        var reply = Assert.Single(lab.Sent("wan"));
        Assert.Equal(_host, reply[..6]);
        Assert.Equal([2, 0, 0, 0, 0, 1], reply[6..12]);
        Assert.Equal([0x81, 0x00, 0x00, 100, 0x08, 0x00], reply[12..18]);

        lab.Send("wan", Ping([2, 0, 0, 0, 0, 1], "10.0.100.9", "10.0.100.1"));
        lab.Send("wan", SwitchLab.Tagged(Ping([2, 0, 0, 0, 0, 1], "10.0.100.9", "10.0.100.1"), (Dot1q, 101)));
        lab.Send("wan", SwitchLab.Tagged(Ping([2, 0, 0, 0, 0, 1], "10.0.100.9", "10.0.100.1"), (Dot1ad, 100)));
        Assert.Equal(2ul, lab.Count("vlan-input/unknown-vlan"));
        var row = lab.Control.Interfaces().Single(i => i.Name == "wan.100");
        // It sent the announcement of its address and the reply, also to the untagged ping, which asked for an own address all the same.
        Assert.Equal((1ul, 3ul, true), (row.RxPackets, row.TxPackets, row.Up));
    }

    [Fact]
    public void Arp_for_an_address_of_a_sub_interface_is_answered_within_the_vlan()
    {
        using var lab = new SwitchLab();
        lab.Port("wan", 1);
        lab.Control.SetAddresses(Vlan(lab, "wan.7", "wan", 7), [new(IPAddress.Parse("10.0.7.1"), 24)]);
        lab.Step();
        lab.Sent("wan");
        lab.Send("wan", SwitchLab.Tagged(Build.Ethernet(SwitchLab.Broadcast, _host, 0x0806, Build.Arp(1, _host, "10.0.7.9", new byte[6], "10.0.7.1")), (Dot1q, 0xE007)));
        var reply = Assert.Single(lab.Sent("wan"));
        Assert.Equal([0x81, 0x00, 0x00, 7, 0x08, 0x06], reply[12..18]);
        Assert.Equal("10.0.7.9", Assert.Single(lab.Control.Neighbors()).Address.ToString());
    }

    [Fact]
    public void Of_two_tags_the_interface_that_names_both_comes_first_and_its_replies_carry_both()
    {
        using var lab = new SwitchLab();
        lab.Port("wan", 1);
        var both = Vlan(lab, "both", "wan", 100, inner: 200, protocol: Dot1ad);
        var outer = Vlan(lab, "outer", "wan", 100, protocol: Dot1ad);
        lab.Control.SetAddresses(both, [new(IPAddress.Parse("10.0.1.1"), 24)]);
        lab.Control.AddNeighbor(both, IPAddress.Parse("10.0.1.9"), new PhysicalAddress(_host));
        lab.Step();
        lab.Sent("wan");
        lab.Send("wan", SwitchLab.Tagged(Ping([2, 0, 0, 0, 0, 1], "10.0.1.9", "10.0.1.1"), (Dot1ad, 100), (Dot1q, 200)));
        Assert.Equal([0x88, 0xA8, 0x00, 100, 0x81, 0x00, 0x00, 200, 0x08, 0x00], Assert.Single(lab.Sent("wan"))[12..22]);
        lab.Send("wan", SwitchLab.Tagged(Ping([2, 0, 0, 0, 0, 1], "10.0.1.9", "10.0.1.1"), (Dot1ad, 100), (Dot1q, 201)));
        Assert.Equal(1ul, lab.Control.Interfaces().Single(i => i.Name == "outer").RxPackets);
        Assert.Equal(1ul, lab.Count("ethernet-input/vlan"));
        Assert.NotEqual(0u, outer);
    }

    // IEEE 802.1Q §6.9.
    [Fact]
    public void A_tag_that_says_the_priority_alone_is_as_good_as_none()
    {
        using var gateway = new TestGateway();
        var ping = Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4("10.1.0.2", "10.1.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(56))));
        gateway.Frame(gateway.LanPort, SwitchLab.Tagged(ping, (Dot1q, 0xA000)));
        Assert.Equal(0, Assert.Single(gateway.OnLan()).IcmpType);
        gateway.Frame(gateway.LanPort, SwitchLab.Tagged(ping, (Dot1q, 0xA001)));
        Assert.Equal(1ul, gateway.Count("ethernet-input/vlan"));
    }

    [Fact]
    public void Two_sub_interfaces_that_are_connected_translate_their_tags()
    {
        using var lab = new SwitchLab();
        lab.Port("a", 1);
        lab.Port("b", 2);
        Vlan(lab, "a.10", "a", 10);
        Vlan(lab, "b.20", "b", 20, inner: 30);
        Assert.True(lab.Switching.SetConnect(new CrossConnectSettings("line", "a.10", "b.20")));
        var frame = SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(2));
        lab.Send("a", SwitchLab.Tagged(frame, (Dot1q, 10)));
        Assert.Equal(SwitchLab.Tagged(frame, (Dot1ad, 20), (Dot1q, 30)), Assert.Single(lab.Sent("b")));
        lab.Send("b", SwitchLab.Tagged(frame, (Dot1ad, 20), (Dot1q, 30)));
        Assert.Equal(SwitchLab.Tagged(frame, (Dot1q, 10)), Assert.Single(lab.Sent("a")));
    }

    [Fact]
    public void A_cross_connect_pushes_a_service_tag_around_whatever_a_port_sends()
    {
        using var lab = new SwitchLab();
        lab.Port("customer", 1);
        lab.Port("uplink", 2);
        Vlan(lab, "service", "uplink", 300, protocol: Dot1ad);
        lab.Switching.SetConnect(new CrossConnectSettings("line", "customer", "service"));
        foreach (var frame in (byte[][])[SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(2)), SwitchLab.Tagged(SwitchLab.Frame(SwitchLab.Broadcast, SwitchLab.Mac(2)), (Dot1q, 5))])
        {
            lab.Send("customer", frame);
            Assert.Equal(SwitchLab.Tagged(frame, (Dot1ad, 300)), Assert.Single(lab.Sent("uplink")));
            lab.Send("uplink", SwitchLab.Tagged(frame, (Dot1ad, 300)));
            Assert.Equal(frame, Assert.Single(lab.Sent("customer")));
        }

        Assert.True(lab.Switching.RemoveConnect("line"));
        lab.Send("customer", SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(2)));
        Assert.Empty(lab.Sent("uplink"));
        Assert.Equal(["ethernet-input/not-for-us=1"], lab.Drops());
    }

    [Fact]
    public void What_is_cut_off_within_a_tag_or_disabled_is_dropped_with_its_reason()
    {
        using var lab = new SwitchLab();
        lab.Port("wan", 1);
        Vlan(lab, "off", "wan", 100, enabled: false);
        var frame = SwitchLab.Tagged(SwitchLab.Frame([2, 0, 0, 0, 0, 1], _host), (Dot1q, 100));
        lab.Send("wan", frame[..16]);
        lab.Send("wan", frame);
        Assert.Equal(["vlan-input/down=1", "vlan-input/too-short=1"], lab.Drops().Order());
    }

    [Fact]
    public void A_parent_that_goes_leaves_no_way_out_and_comes_back_as_another()
    {
        using var lab = new SwitchLab();
        lab.Port("wan", 1);
        var sub = Vlan(lab, "wan.100", "wan", 100);
        lab.Remove("wan");
        lab.Port("lan", 2);
        lab.Control.SetAddresses(sub, [new(IPAddress.Parse("10.0.100.1"), 24)]);
        lab.Step();
        Assert.Empty(lab.Sent("lan"));
        lab.Control.RemoveInterface(sub);
        Vlan(lab, "lan.100", "lan", 100);
        Assert.Throws<ArgumentException>(() => Vlan(lab, "again", "lan", 100));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void The_mac_address_of_a_sub_interface_follows_its_parents()
    {
        using var lab = new SwitchLab();
        var wan = lab.Port("wan", 1);
        Vlan(lab, "wan.100", "wan", 100);
        lab.Control.SetInterface(wan, new InterfaceSettings { Name = "wan", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 0, 77]) });
        Assert.Equal(new PhysicalAddress([2, 0, 0, 0, 0, 77]), lab.Control.Interfaces().Single(i => i.Name == "wan.100").Mac);
    }

    /// <summary>The table against a list that is searched from end to end.</summary>
    [Fact]
    public void The_table_finds_what_a_search_through_all_finds()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var epochs = new Epochs(0);
        using var table = new VlanTable(epochs);
        List<(uint Carrier, uint Outer, uint Inner, uint Index)> slow = [];
        for (uint step = 1; step < 20_000; step++)
        {
            var (carrier, outer, inner) = ((uint)random.Next(1, 4), 0x8100_0000u | (uint)random.Next(1, 40), random.Next(3) == 0 ? 0 : 0x8100_0000u | (uint)random.Next(1, 40));
            var there = slow.FindIndex(s => (s.Carrier, s.Outer, s.Inner) == (carrier, outer, inner));
            switch (random.Next(4))
            {
                case 0:
                    Assert.Equal(there < 0, table.Add(carrier, outer, inner, step));
                    if (there < 0) slow.Add((carrier, outer, inner, step));
                    break;
                case 1:
                    table.Remove(carrier, outer, inner);
                    if (there >= 0) slow.RemoveAt(there);
                    break;
                default:
                    var exact = inner == 0 ? default : slow.Find(s => (s.Carrier, s.Outer, s.Inner) == (carrier, outer, inner));
                    var found = exact.Index != 0 ? exact : slow.Find(s => (s.Carrier, s.Outer, s.Inner) == (carrier, outer, 0u));
                    Assert.Equal(found.Index != 0, table.TryFind(carrier, outer, inner, out var index, out var tagBytes));
                    if (found.Index != 0) Assert.Equal((found.Index, found.Inner == 0 ? 4 : 8), (index, tagBytes));
                    break;
            }
        }
    }
}
