using System.Net;
using System.Net.Sockets;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of the router advertisements of an interface.</summary>
internal static class RouterAdvertisementRules
{
    // RFC 4861 §6.2.1.
    private const long MinInterval = 4, MaxInterval = 1800, MaxLifetime = 9000;
    private const int MaxPrefixes = 16, MaxDns = 8, AutonomousLength = 64;

    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        if (spec.RouterAdvertisements is not { } told) return;
        at = at["router_advertisements"];
        if (spec.IsPointToPoint) at.Add(ErrorCode.NotApplicable, "Nobody on a tunnel of packets takes router advertisements.");
        if (told.Interval.Seconds is < MinInterval or > MaxInterval) at["interval"].Add(ErrorCode.OutOfRange, $"Expected {MinInterval}s to {MaxInterval}s.");
        if (told.Lifetime is { Seconds: not 0 } lifetime && (lifetime.Seconds < told.Interval.Seconds || lifetime.Seconds > MaxLifetime))
            at["lifetime"].Add(ErrorCode.OutOfRange, $"Expected 0, or the interval to {MaxLifetime}s.");
        if (told.Prefixes.Count > MaxPrefixes) at["prefixes"].Add(ErrorCode.TooMany, $"There are at most {MaxPrefixes} prefixes.");
        if (told.Dns.Count > MaxDns) at["dns"].Add(ErrorCode.TooMany, $"There are at most {MaxDns} DNS servers.");
        var seen = new HashSet<IpPrefix>();
        for (var i = 0; i < told.Prefixes.Count; i++) Check(told.Prefixes[i], seen, at["prefixes"][i]);
        for (var i = 0; i < told.Dns.Count; i++)
            if (told.Dns[i].AddressFamily != AddressFamily.InterNetworkV6) at["dns"][i].Add(ErrorCode.InvalidValue, "An IPv6 address is expected.");
            else if (Addresses.FaultOfUnicast(told.Dns[i]) is { } fault) at["dns"][i].Add(ErrorCode.InvalidValue, fault);
    }

    private static void Check(AdvertisedPrefix told, HashSet<IpPrefix> seen, ErrorScope at)
    {
        var prefix = told.Prefix;
        if (prefix.Family != AddressFamily.InterNetworkV6) at["prefix"].Add(ErrorCode.InvalidValue, "An IPv6 prefix is expected.");
        else if (!prefix.IsCanonical) at["prefix"].Add(ErrorCode.InvalidValue, "Bits beyond the prefix length are set.");
        // RFC 4861 §4.6.2.
        else if (prefix.Address.IsIPv6LinkLocal || prefix.Address.IsIPv6Multicast || prefix.Address.Equals(IPAddress.IPv6Any)) at["prefix"].Add(ErrorCode.InvalidValue, "This is no prefix that hosts share.");
        else if (!seen.Add(prefix)) at["prefix"].Add(ErrorCode.Conflict, "The prefix stands twice.");
        // RFC 4862 §5.5.3 d, RFC 2464 §4: prefix and interface identifier make 128 bits.
        if (told.Autonomous && prefix.Family == AddressFamily.InterNetworkV6 && prefix.Length != AutonomousLength) at["autonomous"].Add(ErrorCode.InvalidValue, $"Hosts make addresses of their own in a /{AutonomousLength} only.");
        if (told.PreferredLifetime.Seconds > told.ValidLifetime.Seconds) at["preferred_lifetime"].Add(ErrorCode.OutOfRange, "It is longer than the valid lifetime.");
    }
}
