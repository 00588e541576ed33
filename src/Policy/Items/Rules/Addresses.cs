using System.Net;
using System.Net.Sockets;

namespace Gateway.Policy.Items.Rules;

/// <summary>Which addresses a host, a next hop or a neighbor can have.</summary>
internal static class Addresses
{
    /// <summary>Why <paramref name="address"/> cannot be that of one host; null when it can.</summary>
    public static string? FaultOfUnicast(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            // RFC 1122 §3.2.1.3: 0/8 is this host, 127/8 loops back; RFC 1112: 224/4 are groups, the rest up to the limited broadcast is reserved.
            return bytes[0] switch
            {
                0 => "An address of 0.0.0.0/8 is not that of a host.",
                127 => "An address of 127.0.0.0/8 does not leave its host.",
                >= 224 and < 240 => "A multicast address is not that of one host.",
                >= 240 => "An address of 240.0.0.0/4 is not that of one host.",
                _ => null,
            };
        }

        // RFC 4291 §2.5–2.7.
        if (address.IsIPv6Multicast) return "A multicast address is not that of one host.";
        if (address.Equals(IPAddress.IPv6Any)) return "The unspecified address is not that of a host.";
        if (address.Equals(IPAddress.IPv6Loopback)) return "The loopback address does not leave its host.";
        return address.IsIPv4MappedToIPv6 ? "An IPv4-mapped address does not go on a wire; write the IPv4 address." : null;
    }

    /// <summary>Why an interface cannot have the address with that prefix length; null when it can.</summary>
    public static string? FaultOfInterface(InterfaceAddress own)
    {
        if (own.PrefixLength == 0) return "The prefix length must not be 0.";
        if (FaultOfUnicast(own.Address) is { } fault) return fault;
        var subnet = Sa.TrafficSelector.OfPrefix(own.Address, own.PrefixLength);
        // RFC 3021, RFC 6164: in a /31 or /127 both addresses are hosts.
        if (own.PrefixLength >= Width(own.Address) - 1) return null;
        if (subnet.Start.Equals(own.Address)) return "This is the network's own address, not a host's in it.";
        return own.Address.AddressFamily == AddressFamily.InterNetwork && subnet.End.Equals(own.Address) ? "This is the network's broadcast address." : null;
    }

    public static int Width(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;

    /// <summary>The address as a number, IPv4 in the low 32 bits; order within a family is that of the addresses.</summary>
    public static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        UInt128 value = 0;
        foreach (var octet in bytes[..length]) value = value << 8 | octet;
        return value;
    }
}
