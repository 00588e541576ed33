using System.Globalization;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>What <see cref="InterfaceDescriptor"/> does for interfaces that are made of others instead of a port.</summary>
internal static class VirtualInterfaces
{
    public static bool IsVirtual(InterfaceType type) => type is InterfaceType.Vlan;

    /// <summary>Name of the interface that must be there before; null none.</summary>
    public static string? CarrierOf(InterfaceSpec spec) => spec.Type == InterfaceType.Vlan ? spec.Parent : null;

    /// <summary>Whether two specs are made of the same; otherwise it is another interface.</summary>
    public static bool SameLink(InterfaceSpec a, InterfaceSpec b) => (a.Parent, a.Vlan, a.InnerVlan, a.VlanProtocol) == (b.Parent, b.Vlan, b.InnerVlan, b.VlanProtocol);

    public static StepResult Create(DataplaneControl dataplane, string name, InterfaceSpec spec, IReadOnlyList<InterfaceAddress> addresses)
    {
        if (!dataplane.TryFindInterface(spec.Parent!, out var parent)) return new StepResult.Pending($"interface/{spec.Parent}");
        var inner = spec.InnerVlan is { } i ? new VlanTag(VlanTag.Dot1q, (ushort)i) : (VlanTag?)null;
        var index = dataplane.AddInterface(Settings(dataplane, name, spec), new InterfaceLink.Vlan(parent, Outer(spec), inner));
        dataplane.SetAddresses(index, addresses);
        return new StepResult.Done();
    }

    public static InterfaceSettings Settings(DataplaneControl dataplane, string name, InterfaceSpec spec) => new()
    {
        Name = name,
        Type = "vlan",
        Mac = spec.Mac is { } mac ? PhysicalAddress.Parse(mac.Value.ToString("X12", CultureInfo.InvariantCulture)) : null,
        // Every Ethernet device lets one tag more than its MTU pass, but not two.
        Mtu = spec.Mtu ?? ((dataplane.MtuOf(spec.Parent!) ?? 1500) - (spec.InnerVlan is null ? 0 : 4)),
        Enabled = spec.Enabled,
    };

    private static VlanTag Outer(InterfaceSpec spec)
    {
        var protocol = spec.VlanProtocol ?? (spec.InnerVlan is null ? VlanProtocol.Dot1q : VlanProtocol.Dot1ad);
        return new VlanTag(protocol == VlanProtocol.Dot1q ? (ushort)VlanTag.Dot1q : (ushort)VlanTag.Dot1ad, (ushort)spec.Vlan!.Value);
    }
}
