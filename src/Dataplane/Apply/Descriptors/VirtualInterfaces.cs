using System.Globalization;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>What <see cref="InterfaceDescriptor"/> does for interfaces that are made of others instead of a port.</summary>
internal static class VirtualInterfaces
{
    private const int DefaultTtl = 64;

    public static bool IsVirtual(InterfaceType type) => type is InterfaceType.Vlan or InterfaceType.Vxlan || IsIpTunnel(type);

    private static bool IsIpTunnel(InterfaceType type) => type is InterfaceType.Gre or InterfaceType.Ipip or InterfaceType.Gretap;

    /// <summary>Name of the interface that must be there before: the one that carries a VLAN, or has the local end of a tunnel; null none.</summary>
    public static string? CarrierOf(InterfaceSpec spec, IReadOnlyDictionary<ItemKey, Item> desired) => spec.Type switch
    {
        InterfaceType.Vlan => spec.Parent,
        InterfaceType.Vxlan or InterfaceType.Gre or InterfaceType.Ipip or InterfaceType.Gretap => (desired is RunningConfiguration all ? all.OfKind(ItemCatalog.Interface) : desired.Values)
            .FirstOrDefault(i => i.Spec is InterfaceSpec { Vrf: null or VrfSpec.Default } other && other.Addresses.Any(a => a.Address.Equals(spec.Local)))?.Key.Name,
        _ => null,
    };

    /// <summary>Whether two specs are made of the same; otherwise it is another interface.</summary>
    public static bool SameLink(InterfaceSpec a, InterfaceSpec b) => 
        (a.Parent, a.Vlan, a.InnerVlan, a.VlanProtocol) == (b.Parent, b.Vlan, b.InnerVlan, b.VlanProtocol)
        && (a.Vni, a.Local, a.Remotes, a.Port ?? InterfaceSpec.VxlanPort).Equals((b.Vni, b.Local, b.Remotes, b.Port ?? InterfaceSpec.VxlanPort))
        && (a.Remote, a.Key, a.Ttl ?? DefaultTtl, a.Dscp).Equals((b.Remote, b.Key, b.Ttl ?? DefaultTtl, b.Dscp));

    public static StepResult Create(DataplaneControl dataplane, string name, InterfaceSpec spec, IReadOnlyList<InterfaceAddress> addresses)
    {
        if (spec.Type == InterfaceType.Vxlan)
        {
            var tunnel = new InterfaceLink.Vxlan((uint)spec.Vni!.Value, spec.Local!, [.. spec.Remotes], (ushort)(spec.Port ?? InterfaceSpec.VxlanPort));
            dataplane.SetAddresses(dataplane.AddInterface(Settings(dataplane, name, spec), tunnel), addresses);
            return new StepResult.Done();
        }
        if (IsIpTunnel(spec.Type))
        {
            dataplane.SetAddresses(dataplane.AddInterface(Settings(dataplane, name, spec), IpTunnel(spec)), addresses);
            return new StepResult.Done();
        }
        if (!dataplane.TryFindInterface(spec.Parent!, out var parent)) return new StepResult.Pending($"interface/{spec.Parent}");
        var inner = spec.InnerVlan is { } i ? new VlanTag(VlanTag.Dot1q, (ushort)i) : (VlanTag?)null;
        var index = dataplane.AddInterface(Settings(dataplane, name, spec), new InterfaceLink.Vlan(parent, Outer(spec), inner));
        dataplane.SetAddresses(index, addresses);
        return new StepResult.Done();
    }

    public static InterfaceSettings Settings(DataplaneControl dataplane, string name, InterfaceSpec spec) => new()
    {
        Name = name,
        Type = JsonNamingPolicy.KebabCaseLower.ConvertName(spec.Type.ToString()),
        Mac = spec.Mac is { } mac ? PhysicalAddress.Parse(mac.Value.ToString("X12", CultureInfo.InvariantCulture)) : null,
        Mtu = spec.Mtu ?? DefaultMtu(dataplane, spec),
        Enabled = spec.Enabled,
        Vrf = dataplane.VrfOf(spec.Vrf),
        Advertise = VirtualInterfaces.Advertise(spec.RouterAdvertisements),
        Source4 = VirtualInterfaces.RuleOf(spec, spec.Rpf4),
        Source6 = VirtualInterfaces.RuleOf(spec, spec.Rpf6),
        RefusesBogons = HoldsSources(spec),
        Neighbors = VirtualInterfaces.Neighbors(spec.Neighbors),
        Borrows = spec.Unnumbered,
        Proxies = [.. spec.ProxyArp.Concat(spec.ProxyNd).Select(p => (p.Start, p.End))],
        ProxySameLink = spec.ProxySameLink,
    };

