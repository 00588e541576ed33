using System.Net.NetworkInformation;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>A network device of the host as the kernel describes it.</summary>
/// <param name="Index">The kernel's number of the device; a device that is made again gets another.</param>
/// <param name="Mtu">Largest IP packet, bytes.</param>
/// <param name="IsUp">Switched on (IFF_UP).</param>
/// <param name="HasCarrier">On, and the other end is there (IFF_LOWER_UP).</param>
/// <param name="Master">Index of the bridge or bond that the device belongs to, 0 none.</param>
public sealed record LinkInfo(int Index, string Name, PhysicalAddress Mac, int Mtu, bool IsUp, bool HasCarrier, bool IsLoopback, int Master)
{
    /// <summary>The kernel's word for how it is made (`veth`, `vlan`, `macvlan` …); empty for hardware.</summary>
    public string Kind { get; init; } = "";

    /// <summary>Index of the device that it is made upon, 0 none. A veth names its other end here.</summary>
    public int Lower { get; init; }

    /// <summary>Whether it lives on another device, whose packets it takes.</summary>
    public bool LivesOn(LinkInfo other) => Lower == other.Index && Kind is not ("" or "veth");
}
