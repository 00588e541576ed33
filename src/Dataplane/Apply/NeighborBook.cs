using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>A neighbor by interface and address.</summary>
internal readonly record struct NeighborKey(uint Interface, AddressWords Address);

/// <summary>A neighbor as the control side knows it.</summary>
internal sealed class NeighborState
{
    public required uint Adjacency { get; init; }

    public ulong Mac { get; set; }

    public bool Complete { get; set; }

    /// <summary>From the configuration: neither learned nor aged.</summary>
    public bool Static { get; set; }

    /// <summary>Routes that lead through it.</summary>
    public int Routes { get; set; }

    /// <summary>Unanswered questions since it was last confirmed.</summary>
    public int Probes { get; set; }

    /// <summary>Beats of the clock until it is asked, or asked again.</summary>
    public uint Wait { get; set; }

    /// <summary>It is known from hearsay: it is asked as soon as it is used.</summary>
    public bool Doubtful { get; set; }

    /// <summary>Something was sent to it after it was reachable.</summary>
    public bool Delayed { get; set; }

    /// <summary>Seconds of the monotonic clock when it was last looked at as one that might give way.</summary>
    public uint Seen { get; set; }

    /// <summary>Its place among those of the interface.</summary>
    public LinkedListNode<(NeighborKey Key, NeighborState State)>? Place { get; set; }

    /// <summary>It did not answer when it was last asked.</summary>
    public bool Failed { get; set; }

    /// <summary>Seconds of the monotonic clock when one that failed and is a route's next hop is asked again.</summary>
    public uint NextAsk { get; set; }
}

/// <summary>The neighbors: makes their adjacencies, keeps them while they are used, asks again when they grow old.</summary>
internal sealed unsafe class NeighborBook(DataplaneTables tables, Rib rib, Action<WorkerMessage> tellWorkers)
{
    /// <summary>Of all interfaces together.</summary>
    public const int MaxNeighbors = 16384;

    /// <summary>Seconds between questions to a route's next hop that did not answer.</summary>
    private const uint RetrySeconds = 5;

    private readonly Dictionary<NeighborKey, NeighborState> _neighbors = [];
    private readonly Dictionary<uint, NeighborQueue> _queues = [];

    public IReadOnlyDictionary<NeighborKey, NeighborState> All => _neighbors;

    /// <summary>How an interface keeps its neighbors.</summary>
    public Func<uint, NeighborTimes> TimesOf { get; set; } = _ => NeighborTimes.Default;

    /// <summary>Neighbors that gave way to others, and those that were not taken because none would.</summary>
    public (ulong Evicted, ulong Refused) Pressed { get; private set; }

    /// <summary>Called when a route's next hop falls silent, or speaks again.</summary>
    public Action<NeighborKey>? Turned { get; set; }

    /// <summary>The neighbor, made when it is not there; null when there are too many.</summary>
    public NeighborState? Get(NeighborKey key)
    {
        if (_neighbors.TryGetValue(key, out var state)) return state;
        if (!_queues.TryGetValue(key.Interface, out var queue)) _queues[key.Interface] = queue = new NeighborQueue();
        if (!MakeRoom(key.Interface, queue))
        {
            Pressed = (Pressed.Evicted, Pressed.Refused + 1);
            return null;
        }
        var entry = tables.Interfaces[key.Interface];
        var adjacency = tables.Adjacencies.Add(new Adjacency
        {
            Kind = AdjacencyKind.Incomplete,
            V6 = key.Address.V6,
            Interface = key.Interface,
            Mtu = entry->Mtu,
            NextHopHigh = key.Address.High,
            NextHopLow = key.Address.Low,
        });
        if (adjacency == 0) return null;
        tables.Neighbors.Set(key.Address.High, key.Address.Low, DataplaneTables.NeighborTag(key.Interface, key.Address.V6), adjacency);
        state = _neighbors[key] = new NeighborState { Adjacency = adjacency, Seen = Seconds() };
        queue.Add(key, state);
        return state;
    }

    /// <summary>Whether there is room for one more on the interface. When all places of the box are taken, the interface with the most gives one up.</summary>
    private bool MakeRoom(uint index, NeighborQueue queue)
    {
        if (queue.Count >= TimesOf(index).Limit && !Evict(queue)) return false;
        return _neighbors.Count < MaxNeighbors || Evict(_queues.Values.MaxBy(q => q.Count)!);
    }

