using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>An interface as the control side knows it.</summary>
internal sealed class InterfaceState
{
    private bool _wasUp;
    private bool _cameUp;
    private uint _losses;

    public required uint Index { get; init; }

    public required InterfaceSettings Settings { get; set; }

    public IPacketPort? Port { get; set; }

    /// <summary>The worker that sends for those without a queue of the port.</summary>
    public int Worker { get; set; }

    /// <summary>Workers (a bit each) with a queue of the port.</summary>
    public ulong Workers { get; set; }

    public IReadOnlyList<InterfaceAddress> Addresses { get; set; } = [];

    /// <summary>Addresses that it has borrowed from another interface.</summary>
    public IReadOnlyList<AddressWords> Borrowed { get; set; } = [];

    /// <summary>Adjacencies of its connected networks.</summary>
    public uint Glean4 { get; init; }

    public uint Glean6 { get; init; }

    /// <summary>The port had its link and has it no more: nothing leads through it.</summary>
    public bool LinkLost { get; private set; }

    /// <summary>Looks at the port; says whether its link was lost or is back. One that never had its link yet is not lost.</summary>
    public bool LookAtLink()
    {
        var isUp = (Carrier ?? this).Port is null or { IsUp: true };
        var isLost = !isUp && (_wasUp || LinkLost);
        _cameUp |= isUp && !_wasUp;
        _wasUp = isUp;
        if (isLost == LinkLost) return false;
        LinkLost = isLost;
        return true;
    }

    /// <summary>Whether the link came up since the last question: its neighbors are to hear of the gateway.</summary>
    public bool TakeLinkUp()
    {
        var came = _cameUp;
        _cameUp = false;
        return came;
    }

    /// <summary>Whether the link went since the last question, also when it is back already.</summary>
    public bool TakeLinkLoss()
    {
        var losses = ((Carrier ?? this).Port as ILinkedPort)?.LinkLosses ?? 0;
        if (losses == _losses) return false;
        _losses = losses;
        return losses != 0;
    }

    /// <summary>No wire and no neighbors: CHILD SAs carry its packets.</summary>
    public bool IsTunnel => Settings.Type == "ipsec";

    /// <summary>Carries packets without Ethernet headers to one other end, so it has no neighbors.</summary>
    public bool IsPointToPoint => IsTunnel || Link is InterfaceLink.IpTunnel { Payload: not IpTunnelKind.GreEthernet };

    /// <summary>What it is made of when it has no port; null for a port or a loopback.</summary>
    public InterfaceLink? Link { get; init; }

    /// <summary>The interface whose frames carry its own; null none.</summary>
    public InterfaceState? Carrier { get; init; }

    /// <summary>It was removed.</summary>
    public bool IsGone { get; set; }

    /// <summary>How many sub-interfaces its frames carry.</summary>
    public int SubInterfaces { get; set; }

    /// <summary>What it is at layer 2: <see cref="InterfaceFlags.Bridged"/>, <see cref="InterfaceFlags.Connected"/> or neither.</summary>
    public InterfaceFlags Layer2 { get; set; }

    /// <summary>What of it is mirrored: <see cref="InterfaceFlags.SpanIn"/>, <see cref="InterfaceFlags.SpanOut"/>.</summary>
    public InterfaceFlags Span { get; set; }

    /// <summary>The interface that takes the copies; 0 none.</summary>
    public uint SpanTo { get; set; }

    /// <summary>The other end of its cross-connect; 0 none.</summary>
    public uint ConnectedTo { get; set; }

    /// <summary>A tunnel: the largest packet that routers on the way let pass, until then.</summary>
    public uint PathMtu { get; set; } = uint.MaxValue;

    /// <summary>Monotonic nanoseconds.</summary>
    public long PathMtuUntil { get; set; }

    /// <summary>A loopback that is the routed member of a bridge.</summary>
    public bool IsBvi { get; set; }

    public bool IsLoopback => Settings.Type == "loopback" && !IsBvi;

    /// <summary>Frames with Ethernet headers leave by it.</summary>
    public bool HasLink => (Port is not null || Link is not null || IsBvi) && !IsPointToPoint;

    public bool IsUp => IsLoopback || IsTunnel || IsBvi || Link is InterfaceLink.Vxlan or InterfaceLink.IpTunnel || (Carrier ?? this).Port is { IsUp: true };
}

