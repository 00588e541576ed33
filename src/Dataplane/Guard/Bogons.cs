using System.Net;
using Gateway.Dataplane.Apply;

namespace Gateway.Dataplane.Guard;

/// <summary>
/// Blocks of addresses that no packet from elsewhere comes from (RFC 6890 and the registries that it made): those that are no sources at all, and those that are not globally reachable. A network that
/// uses one of them says so by the interface's own address, or by a route.
/// </summary>
internal static class Bogons
{
    /// <summary>An address that only a default route leads to: reserved (RFC 1112 §4), or not yet assigned to anyone (RFC 4291 §2.4).</summary>
    public const uint Nowhere4 = 0xF000_0001;
    public const ulong Nowhere6High = 0x4000_0000_0000_0000, Nowhere6Low = 1;

    private static readonly (uint Value, uint Mask)[] _blocks4 =
    [
        .. ((string[])
        [
            "0.0.0.0/8",        // this network (RFC 791 §3.2)
            "10.0.0.0/8",       // private use (RFC 1918)
            "100.64.0.0/10",    // shared address space (RFC 6598)
            "127.0.0.0/8",      // loopback (RFC 1122 §3.2.1.3)
            "169.254.0.0/16",   // link-local (RFC 3927)
            "172.16.0.0/12",    // private use (RFC 1918)
            "192.0.0.0/24",     // protocol assignments (RFC 6890 §2.1)
            "192.0.2.0/24",     // documentation (RFC 5737)
            "192.88.99.0/24",   // 6to4 relays, deprecated (RFC 7526)
            "192.168.0.0/16",   // private use (RFC 1918)
            "198.18.0.0/15",    // benchmarking (RFC 2544)
            "198.51.100.0/24",  // documentation (RFC 5737)
            "203.0.113.0/24",   // documentation (RFC 5737)
            "240.0.0.0/4",      // reserved (RFC 1112 §4)
        ]).Select(Block4),
    ];

    private static readonly (UInt128 Value, UInt128 Mask)[] _blocks6 =
    [
        .. ((string[])
        [
            "::/16",            // unspecified, loopback, mapped and compatible addresses (RFC 4291 §2.5)
            "64:ff9b:1::/48",   // translation within a network (RFC 8215)
            "100::/64",         // discard only (RFC 6666)
            "2001::/23",        // protocol assignments: benchmarking, ORCHID and others (RFC 2928)
            "2001:db8::/32",    // documentation (RFC 3849)
            "3fff::/20",        // documentation (RFC 9637)
            "5f00::/16",        // segment routing (RFC 9602)
            "fc00::/7",         // unique local (RFC 4193)
            "fec0::/10",        // site-local, deprecated (RFC 3879)
        ]).Select(Block6),
    ];

    /// <summary>All blocks but those that the addresses lie in, a bit each.</summary>
    public static (uint Blocks4, uint Blocks6) Except(IEnumerable<AddressWords> addresses)
    {
        var (blocks4, blocks6) = ((1u << _blocks4.Length) - 1, (1u << _blocks6.Length) - 1);
        foreach (var address in addresses)
        {
            if (address.V6) blocks6 &= ~Of6(address.High, address.Low);
            else blocks4 &= ~Of4((uint)address.Low);
        }

        return (blocks4, blocks6);
    }

    /// <summary>The block that an address lies in, as a bit; 0 none.</summary>
    public static uint Of4(uint address)
    {
        for (var i = 0; i < _blocks4.Length; i++)
            if ((address & _blocks4[i].Mask) == _blocks4[i].Value) return 1u << i;
        return 0;
    }

    /// <inheritdoc cref="Of4"/>
    public static uint Of6(ulong high, ulong low)
    {
        var address = new UInt128(high, low);
        for (var i = 0; i < _blocks6.Length; i++)
            if ((address & _blocks6[i].Mask) == _blocks6[i].Value) return 1u << i;
        return 0;
    }

    private static (uint Value, uint Mask) Block4(string text)
    {
        var block = IPNetwork.Parse(text);
        return ((uint)AddressWords.From(block.BaseAddress).Low, uint.MaxValue << (32 - block.PrefixLength));
    }

    private static (UInt128 Value, UInt128 Mask) Block6(string text)
    {
        var block = IPNetwork.Parse(text);
        var words = AddressWords.From(block.BaseAddress);
        return (new UInt128(words.High, words.Low), UInt128.MaxValue << (128 - block.PrefixLength));
    }
}