    private bool Evict(NeighborQueue queue)
    {
        if (queue.Victim(tables.Adjacencies, Seconds()) is not { } victim) return false;
        var state = _neighbors[victim];
        Forget(victim, state);
        Remove(victim, state);
        Pressed = (Pressed.Evicted + 1, Pressed.Refused);
        return true;
    }

    /// <summary>What is known of a neighbor at a second of the monotonic clock.</summary>
    public NeighborPhase PhaseOf(NeighborKey key, NeighborState state, uint now) =>
        !state.Complete ? state.Failed ? NeighborPhase.Failed : NeighborPhase.Incomplete
        : state.Static ? NeighborPhase.Permanent
        : now - Math.Min(tables.Adjacencies[state.Adjacency]->LastConfirmed, now) < TimesOf(key.Interface).Reachable ? NeighborPhase.Reachable
        : state.Probes > 0 ? NeighborPhase.Probe
        : state.Delayed ? NeighborPhase.Delay : NeighborPhase.Stale;

    /// <summary>Gives a neighbor its MAC address. A learned one does not change a static one. False when nothing changed.</summary>
    public bool Learn(NeighborKey key, ulong mac, bool isStatic)
    {
        if (Get(key) is not { } state || (state.Static && !isStatic)) return false;
        var changed = !state.Complete || state.Mac != mac;
        state.Static |= isStatic;
        state.Mac = mac;
        state.Complete = true;
        Calm(state);
        var entry = tables.Interfaces[key.Interface];
        tables.Adjacencies[state.Adjacency]->LastConfirmed = Seconds();
        tables.Adjacencies.Complete(state.Adjacency, EthernetHeader.Make(mac, entry->Mac, (ushort)(key.Address.V6 ? 0x86DD : 0x0800)));
        // A packet to a neighbor finds its own route and so skips the search by address.
        if (!key.Address.IsLinkLocal6)
            rib.Set(new PrefixKey(entry->Vrf, key.Address, key.Address.HostLength), RouteSource.Neighbor, key.Interface, state.Adjacency);
        if (state.Failed)
        {
            state.Failed = false;
            Turned?.Invoke(key);
        }
        tellWorkers(new WorkerMessage(WorkerMessageKind.NeighborReady, key.Interface, key.Address.High, key.Address.Low, key.Address.V6, Packet: state.Adjacency));
        return changed;
    }

    /// <summary>
    /// Takes a neighbor that a process before this one had learned. It serves at once, and as soon as a packet uses it, it is asked whether it still holds.
    /// What was said since, or is configured, stays.
    /// </summary>
    public void Remember(NeighborKey key, ulong mac)
    {
        if (MacAddress.IsGroup(mac) || mac == 0 || Get(key) is not { Complete: false, Static: false } state || !Learn(key, mac, isStatic: false)) return;
        var now = Seconds();
        var adjacency = tables.Adjacencies[state.Adjacency];
        adjacency->LastConfirmed = now - Math.Min(now, TimesOf(key.Interface).Reachable);
        adjacency->LastUsed = adjacency->LastConfirmed == 0 ? 0 : adjacency->LastConfirmed - 1;
        state.Doubtful = true;
    }

    /// <summary>A neighbor stayed silent: forgets what was known of it.</summary>
    public void Fail(NeighborKey key)
    {
        if (!_neighbors.TryGetValue(key, out var state) || state.Static) return;
        Forget(key, state);
        if (state.Routes == 0)
        {
            Remove(key, state);
            return;
        }
        if (state.Failed) return;
        (state.Failed, state.NextAsk) = (true, Seconds() + RetrySeconds);
        Turned?.Invoke(key);
    }

    /// <summary>Removes a static neighbor; false when there was none.</summary>
    public bool RemoveStatic(NeighborKey key)
    {
        if (!_neighbors.TryGetValue(key, out var state) || !state.Static) return false;
        state.Static = false;
        Forget(key, state);
        if (state.Routes == 0) Remove(key, state);
        return true;
    }

    /// <summary>Counts a route through the neighbor; 0 when there are too many neighbors.</summary>
    public uint Use(NeighborKey key)
    {
        if (Get(key) is not { } state) return 0;
        state.Routes++;
        return state.Adjacency;
    }

    /// <summary>A route through the neighbor is gone.</summary>
    public void Unuse(NeighborKey key)
    {
        if (!_neighbors.TryGetValue(key, out var state)) return;
        state.Routes--;
        if (state.Routes == 0 && !state.Complete) Remove(key, state);
    }

