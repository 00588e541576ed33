using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Gateway.Dataplane.Io.Netlink;
using Gateway.Dataplane.Io.Takeover;

namespace Gateway.Dataplane.Io;

/// <summary>What the punt device is made with.</summary>
public sealed record PuntOptions
{
    /// <summary>A routing table of the kernel that nothing else uses.</summary>
    public const uint DefaultTable = 26488;

    public string Device { get; init; } = "gw-punt";

    public int Mtu { get; init; } = 1500;

    /// <summary>Table for packets whose source is one of the gateway's addresses; every gateway on a host needs its own.</summary>
    public uint Table { get; init; } = DefaultTable;

    /// <summary>MAC address of the host's end.</summary>
    public PhysicalAddress HostMac { get; init; } = new([0x02, 0x67, 0x77, 0, 0, 0x02]);

    /// <summary>MAC address of the graph's end.</summary>
    public PhysicalAddress GatewayMac { get; init; } = new([0x02, 0x67, 0x77, 0, 0, 0x01]);
}

/// <summary>A network that the host reaches through the gateway, and the own address to do so from.</summary>
public sealed record PuntRoute(IPAddress Destination, int PrefixLength, IPAddress Source);

/// <summary>
/// The TAP that mirrors the gateway's own addresses, so that the host's stack works behind taken ports: its services answer on them, and its clients go out through the graph. docs/punt.md tells how.
/// </summary>
public sealed class PuntTap : IDisposable
{
    /// <summary>Stands for the graph as next hop; nothing on any wire ever sees it.</summary>
    private static readonly IPAddress _nextHop4 = IPAddress.Parse("169.254.254.253"), _nextHop6 = IPAddress.Parse("fe80::6777");

    /// <summary>Behind everything the host has itself: the gateway fills in, it does not push away.</summary>
    private const uint _metric = 20000;

    private const uint _rulePriority = 20000;
    private readonly ControlThread _control;
    private readonly RouteNetlink _route;
    private readonly PuntOptions _options;
    private readonly int _index;
    private HashSet<IPAddress> _addresses = [];
    private HashSet<PuntRoute> _routes = [];
    private bool _disposed;

    internal PuntTap(ControlThread control, RouteNetlink route, PuntOptions options, IDevicePort port)
    {
        _control = control;
        _route = route;
        _options = options;
        Port = port;
        _index = port.Link!.Index;
        control.Run(() =>
        {
            SetUp();
            return true;
        });
    }

    /// <summary>The port for the graph's punt interface.</summary>
    public IDevicePort Port { get; }

    /// <summary>The address that frames to the host are sent to.</summary>
    public PhysicalAddress HostMac => _options.HostMac;

    /// <summary>The address of the graph's punt interface, to which the host sends.</summary>
    public PhysicalAddress GatewayMac => _options.GatewayMac;

    /// <summary>Makes the host's view follow the gateway's: exactly these own addresses and these routes through it (connected subnets, and 0.0.0.0/0 or ::/0 when the gateway has a default route).</summary>
    public void Update(IEnumerable<IPAddress> addresses, IEnumerable<PuntRoute> routes)
    {
        HashSet<IPAddress> wantedAddresses = [.. addresses];
        HashSet<PuntRoute> wantedRoutes = [.. routes.Where(r => wantedAddresses.Contains(r.Source))];
        _control.Run(() =>
        {
            // A route leans on its source address, so routes go first and come last.
            foreach (PuntRoute old in _routes.Except(wantedRoutes)) Put(old, present: false);
            foreach (IPAddress old in _addresses.Except(wantedAddresses)) Put(old, present: false);
            foreach (IPAddress added in wantedAddresses.Except(_addresses)) Put(added, present: true);
            foreach (PuntRoute added in wantedRoutes.Except(_routes)) Put(added, present: true);
            _addresses = wantedAddresses;
            _routes = wantedRoutes;
            return true;
        });
    }

    /// <summary>Takes the device away, and with it all addresses and routes; the graph must have let go of the port.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _control.Run(() =>
        {
            RemoveRules(_route, _options.Table);
            return true;
        });
        Port.Dispose();
    }

    /// <summary>Rules outlive the device that they lead to, so a killed gateway leaves them.</summary>
    internal static void RemoveRules(RouteNetlink route, uint table)
    {
        foreach ((IPAddress source, uint priority) in route.Rules(table)) route.SetRule(source, table, priority, present: false);
    }

    private void SetUp()
    {
        RemoveRules(_route, _options.Table);
        string device = _options.Device;

        // The host must not forward what was punted, nor ask or answer who has an address there: the graph's end is known.
        DeviceSettings.TryWrite(4, device, "forwarding", "0");
        DeviceSettings.TryWrite(4, device, "rp_filter", "2");
        if (DeviceSettings.TryWrite(6, device, "disable_ipv6", "0"))
        {
            DeviceSettings.TryWrite(6, device, "forwarding", "0");
            DeviceSettings.TryWrite(6, device, "accept_ra", "0");
            DeviceSettings.TryWrite(6, device, "router_solicitations", "0");
            DeviceSettings.TryWrite(6, device, "addr_gen_mode", "1");
            _route.SetNeighbor(_index, _nextHop6, _options.GatewayMac);
            _route.SetRoute(IPAddress.IPv6Any, 0, _nextHop6, _index, _options.Table, 1, null, present: true);
        }

        _route.SetNeighbor(_index, _nextHop4, _options.GatewayMac);
        _route.SetRoute(IPAddress.Any, 0, _nextHop4, _index, _options.Table, 1, null, present: true);
    }

    private void Put(IPAddress address, bool present)
    {
        if (!present) _route.SetRule(address, _options.Table, _rulePriority, present: false);
        _route.SetAddress(_index, address, present);
        if (present) _route.SetRule(address, _options.Table, _rulePriority, present: true);
    }

    private void Put(PuntRoute route, bool present) => _route.SetRoute(
        route.Destination,
        route.PrefixLength,
        route.Destination.AddressFamily == AddressFamily.InterNetwork ? _nextHop4 : _nextHop6,
        _index,
        KernelRoute.MainTable,
        _metric,
        route.Source,
        present);
}