/// <summary>The interfaces and their addresses.</summary>
internal sealed unsafe class InterfaceBook(DataplaneTables tables, Rib rib)
{
    private readonly Dictionary<uint, InterfaceState> _interfaces = [];
    private readonly Dictionary<string, uint> _byName = [];

    public IEnumerable<InterfaceState> All => _interfaces.Values;

    public bool Exists(uint index) => _interfaces.ContainsKey(index);

    public InterfaceState Get(uint index) =>
        _interfaces.TryGetValue(index, out var state) ? state : throw new ArgumentException($"There is no interface with index {index}.", nameof(index));

    public bool TryFind(string name, out uint index) => _byName.TryGetValue(name, out index);

    public string NameOf(uint index) => _interfaces.TryGetValue(index, out var state) ? state.Settings.Name : $"#{index}";

    public uint GleanOf(uint index, bool v6) => Get(index).IsLoopback ? AdjacencyTable.NoRoute : v6 ? Get(index).Glean6 : Get(index).Glean4;

    /// <summary>Where frames go that come in by a bridged or a cross-connected port.</summary>
    public required ushort BridgeNode { get; init; }

    /// <summary>Where frames of a mirrored port go first.</summary>
    public ushort SpanNode { get; init; }

    /// <summary>Where frames go that are held to what their interface asks of them.</summary>
    public ushort GuardNode { get; init; }

    /// <inheritdoc cref="BridgeNode"/>
    public required ushort ConnectNode { get; init; }

    /// <summary>Puts an interface's rules where workers find them, and says which ones there are.</summary>
    public Func<InterfaceState, InterfaceFlags> Rules { get; set; } = _ => InterfaceFlags.None;

    /// <summary>Puts what an interface asks of its frames where workers find it: <see cref="InterfaceFlags.GuardIn"/>, <see cref="InterfaceFlags.GuardOut"/>.</summary>
    public Func<InterfaceState, InterfaceFlags> Guards { get; set; } = _ => InterfaceFlags.None;

    public InterfaceState Add(InterfaceSettings settings, IPacketPort? port, int worker, InterfaceLink? link = null)
    {
        if (_byName.ContainsKey(settings.Name)) throw new ArgumentException($"There is an interface {settings.Name} already.", nameof(settings));
        uint index = 1;
        while (_interfaces.ContainsKey(index) || tables.Interfaces[index]->Flags != 0) index++;
        if (index >= InterfaceTable.Mirrored) throw new ArgumentException($"There are {InterfaceTable.Mirrored - 1} interfaces already.", nameof(settings));
        var kind = settings.Type == "ipsec" ? AdjacencyKind.Tunnel
            : link is InterfaceLink.IpTunnel { Payload: not IpTunnelKind.GreEthernet } ? AdjacencyKind.IpTunnel : AdjacencyKind.Glean;
        var state = new InterfaceState
        {
            Index = index,
            Settings = settings,
            Port = port,
            Worker = worker,
            Workers = 1ul << worker,
            Link = link,
            Carrier = link is InterfaceLink.Vlan vlan ? Get(vlan.Parent) : null,
            Glean4 = tables.Adjacencies.Add(new Adjacency { Kind = kind, Interface = index }),
            Glean6 = tables.Adjacencies.Add(new Adjacency { Kind = kind, Interface = index, V6 = true }),
        };
        if (link is InterfaceLink.Vlan tags && !tables.Vlans.Add(tags.Parent, tags.Outer.Word, tags.Inner?.Word ?? 0, index))
            throw new ArgumentException("Another interface has these tags.", nameof(link));
        if (link is InterfaceLink.Vxlan vxlan)
        {
            TunnelMaker.Register(tables.Tunnels, vxlan, index);
            tables.Interfaces[index]->Tunnel = TunnelMaker.Make(vxlan, Underlay);
        }
        if (link is InterfaceLink.IpTunnel tunnel)
        {
            if (!tables.IpTunnels.Add(IpTunnelMaker.KeyOf(tunnel, Underlay), index)) throw new ArgumentException("Another interface has a tunnel with these ends and this key.", nameof(link));
            tables.Interfaces[index]->Tunnel = IpTunnelMaker.Make(tunnel, Underlay);
        }
        _interfaces[index] = state;
        _byName[settings.Name] = index;
        Write(state);
        if (state.Carrier is { } carrier) Count(carrier, 1);
        return state;
    }

    private void Count(InterfaceState carrier, int more)
    {
        carrier.SubInterfaces += more;
        Write(carrier);
    }

