using System.Net;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items;

/// <summary>
/// Addresses that are leased to peers which ask for one, and what they are told with it (<c>pool</c>), in the words of swanctl.conf's <c>pools.NAME</c>:
/// <c>{"addrs":"10.3.0.0/24","dns":["10.1.0.53"]}</c>.
/// </summary>
public sealed record PoolSpec : ItemSpec
{
    /// <summary>A prefix such as <c>10.3.0.0/24</c> or a range such as <c>10.3.0.5-10.3.0.9</c>; of a prefix its own first address and its last are not leased, and one with host bits begins there.</summary>
    public required string Addrs { get; init; }

    /// <summary>Name servers.</summary>
    public ValueList<IPAddress> Dns { get; init; }

    /// <summary>NetBIOS name servers.</summary>
    public ValueList<IPAddress> Nbns { get; init; }

    /// <summary>DHCP servers.</summary>
    public ValueList<IPAddress> Dhcp { get; init; }

    /// <summary>The netmask of the leased address.</summary>
    public ValueList<IPAddress> Netmask { get; init; }

    /// <summary>Networks behind the gateway.</summary>
    public ValueList<IpPrefix> Subnet { get; init; }

    /// <summary>Networks that go through the tunnel, as clients of the Unity extension read them.</summary>
    public ValueList<IpPrefix> SplitInclude { get; init; }

    /// <summary>Networks that do not.</summary>
    public ValueList<IpPrefix> SplitExclude { get; init; }

    /// <summary>The addresses that can be leased, lowest and highest; false when <see cref="Addrs"/> says none.</summary>
    public static bool TryRange(string addrs, out TrafficSelector range)
    {
        range = null!;
        if (addrs.Contains('[', StringComparison.Ordinal) || !TrafficSelector.TryParse(addrs, out var all)) return false;
        range = all;
        if (addrs.Contains('-', StringComparison.Ordinal) || !IpPrefix.TrySplit(addrs, out var first, out var length)) return true;
        var width = first.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128;
        // RFC 3021, RFC 6164: in a /31 or /127 both addresses are hosts.
        if (length >= width - 1) range = all with { Start = first };
        else if (first.Equals(all.End)) return false;
        else range = all with { Start = first.Equals(all.Start) ? Next(first, 1) : first, End = Next(all.End, -1) };
        return true;
    }

    private static IPAddress Next(IPAddress address, int step)
    {
        var bytes = address.GetAddressBytes();
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            bytes[i] = (byte)(bytes[i] + step);
            if (bytes[i] != (step > 0 ? 0 : 0xff)) break;
        }

        return new IPAddress(bytes);
    }
}
