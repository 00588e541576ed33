using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Gateway.Policy.Items;

/// <summary>How an interface reaches the world.</summary>
public enum InterfaceType
{
    /// <summary>A network device of the host, taken over through AF_PACKET rings.</summary>
    AfPacket,

    /// <summary>A TAP device that the gateway makes.</summary>
    Tap,

    /// <summary>No device: addresses that are always up.</summary>
    Loopback,
}

/// <summary>An interface (<c>interface</c>): <c>{"type":"af-packet","device":"wan","addresses":["198.51.100.1/24"]}</c>.</summary>
public sealed record InterfaceSpec : ItemSpec
{
    public required InterfaceType Type { get; init; }

    /// <summary>Name of the host's device: the one to take (af-packet) or to make (tap). Default: the item's name. Not for loopback.</summary>
    public string? Device { get; init; }

    /// <summary>Addresses with prefix length; a subnet of each is connected.</summary>
    public ValueList<InterfaceAddress> Addresses { get; init; }

    /// <summary>Octets of the largest IP packet, 576–9216 (1280 and more when there are IPv6 addresses). Default: the device's, else 1500.</summary>
    [Range(576, 9216)]
    public int? Mtu { get; init; }

    /// <summary>MAC address; default the device's, or a random local one for tap.</summary>
    public MacAddress? Mac { get; init; }

    public bool Enabled { get; init; } = true;

    /// <summary>Take the device although the host itself uses it (has addresses or its default route there).</summary>
    public bool TakeOver { get; init; }
}

/// <summary>An address and the length of its subnet's prefix, as <c>198.51.100.1/24</c>.</summary>
public sealed record InterfaceAddress(IPAddress Address, int PrefixLength);