    /// <summary>Forgets an interface; its addresses, routes and neighbors must be gone.</summary>
    public void Remove(InterfaceState state)
    {
        _interfaces.Remove(state.Index);
        _byName.Remove(state.Settings.Name);
        state.IsGone = true;
        if (state.Link is InterfaceLink.Vlan own && state.Carrier is { IsGone: false } carrier)
        {
            tables.Vlans.Remove(own.Parent, own.Outer.Word, own.Inner?.Word ?? 0);
            Count(carrier, -1);
        }
        // Sub-interfaces that are left lead nowhere until they are removed too.
        foreach (var carried in _interfaces.Values.Where(i => i.Carrier == state))
        {
            var tags = (InterfaceLink.Vlan)carried.Link!;
            tables.Vlans.Remove(tags.Parent, tags.Outer.Word, tags.Inner?.Word ?? 0);
            tables.Interfaces[carried.Index]->Carrier = 0;
        }
        var entry = tables.Interfaces[state.Index];
        var addresses = entry->Addresses;
        // Present stays away while the slot waits for workers that still look at it; then the slot is free again.
        entry->Flags = InterfaceFlags.SourceCheck;
        if (state.Link is InterfaceLink.Vxlan vxlan) TunnelMaker.Unregister(tables.Tunnels, vxlan);
        if (state.Link is InterfaceLink.IpTunnel ended) tables.IpTunnels.Remove(IpTunnelMaker.KeyOf(ended, Underlay));
        var tunnel = (nint)entry->Tunnel;
        Volatile.Write(ref *(nint*)&entry->Tunnel, 0);
        tables.Adjacencies.Remove(state.Glean4);
        tables.Adjacencies.Remove(state.Glean6);
        tables.Epochs.Retire(() =>
        {
            *entry = default;
            NativeMemory.AlignedFree(addresses);
            NativeMemory.AlignedFree((void*)tunnel);
        });
    }

    public void Write(InterfaceState state)
    {
        var settings = state.Settings;
        if (settings.Mtu is < 68 or > 65535) throw new ArgumentException($"An MTU of {settings.Mtu} is outside 68 to 65535.");
        var entry = tables.Interfaces[state.Index];
        entry->Mac = settings.Mac is { } mac ? MacAddress.FromBytes(mac.GetAddressBytes())
            : state.Carrier is { IsGone: false } carrier ? tables.Interfaces[carrier.Index]->Mac : MadeUpMac(NameForMac(state));
        entry->Mtu = (uint)settings.Mtu;
        entry->Vrf = settings.Vrf;
        entry->Worker = (uint)state.Worker;
        Volatile.Write(ref entry->Workers, state.Workers);
        entry->IfId = settings.IfId;
        entry->LinkLocalLow = LinkLocal(entry->Mac);
        tables.Adjacencies[state.Glean4]->Mtu = Math.Min(entry->Mtu, state.PathMtu);
        tables.Adjacencies[state.Glean6]->Mtu = Math.Min(entry->Mtu, Math.Max(MinMtuIp6, state.PathMtu));
        entry->NeighborRetrans = (byte)Math.Clamp(settings.Neighbors.Retrans, 1, 255);
        entry->NeighborProbes = (byte)Math.Clamp(settings.Neighbors.Probes, 1, 255);
        var guards = Guards(state);
        WriteLink(state, entry, guards);
        WriteBogons(state, entry);
        WriteProxies(state);
        Interlocked.MemoryBarrier();
        entry->Flags = InterfaceFlags.Present
            | state.Layer2
            | Rules(state)
            | guards
            | state.Span
            | (state.SubInterfaces > 0 ? InterfaceFlags.SubInterfaces : 0)
            | (state.Link is not null || state.IsBvi ? InterfaceFlags.Virtual : 0)
            | (state.IsPointToPoint ? InterfaceFlags.PointToPoint : 0)
            | (settings.Enabled ? InterfaceFlags.Enabled : 0)
            | (settings.ClampMss ? InterfaceFlags.ClampMss : 0)
            | (settings.Advertise is null ? 0 : InterfaceFlags.Advertises)
            | (settings.Source4 switch { SourceRule.Loose => InterfaceFlags.LooseSource4, SourceRule.Strict => InterfaceFlags.StrictSource4, _ => 0 })
            | (settings.Source6 switch { SourceRule.Loose => InterfaceFlags.LooseSource6, SourceRule.Strict => InterfaceFlags.StrictSource6, _ => 0 })
            | (settings.Borrows is null ? 0 : InterfaceFlags.Unnumbered)
            | (settings.SourceCheck ? InterfaceFlags.SourceCheck : 0)
            | (state.IsLoopback ? InterfaceFlags.Loopback : 0)
            | (tables.PuntInterface == state.Index ? InterfaceFlags.Punt : 0);
    }