    public static RouterAdvertisement? Advertise(RouterAdvertisementSpec? spec) => spec is null ? null : new RouterAdvertisement
    {
        Interval = (int)spec.Interval.Seconds,
        Lifetime = (int)(spec.Lifetime?.Seconds ?? (3 * spec.Interval.Seconds)),
        Managed = spec.Managed,
        OtherConfig = spec.OtherConfig,
        HopLimit = (byte)spec.HopLimit,
        Prefixes = [.. spec.Prefixes.Select(p => new PrefixInformation(
            p.Prefix.Address, p.Prefix.Length, p.OnLink, p.Autonomous, (uint)Math.Min(p.ValidLifetime.Seconds, uint.MaxValue), (uint)Math.Min(p.PreferredLifetime.Seconds, uint.MaxValue)))],
        Dns = [.. spec.Dns],
    };

    /// <summary>The way back that an interface asks for, itself or by its profile.</summary>
    public static SourceRule RuleOf(InterfaceSpec spec, ReversePath? rpf) => rpf switch
    {
        ReversePath.Loose => SourceRule.Loose,
        ReversePath.Strict => SourceRule.Strict,
        _ => HoldsSources(spec) ? SourceRule.Strict : SourceRule.Any,
    };

    public static bool HoldsSources(InterfaceSpec spec) => spec.Profile.Contains(InterfaceProfile.AntiSpoofing);

    public static bool DeniesAll(InterfaceSpec spec) => spec.Profile.Contains(InterfaceProfile.DefaultDeny);

    public static NeighborTimes Neighbors(NeighborSettingsSpec? spec) => spec is null ? NeighborTimes.Default : new NeighborTimes
    {
        Reachable = (uint)spec.ReachableTime.Seconds,
        Delay = (uint)spec.DelayTime.Seconds,
        Retrans = (uint)spec.RetransTime.Seconds,
        Probes = (uint)spec.Probes,
        Forget = (uint)spec.ForgetTime.Seconds,
        Limit = (uint)spec.Limit,
    };

    private static int DefaultMtu(DataplaneControl dataplane, InterfaceSpec spec)
    {
        // Every Ethernet device lets one tag more than its MTU pass, but not two.
        if (spec.Type == InterfaceType.Vlan) return (dataplane.MtuOf(spec.Parent!) ?? 1500) - (spec.InnerVlan is null ? 0 : 4);
        var below = dataplane.Interfaces().FirstOrDefault(i => i.Type != "loopback" && i.Vrf == 0 && i.Addresses.Any(a => a.Address.Equals(spec.Local)))?.Mtu ?? 1500;
        if (IsIpTunnel(spec.Type)) return Math.Max(576, below - IpTunnel(spec).Overhead);
        const int ip4 = 20, ip6 = 40, udp = 8, vxlan = 8, ethernet = 14;
        return Math.Max(576, below - ((spec.Local!.AddressFamily == AddressFamily.InterNetworkV6 ? ip6 : ip4) + udp + vxlan + ethernet));
    }

    private static InterfaceLink.IpTunnel IpTunnel(InterfaceSpec spec) => new(
        spec.Type switch { InterfaceType.Gre => IpTunnelKind.Gre, InterfaceType.Gretap => IpTunnelKind.GreEthernet, _ => IpTunnelKind.Ip },
        spec.Local!,
        spec.Remote!,
        (uint?)spec.Key,
        (byte)(spec.Ttl ?? DefaultTtl),
        (byte?)spec.Dscp);

    private static VlanTag Outer(InterfaceSpec spec)
    {
        var protocol = spec.VlanProtocol ?? (spec.InnerVlan is null ? VlanProtocol.Dot1q : VlanProtocol.Dot1ad);
        return new VlanTag(protocol == VlanProtocol.Dot1q ? (ushort)VlanTag.Dot1q : (ushort)VlanTag.Dot1ad, (ushort)spec.Vlan!.Value);
    }
}
