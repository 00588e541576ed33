using System.Globalization;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Io;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs interface items: opens the port, adds the interface, gives it its addresses.</summary>
public sealed class InterfaceDescriptor(DataplaneControl dataplane, IPortSource ports) : IDescriptor
{
    private readonly Dictionary<string, (PhysicalAddress? Mac, int Mtu)> _devices = [];

    /// <summary>Opens ports in place of the factory where it knows one: gateways whose wires are memory.</summary>
    public Func<PortSpec, Buffers.PacketPool, IPacketPort?>? Wires { get; init; }

    public string Kind => ItemCatalog.Interface;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) =>
    [
        .. VirtualInterfaces.CarrierOf((InterfaceSpec)item.Spec, desired) is { } carrier ? [new ItemKey(ItemCatalog.Interface, carrier)] : (ItemKey[])[],
        .. ((InterfaceSpec)item.Spec).AclIn.Concat(((InterfaceSpec)item.Spec).AclOut).Distinct().Select(acl => new ItemKey(ItemCatalog.Acl, acl)),
        .. ((InterfaceSpec)item.Spec).Unnumbered is { } lender ? [new ItemKey(ItemCatalog.Interface, lender)] : (ItemKey[])[],
        .. ((InterfaceSpec)item.Spec).Abf.Select(policy => new ItemKey(ItemCatalog.AbfPolicy, policy)),
        .. GuardBinding.Of((InterfaceSpec)item.Spec).Names(),
        .. VrfDescriptor.Before(((InterfaceSpec)item.Spec).Vrf),
    ];

    // Another device or type is another port; everything else changes under traffic.
    public bool CanUpdate(ItemSpec from, ItemSpec to) =>
        from is InterfaceSpec a && to is InterfaceSpec b && a.Type == b.Type && a.Device == b.Device && a.TakeOver == b.TakeOver && (a.Mtu ?? 0) == (b.Mtu ?? 0) && a.IfId == b.IfId && dataplane.VrfOf(a.Vrf) == dataplane.VrfOf(b.Vrf) && VirtualInterfaces.SameLink(a, b)
        && (a.Socket, a.Id ?? 0, a.Role ?? MemifRole.Server, a.RingSize, a.BufferSize, a.Queues, a.Mode ?? XdpMode.Auto) == (b.Socket, b.Id ?? 0, b.Role ?? MemifRole.Server, b.RingSize, b.BufferSize, b.Queues, b.Mode ?? XdpMode.Auto);

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => new(Create(item.Key.Name, (InterfaceSpec)item.Spec));

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken)
    {
        if (!dataplane.TryFindInterface(to.Key.Name, out var index)) return CreateAsync(to, cancellationToken);
        var spec = (InterfaceSpec)to.Spec;
        dataplane.Filtering.Bind(to.Key.Name, Rules(spec));
        dataplane.Steering.Bind(to.Key.Name, [.. spec.Abf]);
        dataplane.Guarding.Bind(to.Key.Name, GuardBinding.Of(spec));
        if (VirtualInterfaces.IsVirtual(spec.Type)) dataplane.SetInterface(index, VirtualInterfaces.Settings(dataplane, to.Key.Name, spec));
        else dataplane.SetInterface(index, Settings(to.Key.Name, spec, _devices.GetValueOrDefault(to.Key.Name)));
        dataplane.SetAddresses(index, Addresses(spec));
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        if (dataplane.TryFindInterface(item.Key.Name, out var index)) dataplane.RemoveInterface(index);
        dataplane.Filtering.Bind(item.Key.Name, new AclBinding([], [], null));
        dataplane.Steering.Bind(item.Key.Name, []);
        dataplane.Guarding.Bind(item.Key.Name, new GuardBinding());
        _devices.Remove(item.Key.Name);
        return new(new StepResult.Done());
    }

    private StepResult Create(string name, InterfaceSpec spec)
    {
        if (dataplane.TryFindInterface(name, out var there)) dataplane.RemoveInterface(there);
        // Before there is an interface: its first packet meets its rules.
        dataplane.Filtering.Bind(name, Rules(spec));
        dataplane.Steering.Bind(name, [.. spec.Abf]);
        dataplane.Guarding.Bind(name, GuardBinding.Of(spec));
        if (VirtualInterfaces.IsVirtual(spec.Type)) return VirtualInterfaces.Create(dataplane, name, spec, Addresses(spec));
        IPacketPort? port = null;
        // What has no device has no limit of its own, except that packets for a tunnel should be such as pass through networks.
        (PhysicalAddress? Mac, int Mtu) device = (null, spec.Type == InterfaceType.Ipsec ? 1500 : 65_535);
        if (Port(name, spec) is { } wanted && (port = Wires?.Invoke(wanted, dataplane.Pool)) is null)
        {
            switch (ports.Open(wanted, dataplane.Pool))
            {
                case PortOpening.Opened opened:
                    port = new FactoryPort(opened.Port, ports);
                    device = (opened.Mac, opened.Mtu);
                    break;
                case PortOpening.DeviceMissing missing:
                    return new StepResult.Pending($"device {missing.Device}");
                case PortOpening.Refused refused:
                    return new StepResult.Failed(refused.Reason);
                case PortOpening.NoPermission no:
                    return new StepResult.Failed($"The gateway lacks the capability {no.Capability}.");
            }
        }

        var index = dataplane.AddInterface(Settings(name, spec, device), port);
        dataplane.SetAddresses(index, Addresses(spec));
        _devices[name] = device;
        return new StepResult.Done();
    }

    // A queue for every worker, unless the item says otherwise.
    private PortSpec? Port(string name, InterfaceSpec spec) => spec.Type switch
    {
        InterfaceType.AfPacket => new PortSpec.AfPacket(spec.Device ?? name) { Mtu = spec.Mtu, TakeOver = spec.TakeOver, Queues = spec.Queues ?? dataplane.WorkerCount },
        InterfaceType.AfXdp => new PortSpec.AfXdp(spec.Device ?? name) { Mtu = spec.Mtu, TakeOver = spec.TakeOver, Mode = spec.Mode ?? XdpMode.Auto, Queues = spec.Queues },
        InterfaceType.Tap => new PortSpec.Tap(spec.Device ?? name) { Mtu = spec.Mtu, Queues = spec.Queues ?? dataplane.WorkerCount },
        InterfaceType.Memif => new PortSpec.Memif(name)
        {
            Mtu = spec.Mtu,
            Socket = spec.Socket!,
            Id = (uint)(spec.Id ?? 0),
            IsServer = spec.Role != MemifRole.Client,
            RingSize = spec.RingSize ?? 1024,
            BufferSize = spec.BufferSize ?? 2048,
            Queues = spec.Queues ?? 1,
        },
        _ => null,
    };

    private InterfaceSettings Settings(string name, InterfaceSpec spec, (PhysicalAddress? Mac, int Mtu) device) => new()
    {
        Name = name,
        Type = spec.Type switch { InterfaceType.AfPacket => "af-packet", InterfaceType.AfXdp => "af-xdp", InterfaceType.Tap => "tap", InterfaceType.Memif => "memif", InterfaceType.Ipsec => "ipsec", _ => "loopback" },
        IfId = (uint)(spec.IfId ?? 0),
        Mac = spec.Mac is { } mac ? PhysicalAddress.Parse(mac.Value.ToString("X12", CultureInfo.InvariantCulture)) : device.Mac,
        Mtu = spec.Mtu ?? (device.Mtu == 0 ? 1500 : Math.Min(device.Mtu, 9216)),
        Enabled = spec.Enabled,
        Vrf = dataplane.VrfOf(spec.Vrf),
        Advertise = VirtualInterfaces.Advertise(spec.RouterAdvertisements),
        Source4 = VirtualInterfaces.RuleOf(spec, spec.Rpf4),
        Source6 = VirtualInterfaces.RuleOf(spec, spec.Rpf6),
        RefusesBogons = VirtualInterfaces.HoldsSources(spec),
        Neighbors = VirtualInterfaces.Neighbors(spec.Neighbors),
        Borrows = spec.Unnumbered,
        Proxies = [.. spec.ProxyArp.Concat(spec.ProxyNd).Select(p => (p.Start, p.End))],
        ProxySameLink = spec.ProxySameLink,
    };

    private static AclBinding Rules(InterfaceSpec spec) => new([.. spec.AclIn], [.. spec.AclOut], VirtualInterfaces.DeniesAll(spec) ? AclDefault.Deny : spec.AclDefault) { DeniesOut = VirtualInterfaces.DeniesAll(spec) };

    private static List<InterfaceAddress> Addresses(InterfaceSpec spec) => [.. spec.Addresses.Select(a => new InterfaceAddress(a.Address, a.PrefixLength))];
}