    private void WriteProxies(InterfaceState state)
    {
        var ranges = state.Settings.Proxies.Select(p => (First: AddressWords.From(p.First), Last: AddressWords.From(p.Last)))
            .Select(p => new ProxyRange { V6 = p.First.V6, FirstHigh = p.First.High, FirstLow = p.First.Low, LastHigh = p.Last.High, LastLow = p.Last.Low }).ToArray();
        tables.Proxies.Set(state.Index, ranges, state.Settings.ProxySameLink);
    }

    /// <summary>Gives interfaces that borrow the addresses of others what these have now; returns those that got new ones, with these.</summary>
    public IReadOnlyList<(InterfaceState State, IReadOnlyList<AddressWords> Added)> Borrow()
    {
        List<(InterfaceState, IReadOnlyList<AddressWords>)> changed = [];
        foreach (var state in _interfaces.Values)
        {
            if (state.Settings.Borrows is null && state.Borrowed.Count == 0) continue;
            var lender = state.Settings.Borrows is { } name && _byName.TryGetValue(name, out var index) ? _interfaces[index] : null;
            var now = lender is null || lender == state || lender.Settings.Vrf != state.Settings.Vrf ? [] : lender.Addresses.Select(a => AddressWords.From(a.Address)).Where(a => !a.IsLinkLocal6).ToList();
            if (now.SequenceEqual(state.Borrowed)) continue;
            var (added, removed) = (now.Except(state.Borrowed).ToList(), state.Borrowed.Except(now).ToList());
            state.Borrowed = now;
            WriteAddresses(state);
            foreach (var address in added) AddLocal(state.Index, address);
            foreach (var address in removed) RemoveLocal(state.Index, address);
            if (added.Count > 0) changed.Add((state, added));
        }
        return changed;
    }

    /// <summary>An interface that borrows goes.</summary>
    public void GiveBack(InterfaceState state)
    {
        foreach (var address in state.Borrowed) RemoveLocal(state.Index, address);
        state.Borrowed = [];
        tables.Proxies.Set(state.Index, [], false);
    }

    private void AddLocal(uint on, AddressWords address)
    {
        if (address.V6) tables.Local.Add6(on, address.High, address.Low);
        else tables.Local.Add4(on, (uint)address.Low);
    }

    private void RemoveLocal(uint on, AddressWords address)
    {
        if (address.V6) tables.Local.Remove6(on, address.High, address.Low);
        else tables.Local.Remove4(on, (uint)address.Low);
    }

    private void WriteLink(InterfaceState state, InterfaceEntry* entry, InterfaceFlags guards)
    {
        // A port all of whose frames are switched needs no look at each of them.
        entry->SpanTo = state.SpanTo;
        entry->InputNode = (state.Span & InterfaceFlags.SpanIn) != 0 ? SpanNode
            : (guards & InterfaceFlags.GuardIn) != 0 ? GuardNode
            : state.SubInterfaces > 0 ? (ushort)0
            : state.Layer2 == InterfaceFlags.Bridged ? BridgeNode : state.Layer2 == InterfaceFlags.Connected ? ConnectNode : (ushort)0;
        entry->Link = state.IsBvi ? LinkKind.Bvi : state.Link?.Kind ?? LinkKind.Port;
        entry->Peer = state.ConnectedTo;
        entry->Carrier = state.Carrier is { IsGone: false } carrier ? carrier.Index : 0;
        if (state.Link is not InterfaceLink.Vlan vlan) return;
        entry->TagBytes = (byte)(vlan.Inner is null ? 4 : 8);
        entry->Tags = BinaryPrimitives.ReverseEndianness((ulong)vlan.Outer.Word << 32 | (vlan.Inner?.Word ?? 0));
    }

    /// <summary>The ends of tunnels lie in the default VRF, whatever VRF their interfaces are in.</summary>
    private const uint Underlay = 0;

    /// <summary>RFC 8200 §5.</summary>
    private const uint MinMtuIp6 = 1280;

