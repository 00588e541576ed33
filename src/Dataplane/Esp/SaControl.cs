using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gateway.Crypto.Packet;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The control side of SAs and security policies. All calls take the dataplane's control lock; workers go on meanwhile. Doing the same twice is harmless.
/// </summary>
public sealed unsafe class SaControl : IDisposable
{
    private const int EspHeaderLength = 8;

    /// <summary>Packets back from the newest one within which a quoted packet is believed to be ours.</summary>
    private const uint LatelySent = 1 << 16;

    // RFC 791 §3.1, RFC 8200 §5.
    private const uint SmallestMtu4 = 576, SmallestMtu6 = 1280;

    /// <summary>RFC 1191 §6.3: ten minutes, ns.</summary>
    private const long PathMtuLifetime = 600_000_000_000;

    private readonly DataplaneTables _tables;
    private readonly Lock _gate;
    private readonly SpdProgram _program;
    private readonly Dictionary<ChildSaId, Installed> _installed = [];
    private readonly Dictionary<uint, ChildSaId> _byIndex = [];

    /// <summary>The ipsec interfaces by their if_id.</summary>
    private readonly Dictionary<uint, (uint Index, uint Vrf)> _tunnels = [];

    /// <summary>Told of policies that packets can leave by: some may wait. Under the gate.</summary>
    internal Action<uint> OutboundReady { get; init; } = _ => { };

    /// <summary>How many workers there are.</summary>
    internal int Workers { get; init; } = 1;

    private sealed class Installed
    {
        public required ChildSaParameters Parameters { get; set; }
        public required DirectionKey InboundKey { get; init; }
        public required DirectionKey OutboundKey { get; init; }
        public SaEntry* Entry;

        /// <summary>Packets of both directions at the last second's beat.</summary>
        public ulong SeenPackets;

        /// <summary>Packets of both directions when the hot state was told of them last.</summary>
        public ulong NotedPackets;

        /// <summary>Until when a router's word on the path's MTU counts, monotonic ns; 0 = there is none.</summary>
        public long PathMtuUntil;
    }

    internal SaControl(DataplaneTables tables, Lock gate)
    {
        (_tables, _gate) = (tables, gate);
        _program = new SpdProgram(tables.Spd);
    }

