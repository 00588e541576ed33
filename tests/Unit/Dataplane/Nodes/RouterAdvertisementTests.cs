using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>RFC 4861 §6.2. A port `lan` (2001:db8:1::1/64, 2001:db8:2::1/56, MTU 1400) that advertises.</summary>
public sealed class RouterAdvertisementTests
{
    private const long Second = 1_000_000_000;

    private static InterfaceSettings Settings(RouterAdvertisement? told) =>
        new() { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 0, 1]), Mtu = 1400, Advertise = told };

    private static SwitchLab Lab(RouterAdvertisement? told)
    {
        var lab = new SwitchLab();
        var lan = lab.Port("lan", 1, 1400);
        lab.Control.SetAddresses(lan, [new(IPAddress.Parse("2001:db8:1::1"), 64), new(IPAddress.Parse("2001:db8:2::1"), 56), new(IPAddress.Parse("10.0.0.1"), 24)]);
        lab.Control.SetInterface(lan, Settings(told));
        lab.Step();
        lab.Left();
        return lab;
    }

    private static List<Seen> Advertised(SwitchLab lab)
    {
        lab.Step();
        return [.. lab.Sent("lan").Select(f => new Seen(f)).Where(s => s.Protocol == 58 && s.IcmpType == 134)];
    }

    /// <summary>The options of a type, without type and length.</summary>
    private static List<byte[]> Options(Seen seen, byte type)
    {
        List<byte[]> found = [];
        for (var at = 16; at < seen.Payload.Length; at += seen.Payload[at + 1] * 8)
            if (seen.Payload[at] == type) found.Add(seen.Payload[(at + 2)..(at + (seen.Payload[at + 1] * 8))]);
        return found;
    }

    private static byte[] Solicitation(string from = "fe80::9", byte hops = 255, byte[]? options = null, byte code = 0) => Build.Ethernet(
        [0x33, 0x33, 0, 0, 0, 2], SwitchLab.Mac(9), 0x86DD, Build.Ip6(from, "ff02::2", 58, Build.Icmp6(from, "ff02::2", 133, code, 0, options ?? []), hops));

    [Fact]
    public void It_names_router_mtu_and_the_interfaces_networks()
    {
        using var lab = Lab(new RouterAdvertisement { Interval = 30, Lifetime = 90, OtherConfig = true, Dns = [IPAddress.Parse("2001:db8:1::53"), IPAddress.Parse("2001:db8:1::54")] });
        lab.Control.Tick();
        var seen = Assert.Single(Advertised(lab));
        Assert.Equal(("333300000001", "fe80::ff:fe00:1", "ff02::1", (byte)255), (seen.To, seen.Source, seen.Destination, seen.Ttl));
        Assert.Equal((64, 0x40, 90), (seen.Payload[4], seen.Payload[5], Build.Get16(seen.Payload, 6)));
        Assert.Equal([2, 0, 0, 0, 0, 1], Assert.Single(Options(seen, 1)));
        Assert.Equal([0, 0, 0, 0, 5, 120], Assert.Single(Options(seen, 5)));
        var prefixes = Options(seen, 3);
        Assert.Equal([(64, 0xC0), (56, 0x80)], prefixes.Select(p => ((int)p[0], (int)p[1])));
        Assert.Equal(["2001:db8:1::", "2001:db8:2::"], prefixes.Select(p => new IPAddress(p[14..30]).ToString()));
        Assert.Equal((0x0027_8D00, 0x0009_3A80), ((Build.Get16(prefixes[0], 2) << 16) | Build.Get16(prefixes[0], 4), (Build.Get16(prefixes[0], 6) << 16) | Build.Get16(prefixes[0], 8)));
        var dns = Assert.Single(Options(seen, 25));
        Assert.Equal((90, "2001:db8:1::54"), (Build.Get16(dns, 4), new IPAddress(dns[22..38]).ToString()));
    }

    [Fact]
    public void Prefixes_that_are_given_take_the_place_of_the_interfaces()
    {
        using var lab = Lab(new RouterAdvertisement { Managed = true, HopLimit = 0, Prefixes = [new PrefixInformation(IPAddress.Parse("2001:db8:7::"), 64, false, true, 100, 50)] });
        lab.Control.Tick();
        var seen = Assert.Single(Advertised(lab));
        Assert.Equal((0, 0x80), (seen.Payload[4], seen.Payload[5]));
        Assert.Equal([64, 0x40, 0, 0, 0, 100, 0, 0, 0, 50], Assert.Single(Options(seen, 3))[..10]);
    }

    [Fact]
    public void A_host_that_asks_is_answered_once_for_all_in_three_seconds()
    {
        using var lab = Lab(new RouterAdvertisement());
        lab.Send("lan", Solicitation());
        Assert.Single(Advertised(lab));
        for (var i = 0; i < 100; i++) lab.Send("lan", Solicitation($"fe80::{i + 10:x}"));
        Assert.Empty(Advertised(lab));
        Assert.Equal(101ul, lab.Count("nd-input/router-solicitations"));
    }

    /// <summary>RFC 4861 §6.1.1.</summary>
    [Fact]
    public void Solicitations_that_are_not_valid_are_dropped_with_their_reasons()
    {
        using var lab = Lab(new RouterAdvertisement());
        lab.Control.Tick();
        Advertised(lab);
        lab.Send("lan", Solicitation(hops: 254));
        lab.Send("lan", Solicitation(code: 1));
        lab.Send("lan", Solicitation(options: [1, 0, 0, 0, 0, 0, 0, 0]));
        lab.Send("lan", Solicitation("::", options: [1, 1, 2, 0, 0, 0, 1, 9]));
        var damaged = Solicitation();
        damaged[^1] ^= 1;
        lab.Send("lan", damaged);
        Assert.Equal(["nd-input/bad-checksum=1", "nd-input/bad-message=2", "nd-input/bad-option=1", "nd-input/hop-limit=1"], lab.Drops().Order(StringComparer.Ordinal));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void Without_advertisements_nobody_is_answered_and_the_last_one_says_that_the_router_goes()
    {
        using var lab = Lab(null);
        lab.Control.Tick();
        lab.Send("lan", Solicitation());
        Assert.Empty(Advertised(lab));
        Assert.Equal(["nd-input/router-message=1"], lab.Drops());
        lab.Control.SetInterface(lab.Index("lan"), Settings(new RouterAdvertisement()));
        lab.Control.Tick();
        Assert.Equal(1800, Build.Get16(Assert.Single(Advertised(lab)).Payload, 6));
        lab.Control.SetInterface(lab.Index("lan"), Settings(null));
        Assert.Equal(0, Build.Get16(Assert.Single(Advertised(lab)).Payload, 6));
    }

    /// <summary>RFC 4861 §6.2.4, with the moments told.</summary>
    [Fact]
    public void Times_between_advertisements_are_random_within_their_bounds_and_short_at_first()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var advertiser = new Advertiser(new Random(seed));
        var told = new RouterAdvertisement { Interval = 300 };
        Assert.False(advertiser.Set(1, told, 0));
        List<long> sent = [];
        for (long now = 0; now < 10_000 * Second; now += Second)
            if (advertiser.Due(now).Count > 0) sent.Add(now / Second);
        var gaps = sent.Zip(sent.Skip(1), (a, b) => b - a).ToList();
        Assert.Equal([16, 16, 16], gaps.Take(3));
        Assert.All(gaps.Skip(3), g => Assert.InRange(g, 100, 301));
        Assert.True(gaps.Skip(3).Distinct().Count() > 10, "they differ");

        // Asked right after one, it waits; asked late, it answers at once.
        advertiser.Solicited(1, 20_000 * Second);
        Assert.Single(advertiser.Due(20_000 * Second));
        advertiser.Solicited(1, 20_001 * Second);
        Assert.Empty(advertiser.Due(20_002 * Second));
        Assert.Single(advertiser.Due(20_003 * Second));
        Assert.True(advertiser.Set(1, null, 0));
        Assert.Empty(advertiser.Due(30_000 * Second));
    }
}