    /// <summary>What a router on the way to a tunnel's other end said holds for ten minutes (RFC 8201 §5.3), and never goes below what every network carries.</summary>
    public void NarrowPath(InterfaceState state, uint outerMtu, long now)
    {
        if (state.Link is not InterfaceLink.IpTunnel tunnel) return;
        const uint floor4 = 576;
        var inner = Math.Max(outerMtu, AddressWords.From(tunnel.Local).V6 ? MinMtuIp6 : floor4) - (uint)tunnel.Overhead;
        if (inner >= Math.Min(state.PathMtu, tables.Interfaces[state.Index]->Mtu)) return;
        (state.PathMtu, state.PathMtuUntil) = (inner, now + 600_000_000_000);
        Write(state);
    }

    /// <summary>Forgets what was said of paths long ago.</summary>
    public void WidenPaths(long now)
    {
        foreach (var state in _interfaces.Values)
        {
            if (state.PathMtu == uint.MaxValue || now < state.PathMtuUntil) continue;
            state.PathMtu = uint.MaxValue;
            Write(state);
        }
    }

    /// <summary>Replaces all addresses; what stays is not touched. Returns those that are new.</summary>
    public IReadOnlyList<InterfaceAddress> SetAddresses(InterfaceState state, IReadOnlyList<InterfaceAddress> addresses)
    {
        foreach (var a in addresses)
            if (a.PrefixLength < 0 || a.PrefixLength > AddressWords.From(a.Address).HostLength)
                throw new ArgumentException($"{a.Address}/{a.PrefixLength} is no prefix.", nameof(addresses));
        var removed = state.Addresses.Except(addresses).ToList();
        var added = addresses.Except(state.Addresses).ToList();
        state.Addresses = [.. addresses];
        WriteAddresses(state);
        // New ones first: an address that only changed its prefix length must not be foreign for a moment.
        foreach (var address in added) Join(state, address);
        foreach (var address in removed)
            Leave(state, address, keepHost: addresses.Any(a => a.Address.Equals(address.Address)));
        WriteAny();
        return added;
    }

    /// <summary>The link-local address comes with the interface.</summary>
    public void SetLinkLocal(InterfaceState state, ulong before)
    {
        var now = tables.Interfaces[state.Index]->LinkLocalLow;
        if (before == now) return;
        if (before != 0) tables.Local.Remove6(state.Index, LinkLocalHigh, before);
        if (now != 0) tables.Local.Add6(state.Index, LinkLocalHigh, now);
    }

    /// <summary>Interface whose network the address lies in, the longest first; null none.</summary>
    public uint? Towards(uint vrf, AddressWords address)
    {
        uint? best = null;
        var length = -1;
        foreach (var state in _interfaces.Values)
        {
            if (state.Settings.Vrf != vrf || state.IsLoopback) continue;
            foreach (var own in state.Addresses)
            {
                var words = AddressWords.From(own.Address);
                if (own.PrefixLength <= length || words.V6 != address.V6 || words.Masked(own.PrefixLength) != address.Masked(own.PrefixLength)) continue;
                (best, length) = (state.Index, own.PrefixLength);
            }
        }
        return best;
    }

    private const ulong LinkLocalHigh = 0xFE80_0000_0000_0000;

    private void Join(InterfaceState state, InterfaceAddress address)
    {
        var words = AddressWords.From(address.Address);
        var vrf = state.Settings.Vrf;
        if (words.V6) tables.Local.Add6(state.Index, words.High, words.Low);
        else tables.Local.Add4(state.Index, (uint)words.Low);
        if (words.IsLinkLocal6) return;
        rib.Set(new PrefixKey(vrf, words, words.HostLength), RouteSource.Local, state.Index, AdjacencyTable.Local);
        if (address.PrefixLength == words.HostLength) return;
        rib.Set(new PrefixKey(vrf, words, address.PrefixLength), RouteSource.Connected, state.Index, GleanOf(state.Index, words.V6));
        foreach (var edge in Edges(words, address.PrefixLength))
            rib.Set(new PrefixKey(vrf, edge, 32), RouteSource.Broadcast, state.Index, AdjacencyTable.Blackhole);
    }