    /// <summary>Makes a CHILD SA carry packets: its inbound SPI is known, and its selectors' rules use it.</summary>
    public SaInstallResult InstallSa(in SaInstall install)
    {
        var sa = install.Parameters;
        lock (_gate)
        {
            if (_installed.TryGetValue(sa.Id, out var same) && same.Parameters == sa) return SaInstallResult.AlreadyInstalled;
            if (install.Worker is { } worker) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)worker, (uint)Workers, nameof(install));
            var fault = Check(install, out var cipher);
            if (fault != SaInstallResult.Installed) return fault;
            if (same is not null || _tables.Sad.Find(sa.InboundSpi.Value) != null) return SaInstallResult.SpiInUse;
            var installed = new Installed
            {
                Parameters = sa,
                InboundKey = DirectionKey.Create(cipher!, install.InboundKey, encrypt: false),
                OutboundKey = DirectionKey.Create(cipher!, install.OutboundKey, encrypt: true),
            };
            installed.Entry = CreateEntry(install, installed, cipher!);
            if (!_tables.Sad.Add(installed.Entry))
            {
                Release(installed);
                return SaInstallResult.TooMany;
            }
            _installed.Add(sa.Id, installed);
            _tables.Keys.Grow(2 * _installed.Count);
            _byIndex.Add(installed.Entry->Index, sa.Id);
            _owned[installed.Entry->Place.Owner]++;
            installed.SeenPackets = installed.Entry->In.Traffic.Packets + installed.Entry->Out.Traffic.Packets;
            _program.Attach(sa, installed.Entry->Index, !install.HoldOutbound);
            Activate();
            if (!install.HoldOutbound) OutboundReady(_program.PolicyOf(sa));
            return SaInstallResult.Installed;
        }
    }

    /// <summary>Lets outbound packets use an SA installed with <see cref="SaInstall.HoldOutbound"/>. False when there is no such SA.</summary>
    public bool UseOutbound(ChildSaId id)
    {
        lock (_gate)
        {
            if (!_installed.TryGetValue(id, out var sa)) return false;
            _program.Use(sa.Parameters, sa.Entry->Index);
            OutboundReady(_program.PolicyOf(sa.Parameters));
            return true;
        }
    }

    /// <summary>
    /// Takes a CHILD SA away: both directions. When it returns no worker reads its keys, which are zeroed, or writes its hot state. False when there is no such SA.
    /// </summary>
    public bool RemoveSa(ChildSaId id)
    {
        lock (_gate)
        {
            if (!_installed.Remove(id, out var sa)) return false;
            _byIndex.Remove(sa.Entry->Index);
            _owned[sa.Entry->Place.Owner]--;
            _program.Detach(sa.Parameters, sa.Entry->Index);
            _tables.Sad.Remove(sa.Entry, () => Release(sa));
            _tables.Epochs.Synchronize();
            Activate();
            return true;
        }
    }

    /// <summary>
    /// Gives an SA to another worker, under traffic: packets go to the new one at once and wait there until the old one has let go, so no sequence number is used twice and the replay window is of
    /// one worker at any time. False when there is no such SA.
    /// </summary>
    public bool MoveSa(ChildSaId id, int worker)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)worker, (uint)Workers, nameof(worker));
        lock (_gate)
        {
            if (!_installed.TryGetValue(id, out var sa)) return false;
            Move(sa.Entry, worker);
            return true;
        }
    }

    /// <summary>The worker that owns an SA; null when there is no such SA.</summary>
    public int? OwnerOf(ChildSaId id)
    {
        lock (_gate) return _installed.TryGetValue(id, out var sa) ? sa.Entry->Place.Owner : null;
    }

    /// <summary>How many SAs each worker owns. Under the gate.</summary>
    internal int[] CountByWorker() => _owned.AsSpan(0, Workers).ToArray();

    /// <summary>Once a second: moves an SA from the worker that carries most to the one that carries least, when that evens them out. Under the gate.</summary>
    internal void Balance()
    {
        if (Workers == 1) return;
        _loads.Clear();
        foreach (var (id, sa) in _installed)
        {
            var packets = sa.Entry->In.Traffic.Packets + sa.Entry->Out.Traffic.Packets;
            if (packets > sa.SeenPackets) _loads.Add(new SaLoad(id, sa.Entry->Place.Owner, packets - sa.SeenPackets));
            sa.SeenPackets = packets;
        }
        if (_balance.Choose(_loads, Workers) is { } move) Move(_installed[move.Sa].Entry, move.To);
    }

    private readonly List<SaLoad> _loads = [];
    private readonly SaBalance _balance = new();

    /// <summary>SAs by owner.</summary>
    private readonly int[] _owned = new int[Buffers.PacketPool.MaxWorkers];

    private void Move(SaEntry* sa, int worker)
    {
        var before = sa->Place;
        if (before.Owner == worker) return;
        // The former owner stops at its next look; what it holds of the SA in its present frame it finishes.
        Volatile.Write(ref sa->Place.Whole, new SaPlace { Worker = worker, Owner = before.Owner }.Whole);
        _tables.Epochs.Synchronize();
        Forget(sa, before.Owner);
        Volatile.Write(ref sa->Place.Whole, SaPlace.Of(worker));
        _owned[before.Owner]--;
        _owned[worker]++;
    }

    private int LeastLoaded()
    {
        var least = 0;
        for (var w = 1; w < Workers; w++)
            if (_owned[w] < _owned[least]) least = w;
        return least;
    }

    /// <summary>Gives an SA other outer addresses or ports, in both directions; numbers, window and counters go on. False when there is no such SA or the families differ.</summary>
    public bool UpdateSaEndpoints(ChildSaId id, IPAddress local, IPAddress remote, UdpEncapsulation? encapsulation)
    {
        lock (_gate)
        {
            if (!_installed.TryGetValue(id, out var sa) || local.AddressFamily != remote.AddressFamily) return false;
            sa.Parameters = sa.Parameters with { LocalAddress = local, RemoteAddress = remote, Encapsulation = encapsulation };
            var old = sa.Entry->Out.Path;
            Volatile.Write(ref *(nint*)&sa.Entry->Out.Path, (nint)SaPath.Create(local, remote, encapsulation));
            Volatile.Write(ref sa.Entry->Out.EffectiveMtuAt, 0);
            _tables.Epochs.Retire(old);
            return true;
        }
    }

    /// <summary>Tells the largest outer packet that the network lets through towards the peer; 0 = not known. False when there is no such SA.</summary>
    public bool SetPathMtu(ChildSaId id, uint bytes)
    {
        lock (_gate)
        {
            if (!_installed.TryGetValue(id, out var sa)) return false;
            SetPathMtu(sa, bytes);
            return true;
        }
    }

    /// <summary>
    /// Takes note of a Packet Too Big about an outer packet, when it names a living SA and a packet that this sent lately, says less than is known, and
    /// is no less than every path must carry (RFC 4301 §8.2.2, RFC 8201 §4).
    /// </summary>
    internal void NotePathMtu(IPAddress remote, uint spi, uint sequence, uint bytes)
    {
        lock (_gate)
        {
            foreach (var sa in _installed.Values)
            {
                if (sa.Parameters.OutboundSpi.Value != spi || !sa.Parameters.RemoteAddress.Equals(remote)) continue;
                var age = (uint)sa.Entry->Out.Next - 1 - sequence;
                if (age >= LatelySent) continue;
                var floor = remote.AddressFamily == AddressFamily.InterNetworkV6 ? SmallestMtu6 : SmallestMtu4;
                var known = sa.Entry->Out.PathMtu;
                bytes = Math.Max(bytes, floor);
                if (known != 0 && bytes >= known) continue;
                SetPathMtu(sa, bytes);
                sa.PathMtuUntil = WorkerContext.Clock() + PathMtuLifetime;
            }
        }
    }

    /// <summary>Forgets what routers said long ago: the path may have become wider (RFC 1191 §6.3).</summary>
    internal void AgePathMtus()
    {
        var now = WorkerContext.Clock();
        lock (_gate)
            foreach (var sa in _installed.Values)
            {
                if (sa.PathMtuUntil == 0 || now < sa.PathMtuUntil) continue;
                sa.PathMtuUntil = 0;
                SetPathMtu(sa, 0);
            }
    }

    private static void SetPathMtu(Installed sa, uint bytes)
    {
        sa.Entry->Out.PathMtu = bytes;
        Volatile.Write(ref sa.Entry->Out.EffectiveMtuAt, 0);
    }

    /// <summary>What SAs with this number decrypt arrives on an ipsec interface from now on. Under the gate.</summary>
    internal void BindTunnel(uint ifId, uint index, uint vrf)
    {
        _tunnels[ifId] = (index, vrf);
        Enter(ifId, index, vrf);
    }

    /// <summary>The interface goes; what its SAs decrypt has nowhere to arrive. Under the gate.</summary>
    internal void UnbindTunnel(uint ifId)
    {
        _tunnels.Remove(ifId);
        Enter(ifId, 0, 0);
    }

    private void Enter(uint ifId, uint index, uint vrf)
    {
        foreach (var sa in _installed.Values)
        {
            if (sa.Parameters.IfIdIn != ifId) continue;
            sa.Entry->Vrf = vrf;
            Volatile.Write(ref sa.Entry->Interface, index);
        }
    }

    /// <summary>Makes these the configured policies: those of children and those of policy items. No packet sees a moment without the old or the new ones.</summary>
    public void SetPolicies(IReadOnlyList<SecurityPolicy> policies)
    {
        lock (_gate)
        {
            _program.Set(policies);
            Activate();
            _tables.Flows.JudgeAgain();
        }
    }

    /// <summary>The installed SAs with their counters.</summary>
    public IReadOnlyList<SaStatus> Sas()
    {
        lock (_gate)
        {
            var used = _program.Dump().Select(r => r.Sa).ToHashSet();
            return [.. _installed.Values.OrderBy(i => i.Parameters.Id.Value).Select(i => StatusOf(i, used.Contains(i.Entry->Index)))];
        }
    }

    /// <summary>One SA; null when it is not installed.</summary>
    public SaStatus? Sa(ChildSaId id)
    {
        lock (_gate)
            return _installed.TryGetValue(id, out var sa) ? StatusOf(sa, _program.Uses(sa.Parameters, sa.Entry->Index)) : null;
    }

    /// <summary>The SA of a number, as packets carry it; null when it is gone. Under the gate.</summary>
    internal ChildSaParameters? SaAt(uint index) => _byIndex.TryGetValue(index, out var id) ? _installed[id].Parameters : null;

    /// <summary>The entry of an SA; null when there is no such one. Under the gate.</summary>
    internal SaEntry* EntryOf(ChildSaId id, out ChildSaParameters? parameters)
    {
        parameters = _installed.TryGetValue(id, out var sa) ? sa.Parameters : null;
        return sa is null ? null : sa.Entry;
    }

    /// <summary>What a number in a rule of the SPD is called: a policy item, or a child. Under the gate.</summary>
    internal (string Name, bool OfChild) PolicyAt(uint policy) => (_program.NameOf(policy), _program.ChildOf(policy) is not null);

    /// <summary>Calls with every SA that has received packets: how many, and the time since the last one; null when that was to a process before this one.</summary>
    public void ForEachInbound(Action<ChildSaId, ulong, TimeSpan?> each)
    {
        lock (_gate)
        {
            var now = WorkerContext.Clock();
            foreach (var sa in _installed.Values)
            {
                ref readonly var traffic = ref sa.Entry->In.Traffic;
                if (traffic.Packets > 0) each(sa.Parameters.Id, traffic.Packets, traffic.LastUsed == 0 ? null : TimeSpan.FromTicks((now - traffic.LastUsed) / 100));
            }
        }
    }

    /// <summary>Once a second: notes the counters where the next process finds them. Under the gate.</summary>
    internal void NoteTraffic()
    {
        foreach (var sa in _installed.Values)
        {
            var entry = sa.Entry;
            // The hot state of a silent SA stays where it is, most likely out of memory.
            var packets = entry->In.Traffic.Packets + entry->Out.Traffic.Packets;
            if (packets == sa.NotedPackets) continue;
            sa.NotedPackets = packets;
            var hot = entry->Hot;
            (hot->InboundPackets, hot->InboundBytes) = (entry->In.Traffic.Packets, entry->In.Traffic.Bytes);
            (hot->OutboundPackets, hot->OutboundBytes) = (entry->Out.Traffic.Packets, entry->Out.Traffic.Bytes);
        }
    }

    /// <summary>The SPD.</summary>
    public IReadOnlyList<SecurityRuleStatus> Rules()
    {
        lock (_gate)
            return [.. _program.Dump().Select(r => new SecurityRuleStatus(r.Name, r.Action, r.Local, r.Remote, r.Configured, _byIndex.TryGetValue(r.Sa, out var id) ? id : null, r.IfId))];
    }

    /// <summary>The public form of a worker's notice about SAs; null when it is none or what it names is gone.</summary>
    internal DataplaneNotice? Decode(in Notice notice)
    {
        lock (_gate)
            return notice.Kind switch
            {
                NoticeKind.Acquire when _program.ChildOf(notice.D) is { } child => SaNotice.DecodeAcquire(notice, child.Connection, child.Child),
                NoticeKind.SaLimit => SaNotice.DecodeLimit(notice),
                NoticeKind.SaEndpointChanged => SaNotice.DecodeEndpoint(notice),
                _ => null,
            };
    }

    /// <summary>Removes all SAs; the workers have ended.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var sa in _installed.Values)
            {
                _program.Detach(sa.Parameters, sa.Entry->Index);
                _tables.Sad.Remove(sa.Entry, () => Release(sa));
            }
            _installed.Clear();
            _byIndex.Clear();
        }
    }

    private static SaInstallResult Check(in SaInstall install, out PacketCipherDescription? cipher)
    {
        var sa = install.Parameters;
        if (!EspTransform.TryDescribe(sa.Transforms, out cipher)) return SaInstallResult.UnsupportedTransform;
        var length = cipher.KeyMaterialLength;
        if (install.InboundKey.Length != length || install.OutboundKey.Length != length) return SaInstallResult.WrongKeyLength;
        var valid = sa.LocalAddress.AddressFamily == sa.RemoteAddress.AddressFamily
            && !sa.InboundSpi.IsReserved && !sa.OutboundSpi.IsReserved
            && sa.ReplayWindow is >= 0 and <= SaHotState.LargestWindow
            && sa.LocalSelectors.Any(l => sa.RemoteSelectors.Any(r => r.Family == l.Family));
        return valid ? SaInstallResult.Installed : SaInstallResult.InvalidParameters;
    }

    private SaEntry* CreateEntry(in SaInstall install, Installed installed, PacketCipherDescription cipher)
    {
        var sa = install.Parameters;
        var entry = (SaEntry*)_tables.Sad.Rows.Take();
        entry->Id = sa.Id.Value;
        entry->Place.Whole = SaPlace.Of(install.Worker ?? LeastLoaded());
        entry->Interface = install.Interface;
        entry->Vrf = install.Vrf;
        entry->OuterVrf = install.OuterVrf;
        entry->IcvLength = cipher.IcvLength;
        entry->HeaderLength = EspHeaderLength + cipher.IvLength;
        entry->Alignment = cipher.Alignment;
        entry->Flags = (sa.Esn ? SaFlags.Esn : 0) | (sa.CopyDf ? SaFlags.CopyDf : 0) | (sa.CopyEcn ? SaFlags.CopyEcn : 0) | (sa.CopyDscpOut ? SaFlags.CopyDscpOut : 0)
            | (sa.CopyDscpIn ? SaFlags.CopyDscpIn : 0) | (sa.Mode == SaMode.Transport ? SaFlags.Transport : 0) | (sa.IfIdIn != 0 ? SaFlags.Routed : 0);
        if (sa.IfIdIn != 0) (entry->Interface, entry->Vrf) = _tunnels.GetValueOrDefault(sa.IfIdIn);
        entry->Hot = (SaHotState*)install.HotState;
        if (entry->Hot == null)
        {
            entry->Hot = (SaHotState*)NativeMemory.AlignedAlloc(SaHotState.Bytes, 64);
            *entry->Hot = default;
            entry->OwnsHot = true;
        }
        entry->In.Seed = installed.InboundKey.Gcm;
        entry->In.Cipher = installed.InboundKey.Library;
        entry->In.Salt = installed.InboundKey.Salt;
        entry->In.Spi = sa.InboundSpi.Value;
        entry->In.Window = (uint)sa.ReplayWindow;
        entry->In.RingMask = ReplayWindow.RingMask(sa.ReplayWindow);
        entry->In.Selectors4 = SelectorSet<uint>.Create(
            Selectors.ToRanges<uint>(sa.LocalSelectors, AddressFamily.InterNetwork),
            Selectors.ToRanges<uint>(sa.RemoteSelectors, AddressFamily.InterNetwork));
        entry->In.Selectors6 = SelectorSet<UInt128>.Create(
            Selectors.ToRanges<UInt128>(sa.LocalSelectors, AddressFamily.InterNetworkV6),
            Selectors.ToRanges<UInt128>(sa.RemoteSelectors, AddressFamily.InterNetworkV6));
        entry->Out.Seed = installed.OutboundKey.Gcm;
        entry->Out.Cipher = installed.OutboundKey.Library;
        entry->Out.Salt = installed.OutboundKey.Salt;
        entry->Out.Spi = sa.OutboundSpi.Value;
        entry->Out.Path = SaPath.Create(sa.LocalAddress, sa.RemoteAddress, sa.Encapsulation);
        (entry->In.Traffic.Packets, entry->In.Traffic.Bytes) = (entry->Hot->InboundPackets, entry->Hot->InboundBytes);
        (entry->Out.Traffic.Packets, entry->Out.Traffic.Bytes) = (entry->Hot->OutboundPackets, entry->Hot->OutboundBytes);
        Limit(ref entry->In.Traffic, sa.Lifetime);
        Limit(ref entry->Out.Traffic, sa.Lifetime);
        OutboundSequence.Start(entry);
        return entry;
    }

    private static void Limit(ref SaTraffic traffic, SaLifetime lifetime)
    {
        (traffic.SoftBytes, traffic.HardBytes) = (lifetime.SoftBytes, lifetime.HardBytes);
        (traffic.SoftPackets, traffic.HardPackets) = (lifetime.SoftPackets, lifetime.HardPackets);
        traffic.Limited = lifetime != default;
    }

    private void Release(Installed sa)
    {
        Forget(sa.Entry, sa.Entry->Place.Owner);
        sa.InboundKey.Dispose();
        sa.OutboundKey.Dispose();
        NativeMemory.AlignedFree(sa.Entry->In.Selectors4);
        NativeMemory.AlignedFree(sa.Entry->In.Selectors6);
        NativeMemory.AlignedFree(sa.Entry->Out.Path);
        if (sa.Entry->OwnsHot) NativeMemory.AlignedFree(sa.Entry->Hot);
        // The salt is key material too.
        new Span<byte>(sa.Entry, sizeof(SaEntry)).Clear();
        _tables.Sad.Rows.Give(sa.Entry);
        sa.Entry = null;
    }

    // The worker does not hold the SA any more: what is left there of its keys goes.
    private void Forget(SaEntry* sa, int worker)
    {
        if (sa->In.Seed != null) _tables.Keys.Forget(worker, sa->In.Seed->Id, sa->In.Key);
        if (sa->Out.Seed != null) _tables.Keys.Forget(worker, sa->Out.Seed->Id, sa->Out.Key);
    }

    private static SaStatus StatusOf(Installed sa, bool used)
    {
        var now = WorkerContext.Clock();
        var @in = &sa.Entry->In;
        var @out = &sa.Entry->Out;
        return new SaStatus(
            sa.Parameters,
            DirectionOf(@in->Spi, @in->Traffic, sa.Entry->Hot->HighestInbound, @in->Drops, now),
            DirectionOf(@out->Spi, @out->Traffic, @out->Next - 1, @out->Drops, now),
            @in->Drops.Replayed, @in->Drops.Forged, @in->Drops.Policy, used, @out->EffectiveMtu);
    }

    private static SaDirectionStatus DirectionOf(uint spi, in SaTraffic traffic, ulong sequence, in SaDrops drops, long now) => new(
        new Spi(spi), traffic.Packets, traffic.Bytes, traffic.LastUsed == 0 ? null : TimeSpan.FromTicks((now - traffic.LastUsed) / 100), sequence,
        drops.Replayed + drops.Forged + drops.Policy + drops.Malformed + drops.Expired + drops.TooBig);

    // After the rules, in the order in which workers see it too.
    private void Activate() => Volatile.Write(ref _tables.SpdActive, _program.CountUnrouted > 0);
}
