using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>The kernel's devices, addresses, routes, neighbors and rules (rtnetlink(7)), in the namespace of the thread that made it. One caller at a time.</summary>
internal sealed class RouteNetlink : IDisposable
{
    private const ushort _newLink = 16, _delLink = 17, _getLink = 18, _newAddress = 20, _delAddress = 21, _getAddress = 22, _newRoute = 24, _delRoute = 25, _getRoute = 26,
        _newNeighbor = 28, _newRule = 32, _delRule = 33, _getRule = 34;

    private const uint _up = 1, _loopback = 8, _lowerUp = 0x10000;
    private const int _linkAddress = 1, _linkName = 3, _linkMtu = 4, _linkLower = 5, _linkMaster = 10, _linkDetails = 18, _linkNamespaceFd = 28, _linkLowerNamespace = 37;
    private const int _destination = 1, _outDevice = 4, _gateway = 5, _priority = 6, _preferredSource = 7, _multipath = 9, _routeTable = 15;
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Route);

    /// <summary>Number by which routes and rules of the gateway are told from others (linux/rtnetlink.h leaves those above 99 to users).</summary>
    public const byte Protocol = 167;

    public IReadOnlyList<LinkInfo> Links()
    {
        List<LinkInfo> links = [];
        _socket.Dump(new NetlinkMessage().Begin(_getLink, NetlinkFlags.Request | NetlinkFlags.Dump).Raw(new byte[16]).End(), "list of devices", (type, payload) =>
        {
            if (type == _newLink && TryReadLink(payload) is { } link) links.Add(link);
        });
        return links;
    }

    /// <summary>The device of that name, null when there is none.</summary>
    public LinkInfo? Link(string name) => Links().FirstOrDefault(l => l.Name == name);

    /// <summary>Reads a link message; null when it is not about a device with a name.</summary>
    public static LinkInfo? TryReadLink(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 16) return null;
        if (payload[0] != 0) return null; // A bridge port's notice (AF_BRIDGE) is not about the device itself.
        int index = MemoryMarshal.Read<int>(payload[4..]);
        uint flags = MemoryMarshal.Read<uint>(payload[8..]);
        string name = "";
        PhysicalAddress mac = PhysicalAddress.None;
        string kind = "";
        int mtu = 0, master = 0, lower = 0;
        bool elsewhere = false;
        NetlinkAttributes attributes = new(payload[16..]);
        while (attributes.Next())
            switch (attributes.Type)
            {
                case _linkAddress: mac = new(attributes.Value.ToArray()); break;
                case _linkName: name = attributes.Text; break;
                case _linkMtu: mtu = (int)attributes.UInt32; break;
                case _linkMaster: master = (int)attributes.UInt32; break;
                case _linkLower: lower = (int)attributes.UInt32; break;
                case _linkLowerNamespace: elsewhere = true; break;
                case _linkDetails: kind = ReadKind(attributes.Value); break;
            }

        return name.Length == 0 ? null : new(index, name, mac, mtu, (flags & _up) != 0, (flags & _lowerUp) != 0 && (flags & _up) != 0, (flags & _loopback) != 0, master)
        {
            Kind = kind,
            Lower = elsewhere ? 0 : lower,
        };
    }

    private static string ReadKind(ReadOnlySpan<byte> details)
    {
        const int kind = 1;
        NetlinkAttributes attributes = new(details);
        while (attributes.Next())
            if (attributes.Type == kind) return attributes.Text;
        return "";
    }

    /// <summary>Whether a notice tells that a device is gone.</summary>
    public static bool IsRemoval(ushort type) => type == _delLink;

    public static bool IsLink(ushort type) => type is _newLink or _delLink;

    public IReadOnlyList<KernelAddress> Addresses(int index)
    {
        List<KernelAddress> addresses = [];
        _socket.Dump(new NetlinkMessage().Begin(_getAddress, NetlinkFlags.Request | NetlinkFlags.Dump).Raw(new byte[8]).End(), "list of addresses", (type, payload) =>
        {
            const int address = 1, local = 2, flagsAttribute = 8;
            const uint temporary = 1;
            if (type != _newAddress || payload.Length < 8 || MemoryMarshal.Read<int>(payload[4..]) != index) return;
            IPAddress? found = null;
            uint flags = payload[2];
            NetlinkAttributes attributes = new(payload[8..]);
            while (attributes.Next())
            {
                // Local is the own address; on a point-to-point device Address is the other end's.
                if (attributes.Type == local || (attributes.Type == address && found is null)) found = new IPAddress(attributes.Value);
                if (attributes.Type == flagsAttribute) flags = attributes.UInt32;
            }

            bool isTemporary = payload[0] == Libc.AfInet6 && (flags & temporary) != 0;
            if (found is not null) addresses.Add(new(index, found, payload[1], isTemporary, payload.ToArray()));
        });
        return addresses;
    }

    /// <summary>All unicast routes of all tables but the local one.</summary>
    public IReadOnlyList<KernelRoute> Routes()
    {
        List<KernelRoute> routes = [];
        foreach (byte family in (ReadOnlySpan<byte>)[Libc.AfInet, Libc.AfInet6])
        {
            byte[] request = new byte[12];
            request[0] = family;
            _socket.Dump(new NetlinkMessage().Begin(_getRoute, NetlinkFlags.Request | NetlinkFlags.Dump).Raw(request).End(), "list of routes", (type, payload) =>
            {
                if (type == _newRoute && TryReadRoute(payload) is { } route) routes.Add(route);
            });
        }

        return routes;
    }

    public void Add(KernelAddress address) => Replay(_newAddress, NetlinkFlags.Create | NetlinkFlags.Replace, address.Message, $"address {address}");

    public void Remove(KernelAddress address) => Replay(_delAddress, 0, address.Message, $"removal of address {address}");

    public void Add(KernelRoute route) => Replay(_newRoute, NetlinkFlags.Create | NetlinkFlags.Replace, route.Message, $"route {route}");

    public void Remove(KernelRoute route) => Replay(_delRoute, 0, route.Message, $"removal of route {route}");

    /// <summary>Adds or removes an address that is the host's own but makes no connected route, without duplicate address detection.</summary>
    public void SetAddress(int index, IPAddress address, bool present)
    {
        const uint noDuplicateDetection = 0x02, noPrefixRoute = 0x200;
        const int addressAttribute = 1, local = 2, flagsAttribute = 8;
        byte[] bytes = address.GetAddressBytes();
        byte[] header = new byte[8];
        header[0] = Family(address);
        header[1] = (byte)(bytes.Length * 8);
        MemoryMarshal.Write(header.AsSpan(4), index);
        NetlinkMessage message = new NetlinkMessage()
            .Begin(present ? _newAddress : _delAddress, NetlinkFlags.Request | NetlinkFlags.Acknowledge | (present ? NetlinkFlags.Create | NetlinkFlags.Replace : 0))
            .Raw(header).Attribute(local, bytes).Attribute(addressAttribute, bytes).Attribute(flagsAttribute, noDuplicateDetection | noPrefixRoute).End();
        string what = $"{(present ? "address" : "removal of address")} {address}";
        if (present) _socket.Request(message, what);
        else Forgive(_socket.TryRequest(message, what), what);
    }

    /// <summary>Adds or removes a route of the gateway's own (<see cref="Protocol"/>) through a device, by a next hop that need not lie in a subnet.</summary>
    public void SetRoute(IPAddress destination, int prefixLength, IPAddress via, int device, uint table, uint metric, IPAddress? source, bool present)
    {
        const byte unicast = 1, onLink = 4;
        byte[] header = [Family(destination), (byte)prefixLength, 0, 0, 0, Protocol, 0, unicast, 0, 0, 0, 0];
        MemoryMarshal.Write(header.AsSpan(8), (uint)onLink);
        NetlinkMessage message = new NetlinkMessage()
            .Begin(present ? _newRoute : _delRoute, NetlinkFlags.Request | NetlinkFlags.Acknowledge | (present ? NetlinkFlags.Create | NetlinkFlags.Replace : 0))
            .Raw(header).Attribute(_routeTable, table).Attribute(_outDevice, (uint)device).Attribute(_gateway, via.GetAddressBytes()).Attribute(_priority, metric);
        if (prefixLength > 0) message.Attribute(_destination, destination.GetAddressBytes());
        if (source is not null) message.Attribute(_preferredSource, source.GetAddressBytes());
        string what = $"{(present ? "route" : "removal of route")} {destination}/{prefixLength}";
        if (present) _socket.Request(message.End(), what);
        else Forgive(_socket.TryRequest(message.End(), what), what);
    }

    /// <summary>Fixes who a next hop is; the kernel then never asks.</summary>
    public void SetNeighbor(int device, IPAddress address, PhysicalAddress mac)
    {
        const byte permanent = 0x80;
        const int destination = 1, linkAddress = 2;
        byte[] header = new byte[12];
        header[0] = Family(address);
        MemoryMarshal.Write(header.AsSpan(4), device);
        header[8] = permanent;
        _socket.Request(
            new NetlinkMessage().Begin(_newNeighbor, NetlinkFlags.Request | NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Replace)
                .Raw(header).Attribute(destination, address.GetAddressBytes()).Attribute(linkAddress, mac.GetAddressBytes()).End(),
            $"neighbor {address}");
    }

    /// <summary>Adds or removes the rule that packets from an own address look into a table.</summary>
    public void SetRule(IPAddress source, uint table, uint priority, bool present)
    {
        const byte toTable = 1;
        const int sourceAttribute = 2, priorityAttribute = 6, tableAttribute = 15, protocolAttribute = 21;
        byte[] bytes = source.GetAddressBytes();
        byte[] header = [Family(source), 0, (byte)(bytes.Length * 8), 0, 0, 0, 0, toTable, 0, 0, 0, 0];
        NetlinkMessage message = new NetlinkMessage()
            .Begin(present ? _newRule : _delRule, NetlinkFlags.Request | NetlinkFlags.Acknowledge | (present ? NetlinkFlags.Create | NetlinkFlags.Exclusive : 0))
            .Raw(header).Attribute(sourceAttribute, bytes).Attribute(tableAttribute, table).Attribute(priorityAttribute, priority).Attribute(protocolAttribute, Protocol).End();
        string what = $"{(present ? "rule" : "removal of rule")} from {source}";
        Forgive(_socket.TryRequest(message, what), what);
    }

    /// <summary>Sources of the gateway's own rules (<see cref="Protocol"/>) that look into a table.</summary>
    public IReadOnlyList<(IPAddress Source, uint Priority)> Rules(uint table)
    {
        const int sourceAttribute = 2, priorityAttribute = 6, tableAttribute = 15, protocolAttribute = 21;
        List<(IPAddress, uint)> rules = [];
        foreach (byte family in (ReadOnlySpan<byte>)[Libc.AfInet, Libc.AfInet6])
        {
            byte[] request = new byte[12];
            request[0] = family;
            _socket.Dump(new NetlinkMessage().Begin(_getRule, NetlinkFlags.Request | NetlinkFlags.Dump).Raw(request).End(), "list of rules", (type, payload) =>
            {
                if (type != _newRule || payload.Length < 12) return;
                IPAddress? source = null;
                uint ruleTable = payload[4], priority = 0;
                byte protocol = 0;
                NetlinkAttributes attributes = new(payload[12..]);
                while (attributes.Next())
                    switch (attributes.Type)
                    {
                        case sourceAttribute: source = new(attributes.Value); break;
                        case priorityAttribute: priority = attributes.UInt32; break;
                        case tableAttribute: ruleTable = attributes.UInt32; break;
                        case protocolAttribute: protocol = attributes.Value[0]; break;
                    }

                if (protocol == Protocol && ruleTable == table && source is not null) rules.Add((source, priority));
            });
        }

        return rules;
    }

    /// <summary>Changes a device; what is null stays.</summary>
    public void SetLink(int index, bool? up = null, int? mtu = null, PhysicalAddress? mac = null, Descriptor? intoNamespace = null, bool noLinkLocal = false)
    {
        const int attributesOfFamilies = 26, addressGeneration = 8;
        const byte none = 1;
        byte[] header = new byte[16];
        MemoryMarshal.Write(header.AsSpan(4), index);
        if (up is not null)
        {
            MemoryMarshal.Write(header.AsSpan(8), up.Value ? _up : 0u);
            MemoryMarshal.Write(header.AsSpan(12), _up);
        }

        NetlinkMessage message = new NetlinkMessage().Begin(_newLink, NetlinkFlags.Request | NetlinkFlags.Acknowledge).Raw(header);
        if (mtu is not null) message.Attribute(_linkMtu, (uint)mtu.Value);
        if (mac is not null) message.Attribute(_linkAddress, mac.GetAddressBytes());
        if (intoNamespace is not null) message.Attribute(_linkNamespaceFd, (uint)intoNamespace.Number);
        if (noLinkLocal) message.Nested(attributesOfFamilies, m => m.Nested(Libc.AfInet6, inner => inner.Attribute(addressGeneration, none)));
        _socket.Request(message.End(), $"change of device {index}");
    }

    public void Dispose() => _socket.Dispose();

    private void Replay(ushort type, NetlinkFlags flags, byte[] message, string what)
    {
        int errno = _socket.TryRequest(new NetlinkMessage().Begin(type, NetlinkFlags.Request | NetlinkFlags.Acknowledge | flags).Raw(message).End(), what);
        if (flags == 0) Forgive(errno, what);
        else if (errno is not (0 or Errors.Exists)) throw new KernelException(what, errno);
    }

    /// <summary>Done twice, or gone with its device: both are what was wanted.</summary>
    private static void Forgive(int errno, string what)
    {
        if (errno is not (0 or Errors.Exists or Errors.NoEntry or Errors.NoSuchProcess or Errors.AddressNotAvailable or Errors.NoDevice)) throw new KernelException(what, errno);
    }

    private static KernelRoute? TryReadRoute(ReadOnlySpan<byte> payload)
    {
        const byte unicast = 1, kernels = 2;
        const uint cloned = 0x200;
        if (payload.Length < 12 || payload[7] != unicast || (MemoryMarshal.Read<uint>(payload[8..]) & cloned) != 0) return null;
        IPAddress destination = payload[0] == Libc.AfInet ? IPAddress.Any : IPAddress.IPv6Any;
        IPAddress? via = null;
        uint table = payload[4];
        List<int> devices = [];
        NetlinkAttributes attributes = new(payload[12..]);
        while (attributes.Next())
            switch (attributes.Type)
            {
                case _destination: destination = new(attributes.Value); break;
                case _gateway: via = new(attributes.Value); break;
                case _outDevice: devices.Add((int)attributes.UInt32); break;
                case _routeTable: table = attributes.UInt32; break;
                case _multipath: ReadNextHops(attributes.Value, devices); break;
            }

        return table == KernelRoute.LocalTable ? null : new(destination, payload[1], via, devices, table, payload[5] == kernels, payload.ToArray());
    }

    /// <summary>struct rtnexthop: length u16, flags, hops, device index, attributes.</summary>
    private static void ReadNextHops(ReadOnlySpan<byte> hops, List<int> devices)
    {
        while (hops.Length >= 8)
        {
            int length = MemoryMarshal.Read<ushort>(hops);
            if (length < 8 || length > hops.Length) return;
            devices.Add(MemoryMarshal.Read<int>(hops[4..]));
            hops = hops[Math.Min((length + 3) & ~3, hops.Length)..];
        }
    }

    private static byte Family(IPAddress address) => (byte)(address.AddressFamily == AddressFamily.InterNetwork ? Libc.AfInet : Libc.AfInet6);
}
