using Gateway.Interop.Net;

namespace Gateway.Interop.Lab;

/// <summary>What stands between the two sides.</summary>
public enum Underlay
{
    /// <summary>A router.</summary>
    Plain,

    /// <summary>A router that hides the right side behind its own address.</summary>
    Nat,
}

/// <summary>
/// The network of the IPsec cases; nothing leaves it.
/// <code>
/// lhost 10.1.0.10 ── lan 10.1.0.1 [left] wan 198.51.100.1 ── [net] ── wan 203.0.113.2 [right] lan 10.2.0.1 ── 10.2.0.10 rhost
///       fd01::10         fd01::1         2001:db8:1::1                2001:db8:2::2          fd02::1          fd02::10
/// </code>
/// The clear networks are unreachable across <c>net</c>, so that a packet which arrives went through the tunnel.
/// </summary>
public sealed class LabNet : IDisposable
{
    public const string LeftAddress = "198.51.100.1";
    public const string RightAddress = "203.0.113.2";
    public const string LeftAddress6 = "2001:db8:1::1";
    public const string RightAddress6 = "2001:db8:2::2";
    public const string LeftNextHop = "198.51.100.254";
    public const string RightNextHop = "203.0.113.254";
    public const string LeftHostAddress = "10.1.0.10";
    public const string RightHostAddress = "10.2.0.10";
    public const string LeftHostAddress6 = "fd01::10";
    public const string RightHostAddress6 = "fd02::10";

    private readonly Namespaces _all = new();

    /// <param name="underlay">What stands between the sides.</param>
    /// <param name="leftIsBare">The left side gets no kernel addresses, routes or forwarding: a gateway takes its ports.</param>
    /// <param name="rightIsBare">The same for the right side.</param>
    public LabNet(Underlay underlay = Underlay.Plain, bool leftIsBare = false, bool rightIsBare = false)
    {
        (Left, Right, Net, LeftHost, RightHost) = (_all.Add("left"), _all.Add("right"), _all.Add("net"), _all.Add("lhost"), _all.Add("rhost"));
        _all.Link(Left, "wan", Net, "left");
        _all.Link(Right, "wan", Net, "right");
        _all.Link(LeftHost, "eth0", Left, "lan");
        _all.Link(RightHost, "eth0", Right, "lan");
        Route(Net, ("left", [LeftNextHop + "/24", "2001:db8:1::fe/64"]), ("right", [RightNextHop + "/24", "2001:db8:2::fe/64"]));
        Net.Must("ip route add blackhole 10.0.0.0/8 && ip -6 route add blackhole fd00::/8");
        Side(Left, leftIsBare, [LeftAddress + "/24", LeftAddress6 + "/64"], ["10.1.0.1/24", "fd01::1/64"], LeftNextHop, "2001:db8:1::fe");
        Side(Right, rightIsBare, [RightAddress + "/24", RightAddress6 + "/64"], ["10.2.0.1/24", "fd02::1/64"], RightNextHop, "2001:db8:2::fe");
        Host(LeftHost, [LeftHostAddress + "/24", "10.1.0.11/24", LeftHostAddress6 + "/64"], "10.1.0.1", "fd01::1");
        Host(RightHost, [RightHostAddress + "/24", "10.2.0.11/24", RightHostAddress6 + "/64"], "10.2.0.1", "fd02::1");
        if (underlay == Underlay.Nat)
            Net.Must("nft 'table ip nat { chain post { type nat hook postrouting priority 100; oifname \"left\" ip saddr 203.0.113.0/24 masquerade; }; }'");
    }

    public Netns Left { get; }

    public Netns Right { get; }

    /// <summary>The internet: a router, and the place to capture and to lose packets.</summary>
    public Netns Net { get; }

    public Netns LeftHost { get; }

    public Netns RightHost { get; }

    /// <summary>Drops that share of the forwarded packets, in percent; 100 cuts the sides off from each other.</summary>
    public void Lose(int percent)
    {
        Net.Try("nft delete table inet loss");
        if (percent > 0)
            Net.Must($"nft 'table inet loss {{ chain forward {{ type filter hook forward priority 0; numgen random mod 100 < {percent} drop; }}; }}'");
    }

    /// <summary>
    /// True when the right host gets an answer from the left one. Of several attempts one is enough: the first packets wait for neighbors to answer,
    /// and the machine may be busy; what is asked is whether packets get through, not how many.
    /// </summary>
    public bool Pings(string to = LeftHostAddress, int attempts = 10) => Ping(RightHost, to, attempts);

    /// <summary>The other direction.</summary>
    public bool PingsBack(string to = RightHostAddress, int attempts = 10) => Ping(LeftHost, to, attempts);

    public void Dispose() => _all.Dispose();

    private static bool Ping(Netns from, string to, int attempts) => Enumerable.Range(0, attempts).Any(_ => from.Try($"ping -q -c 1 -W 1 {to}").Ok);

    private static void Route(Netns ns, params (string Device, string[] Addresses)[] devices)
    {
        ns.Must("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        foreach (var (device, addresses) in devices)
        {
            ns.Must($"sysctl -qw net.ipv4.conf.{device}.rp_filter=0 net.ipv6.conf.{device}.accept_dad=0");
            foreach (var address in addresses) ns.Address(device, address);
        }
    }

    private static void Side(Netns ns, bool bare, string[] wan, string[] lan, string via4, string via6)
    {
        if (bare)
        {
            ns.Must("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
            return;
        }

        Route(ns, ("wan", wan), ("lan", lan));
        ns.Route("default", via4);
        ns.Route("default", via6);
    }

    private static void Host(Netns ns, string[] addresses, string via4, string via6)
    {
        foreach (var address in addresses) ns.Address("eth0", address);
        ns.Route("default", via4);
        ns.Route("default", via6);
    }
}