    /// <summary>The link is gone: whoever is there when it is back may be another.</summary>
    public void ForgetLearned(uint index)
    {
        foreach (var (key, state) in _neighbors.Where(n => n.Key.Interface == index && n.Value is { Complete: true, Static: false }).ToList()) Fail(key);
    }

    /// <summary>Removes all neighbors of an interface; the routes through them must be gone.</summary>
    public void RemoveInterface(uint index)
    {
        foreach (var (key, state) in _neighbors.Where(n => n.Key.Interface == index).ToList())
        {
            Forget(key, state);
            Remove(key, state);
        }
        _queues.Remove(index);
    }

    /// <summary>Removes the neighbors of an interface that are no longer on its networks.</summary>
    public void RemoveStrays(uint index, Func<AddressWords, bool> onLink)
    {
        foreach (var (key, state) in _neighbors.Where(n => n.Key.Interface == index && !n.Value.Static && n.Value.Routes == 0 && !onLink(n.Key.Address)).ToList())
        {
            Forget(key, state);
            Remove(key, state);
        }
    }

    /// <summary>Takes over a new MAC address, MTU or VRF of the interface.</summary>
    public void Refresh(uint index)
    {
        var entry = tables.Interfaces[index];
        foreach (var (key, state) in _neighbors.Where(n => n.Key.Interface == index))
        {
            tables.Adjacencies[state.Adjacency]->Mtu = entry->Mtu;
            if (state.Complete)
                tables.Adjacencies.Complete(state.Adjacency, EthernetHeader.Make(state.Mac, entry->Mac, (ushort)(key.Address.V6 ? 0x86DD : 0x0800)));
        }
    }

    /// <summary>Once a second: asks used neighbors that were not confirmed for long, forgets silent and unused ones. Returns those that turned out unreachable.</summary>
    public List<NeighborKey> Age()
    {
        var now = Seconds();
        List<NeighborKey> gone = [];
        foreach (var (key, state) in _neighbors.ToList())
        {
            if (state is { Failed: true, Complete: false, Static: false })
            {
                if (now < state.NextAsk) continue;
                state.NextAsk = now + RetrySeconds;
                tellWorkers(new WorkerMessage(WorkerMessageKind.Solicit, key.Interface, key.Address.High, key.Address.Low, key.Address.V6));
                continue;
            }
            if (state.Static || !state.Complete) continue;
            var times = TimesOf(key.Interface);
            var adjacency = tables.Adjacencies[state.Adjacency];
            var stale = adjacency->LastConfirmed + times.Reachable;
            if (now < stale)
            {
                Calm(state);
                continue;
            }
            if (now - Math.Min(adjacency->LastUsed, now) >= times.Forget && state.Routes == 0)
            {
                Forget(key, state);
                Remove(key, state);
                continue;
            }
            // RFC 4861 §7.3.3: nobody cares about a stale neighbor until something is sent to it.
            if (!state.Delayed)
            {
                if (adjacency->LastUsed < stale) continue;
                (state.Delayed, state.Wait) = (true, state.Doubtful ? 0 : times.Delay);
            }
            if (state.Wait > 0)
            {
                state.Wait--;
                continue;
            }
            if (state.Probes++ < times.Probes)
            {
                state.Wait = times.Retrans - 1;
                tellWorkers(new WorkerMessage(WorkerMessageKind.Solicit, key.Interface, key.Address.High, key.Address.Low, key.Address.V6, state.Mac));
                continue;
            }
            gone.Add(key);
            Fail(key);
        }
        return gone;
    }

    /// <summary>It spoke.</summary>
    private static void Calm(NeighborState state)
    {
        (state.Probes, state.Wait) = (0, 0);
        (state.Delayed, state.Doubtful) = (false, false);
    }

    private static uint Seconds() => (uint)(WorkerContext.Clock() / 1_000_000_000);

    private void Forget(NeighborKey key, NeighborState state)
    {
        state.Complete = false;
        state.Mac = 0;
        Calm(state);
        tables.Adjacencies.Forget(state.Adjacency);
        rib.Clear(new PrefixKey(tables.Interfaces[key.Interface]->Vrf, key.Address, key.Address.HostLength), RouteSource.Neighbor, key.Interface);
    }

    private void Remove(NeighborKey key, NeighborState state)
    {
        _neighbors.Remove(key);
        if (_queues.TryGetValue(key.Interface, out var queue)) queue.Remove(state);
        tables.Neighbors.Remove(key.Address.High, key.Address.Low, DataplaneTables.NeighborTag(key.Interface, key.Address.V6));
        tables.Adjacencies.Remove(state.Adjacency);
    }
}