    private void Leave(InterfaceState state, InterfaceAddress address, bool keepHost)
    {
        var words = AddressWords.From(address.Address);
        var vrf = state.Settings.Vrf;
        if (!keepHost)
        {
            if (words.V6) tables.Local.Remove6(state.Index, words.High, words.Low);
            else tables.Local.Remove4(state.Index, (uint)words.Low);
            rib.Clear(new PrefixKey(vrf, words, words.HostLength), RouteSource.Local, state.Index);
        }
        if (address.PrefixLength == words.HostLength || words.IsLinkLocal6) return;
        // Another address of the interface may live in the same network.
        if (state.Addresses.Any(a => a.PrefixLength == address.PrefixLength && AddressWords.From(a.Address).Masked(a.PrefixLength) == words.Masked(address.PrefixLength))) return;
        rib.Clear(new PrefixKey(vrf, words, address.PrefixLength), RouteSource.Connected, state.Index);
        foreach (var edge in Edges(words, address.PrefixLength))
            rib.Clear(new PrefixKey(vrf, edge, 32), RouteSource.Broadcast, state.Index);
    }

    /// <summary>RFC 1812 §5.3.5.1, RFC 2644: network and broadcast address of a network; RFC 3021: a /31 has none.</summary>
    private static IEnumerable<AddressWords> Edges(AddressWords address, int length)
    {
        if (address.V6 || length > 30) yield break;
        var network = address.Masked(length);
        yield return network;
        yield return network with { Low = network.Low | ~Fib4.Mask(length) };
    }

    private static void WriteBogons(InterfaceState state, InterfaceEntry* entry) =>
        (entry->Bogons4, entry->Bogons6) = state.Settings.RefusesBogons ? Bogons.Except(state.Addresses.Select(a => AddressWords.From(a.Address))) : default;

    private void WriteAddresses(InterfaceState state)
    {
        var entry = tables.Interfaces[state.Index];
        WriteBogons(state, entry);
        // The network of a borrowed address is on its owner's link.
        List<(AddressWords Words, int Length)> all = [.. state.Addresses.Select(a => (AddressWords.From(a.Address), a.PrefixLength)), .. state.Borrowed.Select(b => (b, b.HostLength))];
        var list = (InterfaceAddressEntry*)NativeMemory.AlignedAlloc((nuint)((all.Count + 1) * sizeof(InterfaceAddressEntry)), 64);
        for (var i = 0; i < all.Count; i++) list[i] = new InterfaceAddressEntry { High = all[i].Words.High, Low = all[i].Words.Low, V6 = all[i].Words.V6, PrefixLength = (byte)all[i].Length };
        list[all.Count] = new InterfaceAddressEntry { PrefixLength = InterfaceAddressEntry.End };
        var old = entry->Addresses;
        Volatile.Write(ref *(nint*)&entry->Addresses, (nint)list);
        tables.Epochs.Retire(old);
        entry->Ip4 = (uint)all.FirstOrDefault(a => !a.Words.V6).Words.Low;
        var first6 = all.FirstOrDefault(a => a.Words.V6 && !a.Words.IsLinkLocal6).Words;
        (entry->Ip6High, entry->Ip6Low) = (first6.High, first6.Low);
    }

    private void WriteAny()
    {
        var all = _interfaces.Values.Where(s => s.Settings.Vrf == 0).OrderBy(s => s.Index).SelectMany(s => s.Addresses).Select(a => AddressWords.From(a.Address)).ToList();
        tables.AnyIp4 = (uint)all.FirstOrDefault(a => !a.V6).Low;
        var first6 = all.FirstOrDefault(a => a.V6 && !a.IsLinkLocal6);
        (tables.AnyIp6High, tables.AnyIp6Low) = (first6.High, first6.Low);
    }

    /// <summary>Both ends of a tunnel may have the same name, but not the same address.</summary>
    private static string NameForMac(InterfaceState state) => state.Link switch
    {
        InterfaceLink.IpTunnel tunnel => $"{state.Settings.Name} {tunnel.Local}",
        InterfaceLink.Vxlan tunnel => $"{state.Settings.Name} {tunnel.Local}",
        _ => state.Settings.Name,
    };

    /// <summary>A locally administered MAC address (IEEE 802 §8.4.2) that stays the same for a name.</summary>
    private static ulong MadeUpMac(string name)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(name))[..6];
        bytes[0] = (byte)((bytes[0] & 0xFC) | 2);
        return MacAddress.FromBytes(bytes);
    }

    /// <summary>RFC 4291 Appendix A: the interface identifier made from a MAC address.</summary>
    private static ulong LinkLocal(ulong mac)
    {
        var b = MacAddress.ToBytes(mac);
        return (ulong)(b[0] ^ 2) << 56 | (ulong)b[1] << 48 | (ulong)b[2] << 40 | 0xFF_FE00_0000 | (ulong)b[3] << 16 | (ulong)b[4] << 8 | b[5];
    }
}
