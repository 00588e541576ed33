using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// Bridges and cross-connects. They name their interfaces, which join when they come and leave when they go, so that a change of one member concerns no other. Thread-safe, under the gate of
/// <see cref="DataplaneControl"/>; wrong arguments throw <see cref="ArgumentException"/>.
/// </summary>
public sealed unsafe class SwitchControl
{
    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;
    private readonly Action<InterfaceState, bool> _becomeRouted;
    private readonly Dictionary<string, BridgeState> _bridges = [];
    private readonly Dictionary<string, CrossConnectSettings> _connects = [];

    internal SwitchControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate, Action<InterfaceState, bool> becomeRouted) =>
        (_tables, _interfaces, _gate, _becomeRouted) = (tables, interfaces, gate, becomeRouted);

    /// <summary>Adds or changes a bridge; what stays as it was goes on undisturbed. False while an interface that it names is not there.</summary>
    public bool SetBridge(BridgeSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.MacLimit, 1, nameof(settings));
        lock (_gate)
        {
            if (!_bridges.TryGetValue(settings.Name, out var state))
            {
                state = new BridgeState { Number = FreeNumber(), Settings = settings };
                _bridges[settings.Name] = state;
            }
            state.Settings = settings;
            Arrange(state);
            return settings.Members.Select(m => m.Interface).Append(settings.Bvi).All(name => name is null || _interfaces.TryFind(name, out _));
        }
    }

    /// <summary>The bridge that an interface is a member of, or the cross-connect that it is an end of; null for neither. Under the gate.</summary>
    internal (string? Bridge, string? Connect) SwitchOf(InterfaceState state) => (
        _bridges.Values.FirstOrDefault(b => b.Bvi == state || b.Present.Contains(state))?.Settings.Name,
        _connects.Values.FirstOrDefault(c => c.A == state.Settings.Name || c.B == state.Settings.Name)?.Name);

    /// <summary>The routed member of the bridge that an interface is in; null when it has none. Under the gate.</summary>
    internal InterfaceState? RoutedMemberOf(InterfaceState state) => _bridges.Values.FirstOrDefault(b => b.Present.Contains(state))?.Bvi;

    /// <summary>Removes a bridge; its members are interfaces like any other again. False when there was none.</summary>
    public bool RemoveBridge(string name)
    {
        lock (_gate)
        {
            if (!_bridges.Remove(name, out var state)) return false;
            var entry = _tables.Bridges[state.Number];
            foreach (var member in state.Present.ToList()) Leave(state, member);
            if (state.Bvi is { } bvi) LeaveRouted(state, bvi);
            var (macs, members) = ((nint)entry->Macs, (nint)entry->Members);
            Volatile.Write(ref *(nint*)&entry->Macs, 0);
            _tables.Epochs.Retire(() =>
            {
                NativeMemory.AlignedFree((void*)macs);
                NativeMemory.AlignedFree((void*)members);
                *entry = default;
            });
            _tables.Epochs.Synchronize();
            return true;
        }
    }

    /// <summary>Adds or changes a cross-connect. False while an end is not there.</summary>
    public bool SetConnect(CrossConnectSettings settings)
    {
        lock (_gate)
        {
            if (_connects.TryGetValue(settings.Name, out var before) && before != settings) Disconnect(before);
            _connects[settings.Name] = settings;
            return Connect(settings);
        }
    }

    /// <summary>Removes a cross-connect; false when there was none.</summary>
    public bool RemoveConnect(string name)
    {
        lock (_gate)
        {
            if (!_connects.Remove(name, out var settings)) return false;
            Disconnect(settings);
            return true;
        }
    }

    public IReadOnlyList<BridgeRow> Bridges()
    {
        lock (_gate)
            return [.. _bridges.Values.OrderBy(b => b.Settings.Name, StringComparer.Ordinal).Select(b => new BridgeRow(
                b.Settings.Name,
                [.. b.Settings.Members.Select(m => _interfaces.TryFind(m.Interface, out var index)
                    ? new BridgeMemberRow(m.Interface, index, m.Group, Volatile.Read(ref _tables.Bridges.Ports[index].Macs))
                    : new BridgeMemberRow(m.Interface, 0, m.Group, 0))],
                b.Settings.Bvi,
                _tables.Bridges[b.Number]->Macs->Count,
                b.Settings.MacLimit))];
    }

    /// <summary>The stations that a bridge knows, by MAC address.</summary>
    public IReadOnlyList<StationRow> Stations(string bridge)
    {
        lock (_gate)
        {
            if (!_bridges.TryGetValue(bridge, out var state)) return [];
            var now = (uint)(WorkerContext.Clock() / 1_000_000_000);
            return [.. _tables.Bridges[state.Number]->Macs->All()
                .Select(s => new StationRow(
                    new PhysicalAddress(MacAddress.ToBytes(s.Mac)),
                    _interfaces.NameOf((ushort)s.Value),
                    (s.Value & MacTable.Fixed) != 0,
                    (s.Value & MacTable.Fixed) != 0 ? null : TimeSpan.FromSeconds(Math.Max(0, (int)(now - (uint)(s.Value >> 32))))))
                .OrderBy(s => s.Mac.ToString(), StringComparer.Ordinal)];
        }
    }

    /// <summary>An interface has come: it joins what names it. Under the gate.</summary>
    internal void Joined(InterfaceState state)
    {
        var name = state.Settings.Name;
        foreach (var bridge in _bridges.Values)
            if (bridge.Settings.Bvi == name || bridge.Settings.Members.Any(m => m.Interface == name)) Arrange(bridge);
        foreach (var connect in _connects.Values)
            if (connect.A == name || connect.B == name) Connect(connect);
    }

    /// <summary>An interface goes: it leaves everything. Under the gate.</summary>
    internal void Left(InterfaceState state)
    {
        foreach (var bridge in _bridges.Values)
        {
            if (bridge.Bvi == state) LeaveRouted(bridge, state);
            if (bridge.Present.Contains(state)) Leave(bridge, state);
        }
        foreach (var connect in _connects.Values)
            if (connect.A == state.Settings.Name || connect.B == state.Settings.Name) Disconnect(connect);
    }

    /// <summary>Forgets stations that were not seen for long. Under the gate, once a second.</summary>
    internal void Age(long now)
    {
        foreach (var bridge in _bridges.Values)
        {
            var age = (int)bridge.Settings.MacAge.TotalSeconds;
            if (age == 0 || now < bridge.NextAging) continue;
            bridge.NextAging = now + (Math.Max(1, age / 16) * 1_000_000_000L);
            var second = (uint)(now / 1_000_000_000);
            Forget(bridge, (_, value) => (value & MacTable.Fixed) == 0 && (int)(second - (uint)(value >> 32)) > age);
        }
    }

    /// <summary>Brings what workers see in line with the settings and the interfaces that are there.</summary>
    private void Arrange(BridgeState state)
    {
        var settings = state.Settings;
        var entry = _tables.Bridges[state.Number];
        var wanted = settings.Members.Where(m => _interfaces.TryFind(m.Interface, out _)).ToDictionary(m => m.Interface, StringComparer.Ordinal);
        foreach (var gone in state.Present.Where(p => !wanted.ContainsKey(p.Settings.Name)).ToList()) Leave(state, gone);
        if (state.Bvi is { } former && former.Settings.Name != settings.Bvi) LeaveRouted(state, former);

        entry->Flags = (settings.Learn ? BridgeFlags.Learn : 0) | (settings.FloodUnknown ? BridgeFlags.FloodUnknown : 0);
        MakeStations(state, entry);
        entry->Macs->SetMembers(settings.Members.Count);
        // Before any port says that it belongs here, there is a list to flood along.
        if (entry->Members == null) PublishMembers(state);
        foreach (var member in settings.Members)
            if (_interfaces.TryFind(member.Interface, out var index)) Join(state, _interfaces.Get(index), member);
        var joins = settings.Bvi is { } name && state.Bvi is null && _interfaces.TryFind(name, out var routed) ? _interfaces.Get(routed) : null;
        if (joins is not null) JoinRouted(state, joins);
        PublishMembers(state);
        Fix(state, entry);
        // Last, since it tells the members of its addresses at once.
        if (joins is not null) _becomeRouted(joins, true);
    }

    private void Join(BridgeState state, InterfaceState member, BridgeMemberSettings settings)
    {
        var port = _tables.Bridges.Ports + member.Index;
        port->Flags = settings.Learn && state.Settings.Learn ? BridgeFlags.Learn : 0;
        port->Group = (uint)settings.Group;
        port->MacLimit = settings.MacLimit;
        Volatile.Write(ref port->FloodInterval, settings.FloodRate == 0 ? 0 : 1_000_000_000L / settings.FloodRate);
        Volatile.Write(ref port->Bridge, state.Number);
        if (state.Present.Contains(member)) return;
        state.Present.Add(member);
        member.Layer2 = InterfaceFlags.Bridged;
        _interfaces.Write(member);
    }

    private void Leave(BridgeState state, InterfaceState member)
    {
        state.Present.Remove(member);
        member.Layer2 = InterfaceFlags.None;
        _interfaces.Write(member);
        // Nothing more is learned here once every worker has seen that it is no member; then what was learned goes.
        _tables.Bridges.Ports[member.Index].Bridge = 0;
        PublishMembers(state);
        _tables.Epochs.Synchronize();
        Forget(state, (_, value) => (ushort)value == member.Index);
        _tables.Epochs.Synchronize();
        _tables.Bridges.Ports[member.Index] = default;
    }

    private void JoinRouted(BridgeState state, InterfaceState bvi)
    {
        state.Bvi = bvi;
        var port = _tables.Bridges.Ports + bvi.Index;
        *port = new BridgePort { Bridge = state.Number };
        _tables.Bridges[state.Number]->Bvi = bvi.Index;
    }

    private void LeaveRouted(BridgeState state, InterfaceState bvi)
    {
        state.Bvi = null;
        _becomeRouted(bvi, false);
        _tables.Bridges[state.Number]->Bvi = 0;
        _tables.Bridges.Ports[bvi.Index] = default;
        PublishMembers(state);
        Forget(state, (_, value) => (ushort)value == bvi.Index);
        _tables.Epochs.Synchronize();
    }

    /// <summary>A table of the right size; what was learned moves along.</summary>
    private void MakeStations(BridgeState state, BridgeEntry* entry)
    {
        var old = entry->Macs;
        if (old != null && old->Limit == state.Settings.MacLimit) return;
        var fresh = MacTable.New(state.Settings.MacLimit);
        fresh->SetMembers(state.Settings.Members.Count);
        var ports = _tables.Bridges.Ports;
        Volatile.Write(ref *(nint*)&entry->Macs, (nint)fresh);
        if (old == null) return;
        // From here on nobody learns in the old one.
        _tables.Epochs.Synchronize();
        foreach (var (mac, value) in old->All().Where(s => (s.Value & MacTable.Fixed) == 0))
        {
            Interlocked.Decrement(ref ports[(ushort)value].Macs);
            fresh->Learn(mac, value & MacTable.WhereMask, (uint)(value >> 32), ports);
        }
        _tables.Epochs.Retire(old);
    }

    /// <summary>The configured stations and the routed member's own address, and none else.</summary>
    private void Fix(BridgeState state, BridgeEntry* entry)
    {
        Dictionary<ulong, ulong> wanted = [];
        foreach (var station in state.Settings.Fixed)
            if (state.Present.Find(p => p.Settings.Name == station.Interface) is { } at) wanted[MacAddress.FromBytes(station.Mac.GetAddressBytes())] = at.Index;
        if (state.Bvi is { } bvi) wanted[_tables.Interfaces[bvi.Index]->Mac] = bvi.Index;
        Forget(state, (mac, value) => (value & MacTable.Fixed) != 0 && !(wanted.TryGetValue(mac, out var where) && where == (value & MacTable.WhereMask)));
        _tables.Epochs.Synchronize();
        foreach (var (mac, where) in wanted)
            if (!entry->Macs->Fix(mac, where, _tables.Bridges.Ports)) throw new ArgumentException("There are too many fixed MAC addresses.");
    }

    private void Forget(BridgeState state, Func<ulong, ulong, bool> test)
    {
        var macs = _tables.Bridges[state.Number]->Macs;
        if (macs == null) return;
        var dead = macs->Kill(test, _tables.Bridges.Ports);
        if (dead.Count == 0) return;
        var table = (nint)macs;
        _tables.Epochs.Retire(() => ((MacTable*)table)->Release(dead));
    }

    private void PublishMembers(BridgeState state)
    {
        var entry = _tables.Bridges[state.Number];
        InterfaceState[] all = state.Bvi is { } bvi ? [.. state.Present, bvi] : [.. state.Present];
        var list = (BridgeMemberEntry*)NativeMemory.AlignedAlloc((nuint)((all.Length + 1) * sizeof(BridgeMemberEntry)), 64);
        for (var i = 0; i < all.Length; i++) list[i] = new BridgeMemberEntry { Interface = all[i].Index, Group = _tables.Bridges.Ports[all[i].Index].Group };
        list[all.Length] = default;
        var old = entry->Members;
        Volatile.Write(ref *(nint*)&entry->Members, (nint)list);
        _tables.Epochs.Retire(old);
    }

    private bool Connect(CrossConnectSettings settings)
    {
        if (!_interfaces.TryFind(settings.A, out var a) || !_interfaces.TryFind(settings.B, out var b)) return false;
        foreach (var (from, to) in ((uint, uint)[])[(a, b), (b, a)])
        {
            var state = _interfaces.Get(from);
            (state.Layer2, state.ConnectedTo) = (InterfaceFlags.Connected, to);
            _interfaces.Write(state);
        }
        return true;
    }

    private void Disconnect(CrossConnectSettings settings)
    {
        foreach (var name in (string[])[settings.A, settings.B])
        {
            if (!_interfaces.TryFind(name, out var index) || _interfaces.Get(index) is not { Layer2: InterfaceFlags.Connected } state) continue;
            (state.Layer2, state.ConnectedTo) = (InterfaceFlags.None, 0);
            _interfaces.Write(state);
        }
    }

    private uint FreeNumber()
    {
        for (uint number = 1; number < BridgeTable.Capacity; number++)
            if (_bridges.Values.All(b => b.Number != number) && _tables.Bridges[number]->Members == null) return number;
        throw new ArgumentException($"There are {BridgeTable.Capacity - 1} bridges already.");
    }
}
