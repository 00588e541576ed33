using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// The dataplane as the rest of the product sees it: interfaces, routes, neighbors, datagrams in and out, and what `show` prints. Thread-safe: one change at a time.
/// Changes of tables never stop the workers. Wrong arguments throw <see cref="ArgumentException"/>.
/// </summary>
public sealed unsafe class DataplaneControl : IDisposable
{
    /// <summary>Remembered neighbors are for interfaces that come up within this time.</summary>
    private static readonly TimeSpan LongestRecall = TimeSpan.FromSeconds(60);

    /// <summary>RFC 5227 §1.1 (ANNOUNCE_INTERVAL), nanoseconds.</summary>
    private const long AnnounceInterval = 2_000_000_000;
    private const int MaxAnnounceAgain = 4096;

    private readonly Lock _gate = new();
    private readonly Epochs _epochs;
    private readonly Rib _rib;
    private readonly NeighborBook _neighbors;
    private readonly InterfaceBook _interfaces;
    private readonly PathBook _paths;
    private readonly VrfBook _vrfs = new();
    private readonly Advertiser _advertiser = new(Random.Shared);
    private readonly RouteBook _routes;
    private readonly Worker[] _workers;
    private readonly List<PacketRing> _handoffs = [];
    private readonly ControlPump _pump;
    private readonly IPuntSink? _punt;
    private readonly INoticeSink? _notices;
    private (long At, ILookup<string, WarmNeighbor>? Neighbors) _remembered;
    private readonly Queue<(long At, uint Interface, AddressWords Address)> _announceAgain = new();
    private bool _started;
    private bool _disposed;

    /// <param name="options">Sizes; they stay for the life of the dataplane.</param>
    /// <param name="punt">Takes IKE datagrams.</param>
    /// <param name="notices">Takes notices.</param>
    public DataplaneControl(DataplaneOptions options, IPuntSink? punt = null, INoticeSink? notices = null)
        : this(options, StandardGraph.Create(), punt, notices)
    {
    }

    internal DataplaneControl(DataplaneOptions options, GraphDefinition graph, IPuntSink? punt = null, INoticeSink? notices = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Workers, PacketPool.MaxWorkers - 1);
        _punt = punt;
        _notices = notices;
        Graph = graph;
        Pool = new PacketPool(options.Buffers, options.Hugepages);
        _epochs = new Epochs(options.Workers);
        Tables = new DataplaneTables(_epochs);
        Security = new SaControl(Tables, _gate) { OutboundReady = LetGo, Workers = options.Workers };
        _rib = new Rib(Tables);
        _neighbors = new NeighborBook(Tables, _rib, TellWorkers);
        _interfaces = new InterfaceBook(Tables, _rib) { BridgeNode = graph.FindOr0(NodeNames.BridgeInput), ConnectNode = graph.FindOr0(NodeNames.CrossConnect), SpanNode = graph.FindOr0(NodeNames.SpanInput), GuardNode = graph.FindOr0(NodeNames.GuardInput) };
        Spans = new SpanControl(_interfaces, _gate);
        Switching = new SwitchControl(Tables, _interfaces, _gate, BecomeRouted);
        Guarding = new GuardControl(Tables, _interfaces, _gate, options.Workers);
        Filtering = new FilterControl(Tables, _interfaces, _gate, options.Workers) { GuardsOf = Guarding.GuardsOf };
        Flows = new FlowControl(Tables, _interfaces, _gate, new BlockBook(_epochs, _vrfs.NameOf, _vrfs.NumberOf, LetGo), name => _vrfs.NumberOf(name == "default" ? null : name));
        _paths = new PathBook(Tables, _neighbors, _interfaces);
        _neighbors.TimesOf = index => _interfaces.Exists(index) ? _interfaces.Get(index).Settings.Neighbors : NeighborTimes.Default;
        _neighbors.Turned = _paths.Turned;
        Steering = new AbfControl(Tables, _interfaces, _paths, Filtering, _gate, options.Workers);
        _routes = new RouteBook(_rib, _neighbors, _interfaces, _paths);
        _workers = new Worker[options.Workers];
        for (var i = 0; i < _workers.Length; i++)
        {
            var context = new WorkerContext(graph, Pool, Tables, i) { IkePorts = options.IkePorts, Sessions = NewSessions(options, i) };
            _workers[i] = new Worker(context, i < options.Cores.Count ? options.Cores[i] : -1);
        }
        Flows.Workers = _workers;
        ConnectWorkers();
        _pump = new ControlPump(this);
        foreach (var worker in _workers) worker.HasNews = _pump.Wake;
    }

    /// <summary>The packets; ports are opened on it.</summary>
    public PacketPool Pool { get; }

    /// <summary>SAs and security policies.</summary>
    public SaControl Security { get; }

    /// <summary>Mirrors.</summary>
    public SpanControl Spans { get; }

    /// <summary>Bridges and cross-connects.</summary>
    public SwitchControl Switching { get; }

    /// <summary>ACLs, and where they are asked.</summary>
    public FilterControl Filtering { get; }

    /// <summary>Policies of forwarding.</summary>
    public AbfControl Steering { get; }

    /// <summary>Policers, and what interfaces ask of their frames.</summary>
    public GuardControl Guarding { get; }

    /// <summary>The tracking of flows, and NAT.</summary>
    public FlowControl Flows { get; }

    internal GraphDefinition Graph { get; }

    internal DataplaneTables Tables { get; }

    internal IReadOnlyList<Worker> Workers => _workers;

    /// <summary>How many workers there are.</summary>
    public int WorkerCount => _workers.Length;

    /// <summary>What a judge of traced packets looks into.</summary>
    internal Explain.JudgedTables Judged => new(Tables, _interfaces, _rib, _vrfs, Filtering, Flows, Steering, Security, Guarding, Switching, _workers);

    /// <summary>Held for every change of tables.</summary>
    internal Lock Gate => _gate;

    /// <summary>Starts the workers and the control thread.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_started) return;
            _started = true;
            foreach (var worker in _workers) worker.Start();
            _pump.Start();
        }
    }

    /// <summary>Adds an interface and hands its port (owned from now on, also when this throws) to a worker. Returns its index.</summary>
    public uint AddInterface(InterfaceSettings settings, IPacketPort? port = null)
    {
        lock (_gate)
        {
            InterfaceState state;
            try
            {
                state = _interfaces.Add(settings, port, LeastLoadedWorker());
            }
            catch
            {
                port?.Dispose();
                throw;
            }
            if (port is not null) AttachPort(state);
            if (state.IsTunnel) Security.BindTunnel(settings.IfId, state.Index, settings.Vrf);
            return Begin(state);
        }
    }

    /// <summary>Adds an interface that is made of others. Returns its index.</summary>
    public uint AddInterface(InterfaceSettings settings, InterfaceLink link)
    {
        lock (_gate) return Begin(_interfaces.Add(settings, null, LeastLoadedWorker(), link));
    }

    private Flow.SessionTable NewSessions(DataplaneOptions options, int worker)
    {
        var capacity = (uint)Math.Max(64, (options.Flows + options.Workers - 1) / options.Workers);
        var limits = new Flow.SessionLimits { PerSource = options.FlowsPerSource > 0 ? (uint)options.FlowsPerSource : uint.MaxValue, Timeouts = options.FlowTimeouts };
        Flow.SessionMemory? memory = null;
        if (options.FlowFolder is { } folder)
        {
            memory = Flow.SessionFile.Open(Path.Combine(folder, $"sessions.{worker}"), options.Boot, capacity, worker, options.Workers, out var trouble);
            if (trouble is not null) Flows.Trouble = trouble;
        }
        return new Flow.SessionTable(capacity, limits, (uint)(WorkerContext.Clock() / 1_000_000_000), memory);
    }

    private uint Begin(InterfaceState state)
    {
        _interfaces.SetLinkLocal(state, 0);
        // Its addresses are announced as they come; only a link that comes up later asks for more.
        state.LookAtLink();
        state.TakeLinkUp();
        _advertiser.Set(state.Index, state.Settings.Advertise, WorkerContext.Clock());
        Switching.Joined(state);
        Spans.Joined(state);
        Borrow();
        _routes.Resolve();
        Flows.InterfacesChanged();
        return state.Index;
    }

    /// <summary>Removes an interface with its addresses, neighbors and what leads through it; its port is disposed once no worker uses it.</summary>
    public void RemoveInterface(uint index)
    {
        lock (_gate)
        {
            var state = _interfaces.Get(index);
            if (Tables.PuntInterface == index) Volatile.Write(ref Tables.PuntInterface, 0);
            if (state.IsTunnel) Security.UnbindTunnel(state.Settings.IfId);
            if (state.Settings.Advertise is { } told) Advertise(state, told, isLast: true);
            _advertiser.Set(index, null, 0);
            Switching.Left(state);
            Spans.Left(state);
            _routes.Release(index);
            _interfaces.SetAddresses(state, []);
            _interfaces.GiveBack(state);
            _neighbors.RemoveInterface(index);
            Tables.Local.Remove6(index, 0xFE80_0000_0000_0000, Tables.Interfaces[index]->LinkLocalLow);
            DetachPort(state);
            _interfaces.Remove(state);
            Flows.InterfacesChanged();
            Filtering.Left(state);
            Steering.Left(state);
            Guarding.Left(state);
            Borrow();
            _routes.Resolve();
            _epochs.Synchronize();
            foreach (var worker in _workers) worker.Context.Interfaces[index] = default;
        }
    }

    /// <summary>Changes MAC, MTU, enabled and the like; name, type and VRF stay.</summary>
    public void SetInterface(uint index, InterfaceSettings settings)
    {
        lock (_gate)
        {
            var state = _interfaces.Get(index);
            if (settings.Name != state.Settings.Name || settings.Type != state.Settings.Type || settings.Vrf != state.Settings.Vrf || settings.IfId != state.Settings.IfId)
                throw new ArgumentException("Name, type, if_id and VRF of an interface cannot change.", nameof(settings));
            var linkLocal = Tables.Interfaces[index]->LinkLocalLow;
            var before = state.Settings;
            state.Settings = settings;
            try
            {
                _interfaces.Write(state);
            }
            catch
            {
                state.Settings = before;
                throw;
            }
            _interfaces.SetLinkLocal(state, linkLocal);
            _neighbors.Refresh(index);
            if (_advertiser.Set(index, settings.Advertise, WorkerContext.Clock())) Advertise(state, before.Advertise!, isLast: true);
            foreach (var carried in _interfaces.All.Where(i => i.Carrier == state))
            {
                linkLocal = Tables.Interfaces[carried.Index]->LinkLocalLow;
                _interfaces.Write(carried);
                _interfaces.SetLinkLocal(carried, linkLocal);
                _neighbors.Refresh(carried.Index);
            }
            if (settings.Borrows != before.Borrows) Borrow();
            if ((settings.Enabled && !before.Enabled) || !Equals(settings.Mac, before.Mac)) AnnounceAll(state);
        }
    }

    /// <summary>Gives an interface another port (owned from now on), or none; the old one is disposed once no worker uses it.</summary>
    public void SetPort(uint index, IPacketPort? port)
    {
        lock (_gate)
        {
            var state = _interfaces.Get(index);
            DetachPort(state);
            _epochs.Synchronize();
            state.Port = port;
            if (port is null) return;
            AttachPort(state);
            AnnounceAll(state);
        }
    }

    /// <summary>Replaces all addresses of an interface; new ones are announced on the link.</summary>
    public void SetAddresses(uint index, IReadOnlyList<InterfaceAddress> addresses)
    {
        lock (_gate)
        {
            var state = _interfaces.Get(index);
            var added = _interfaces.SetAddresses(state, addresses);
            if (state.Settings.Borrows is null) _neighbors.RemoveStrays(index, a => _interfaces.Towards(state.Settings.Vrf, a) == index || a.IsLinkLocal6);
            Borrow();
            Recall(state);
            _routes.Resolve();
            AnnounceAll(state, added.Select(a => AddressWords.From(a.Address)));
        }
    }

    /// <summary>The number of a VRF by its name, which it gets when it has none; null or `default` is 0.</summary>
    public uint VrfOf(string? name)
    {
        lock (_gate) return _vrfs.NumberOf(name == "default" ? null : name);
    }

    /// <summary>The VRF is gone, and all that belonged to it.</summary>
    public void ForgetVrf(string name)
    {
        lock (_gate) _vrfs.Forget(name);
    }

    /// <summary>Name of a VRF; null for the default one.</summary>
    public string? NameOfVrf(uint number)
    {
        lock (_gate) return _vrfs.NameOf(number);
    }

    /// <summary>The number of a VRF by its name, which gets none here; 0 when there is no such one.</summary>
    internal uint VrfIfAny(string? name)
    {
        lock (_gate) return name is null ? 0 : _vrfs.IfAny(name);
    }

    public bool TryFindInterface(string name, out uint index)
    {
        lock (_gate) return _interfaces.TryFind(name, out index);
    }

    /// <summary>The MTU of an interface; null when there is none of that name.</summary>
    public int? MtuOf(string name)
    {
        lock (_gate) return _interfaces.TryFind(name, out var index) ? _interfaces.Get(index).Settings.Mtu : null;
    }

    /// <summary>Sets what each worker does at most by itself; what waits beyond a new limit gives way with the next that comes.</summary>
    public void SetLimits(WorkerLimits limits)
    {
        lock (_gate) Volatile.Write(ref Tables.Limits, limits);
    }

    /// <summary>Adds or replaces the route of a prefix. False: it is kept, but waits for an interface whose network holds its next hop.</summary>
    public bool AddRoute(RouteSettings route)
    {
        lock (_gate) return _routes.Set(route);
    }

    /// <summary>Removes the configured route of a prefix; false when there was none.</summary>
    public bool RemoveRoute(uint vrf, IPNetwork to, uint preference = 0)
    {
        lock (_gate) return _routes.Remove(vrf, to, preference);
    }

    /// <summary>Adds or replaces a list of routes that all lead where <paramref name="way"/> says, whose prefix counts for nothing. False: they are kept, but wait for their next hop.</summary>
    public bool SetRoutes(string name, RouteSettings way, Policy.Items.PrefixList prefixes)
    {
        lock (_gate) return _routes.SetList(name, way, prefixes);
    }

    /// <summary>Removes a list of routes; false when there was none.</summary>
    public bool RemoveRoutes(string name)
    {
        lock (_gate) return _routes.RemoveList(name);
    }

    /// <summary>Adds a static neighbor.</summary>
    public void AddNeighbor(uint index, IPAddress address, PhysicalAddress mac)
    {
        lock (_gate)
        {
            _interfaces.Get(index);
            var words = MacAddress.FromBytes(mac.GetAddressBytes());
            if (MacAddress.IsGroup(words)) throw new ArgumentException($"{mac} is a group address.", nameof(mac));
            var key = new NeighborKey(index, AddressWords.From(address));
            if (_neighbors.Get(key) is null) throw new ArgumentException("There are too many neighbors.", nameof(address));
            _neighbors.Learn(key, words, isStatic: true);
        }
    }

    /// <summary>Removes a static neighbor; false when there was none.</summary>
    public bool RemoveNeighbor(uint index, IPAddress address)
    {
        lock (_gate) return _neighbors.RemoveStatic(new NeighborKey(index, AddressWords.From(address)));
    }

    /// <summary>Sends packets for the gateway itself that the graph does not take to the host behind this interface; 0 ends that.</summary>
    /// <param name="index">A tap of <see cref="AddInterface(InterfaceSettings, IPacketPort)"/>.</param>
    /// <param name="hostMac">The MAC address that the host's stack has on it.</param>
    public void SetPuntInterface(uint index, PhysicalAddress? hostMac = null)
    {
        lock (_gate)
        {
            var before = Tables.PuntInterface;
            if (index != 0)
            {
                _interfaces.Get(index);
                Tables.Interfaces[index]->HostMac = hostMac is null ? MacAddress.Broadcast : MacAddress.FromBytes(hostMac.GetAddressBytes());
            }
            Volatile.Write(ref Tables.PuntInterface, index);
            if (before != 0 && before != index) _interfaces.Write(_interfaces.Get(before));
            if (index != 0) _interfaces.Write(_interfaces.Get(index));
        }
    }

    /// <summary>Sends a UDP datagram of the gateway itself; the security policy does not apply to it. False when it cannot leave now: no packet free or the worker's mailbox full.</summary>
    /// <param name="source">An own address and port.</param>
    /// <param name="destination">Of the same family.</param>
    /// <param name="payload">The IKE message (or the one byte of a NAT keepalive).</param>
    /// <param name="nonEspMarker">Put the four zero bytes of RFC 3948 §2.2 before it: for IKE on port 4500.</param>
    public bool InjectDatagram(IPEndPoint source, IPEndPoint destination, ReadOnlySpan<byte> payload, bool nonEspMarker, byte trafficClass = 0)
    {
        var from = AddressWords.From(source.Address);
        var to = AddressWords.From(destination.Address);
        if (from.V6 != to.V6) throw new ArgumentException("Source and destination are of different families.", nameof(destination));
        if (payload.Length > DatagramMaker.MaxPayload) throw new ArgumentException($"A datagram of {payload.Length} bytes is too long.", nameof(payload));
        lock (_gate)
        {
            var route = Lookup(0, to);
            var mtu = Math.Max(1280, Tables.Adjacencies[route]->Mtu);
            var packets = DatagramMaker.Make(Pool, from, (ushort)source.Port, to, (ushort)destination.Port, payload, nonEspMarker, mtu, trafficClass);
            var node = Graph.Find(from.V6 ? NodeNames.Ip6Lookup : NodeNames.Ip4Lookup);
            var sent = packets.Length > 0;
            foreach (var packet in packets) sent &= Inject(0, node, packet);
            return sent;
        }
    }

    /// <summary>Which own address and interface a packet to a destination would leave by; false when no route leads there.</summary>
    public bool TryRoute(uint vrf, IPAddress destination, out IPAddress? source, out uint index)
    {
        lock (_gate)
        {
            var words = AddressWords.From(destination);
            var adjacency = Tables.Adjacencies[Lookup(vrf, words)];
            index = adjacency->Interface;
            source = null;
            if (adjacency->Kind is not (AdjacencyKind.Glean or AdjacencyKind.Incomplete or AdjacencyKind.Neighbor or AdjacencyKind.IpTunnel)) return false;
            var entry = Tables.Interfaces[index];
            if (words.V6 && entry->Ip6High != 0) source = new AddressWords(true, entry->Ip6High, entry->Ip6Low).ToAddress();
            if (!words.V6 && entry->Ip4 != 0) source = new AddressWords(false, 0, entry->Ip4).ToAddress();
            return true;
        }
    }

    /// <summary>Traces the next packets received, on one interface or (0) on any, those of one flow or (null) all; earlier traces are forgotten.</summary>
    public void StartTrace(int packets, uint onInterface = 0, TraceFilter? filter = null)
    {
        lock (_gate)
            foreach (var worker in _workers)
            {
                worker.Context.Trace.Clear();
                worker.Context.Trace.Arm(packets, onInterface, filter);
            }
    }

    /// <summary>The steps recorded so far, each packet's in their order; tracing goes on until <see cref="StopTrace"/>.</summary>
    public IReadOnlyList<TraceRow> ReadTrace()
    {
        lock (_gate) return TraceReader.Read(Judged, Graph);
    }

    /// <summary>Ends tracing and returns the steps of the traced packets, each packet's in their order.</summary>
    public IReadOnlyList<TraceRow> StopTrace()
    {
        lock (_gate)
        {
            foreach (var worker in _workers) worker.Context.Trace.Off();
            if (_started) _epochs.Synchronize();
            return TraceReader.Read(Judged, Graph);
        }
    }

    public IReadOnlyList<InterfaceRow> Interfaces()
    {
        lock (_gate) return DumpMaker.Interfaces(_interfaces, _workers, Tables);
    }

    public IReadOnlyList<RouteRow> Routes()
    {
        lock (_gate) return DumpMaker.Routes(_rib, _routes, _paths, _interfaces, Tables);
    }

    public IReadOnlyList<NeighborRow> Neighbors()
    {
        lock (_gate) return DumpMaker.Neighbors(_neighbors, _interfaces, Tables);
    }

    /// <summary>What the nodes counted, sums over the workers; those at zero only when asked for. Behind them what ports count by reason, under the interface's name.</summary>
    public IReadOnlyList<CounterRow> Counters(bool withZeros = false)
    {
        var nodes = DumpMaker.Counters(Graph, _workers, withZeros);
        lock (_gate) return [.. nodes, .. DumpMaker.NeighborPressure(_neighbors, withZeros), .. DumpMaker.PortReasons(_interfaces)];
    }

    public IReadOnlyList<NodeRunRow> NodeRuns() => DumpMaker.NodeRuns(Graph, _workers);

    public IReadOnlyList<WorkerRow> WorkerRows()
    {
        lock (_gate) return DumpMaker.Workers(_workers, _interfaces, Security.CountByWorker());
    }

    /// <summary>The neighbors that were learned and are known now.</summary>
    public IReadOnlyList<WarmNeighbor> LearnedNeighbors()
    {
        lock (_gate)
        {
            var now = (uint)(WorkerContext.Clock() / 1_000_000_000);
            return
            [
                .. _neighbors.All.Where(n => n.Value is { Complete: true, Static: false } && n.Key.Interface != Tables.PuntInterface).Select(n => new WarmNeighbor(
                    _interfaces.NameOf(n.Key.Interface), n.Key.Address.ToAddress(), new PhysicalAddress(MacAddress.ToBytes(n.Value.Mac)),
                    TimeSpan.FromSeconds(now - Math.Min(now, Tables.Adjacencies[n.Value.Adjacency]->LastConfirmed)))),
            ];
        }
    }

    /// <summary>Takes neighbors that a process before this one had learned, as soon as their interfaces have addresses, if that is soon.</summary>
    public void Remember(IReadOnlyList<WarmNeighbor> neighbors)
    {
        lock (_gate) _remembered = (WorkerContext.Clock(), neighbors.ToLookup(n => n.Interface));
    }

    public PoolRow PoolLevel() => new(Pool.Capacity, Pool.Available, Pool.UsesHugepages);

    /// <summary>Stops the workers, disposes the ports and frees everything.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _pump.Dispose();
        foreach (var worker in _workers) worker.Stop();
        lock (_gate)
        {
            foreach (var worker in _workers) worker.Ports = [];
            foreach (var state in _interfaces.All) state.Port?.Dispose();
            foreach (var worker in _workers) worker.Dispose();
            Span<uint> batch = stackalloc uint[Frame.Size];
            foreach (var ring in _handoffs)
            {
                for (var n = ring.Pop(batch); n > 0; n = ring.Pop(batch)) Pool.Free(batch[..n]);
                ring.Dispose();
            }
            Security.Dispose();
            Steering.Dispose();
            Filtering.Dispose();
            Guarding.Dispose();
            _epochs.Dispose();
            Tables.Dispose();
            Pool.Dispose();
        }
    }

    /// <summary>Gives a packet of the control side's to a worker at a node; it is freed when the worker's mailbox is full. Under the gate.</summary>
    internal bool Inject(int worker, ushort node, uint packet)
    {
        if (_workers[worker].Mailbox.TryPush(new WorkerMessage(WorkerMessageKind.Inject, Packet: packet, Node: node)))
        {
            _workers[worker].Wake();
            return true;
        }
        Pool.Free(packet);
        return false;
    }

    // When a mailbox is full the packets wait in vain; their senders send again.
    private void LetGo(uint policy)
    {
        foreach (var worker in _workers)
            if (worker.Mailbox.TryPush(new WorkerMessage(WorkerMessageKind.SaReady, Packet: policy))) worker.Wake();
    }

    internal uint Lookup(uint vrf, AddressWords address)
    {
        var found = address.V6 ? Tables.Fib6.Lookup(vrf, address.High, address.Low) : Tables.Fib4.Lookup(vrf, (uint)address.Low);
        // Of several next hops any tells where the packet leaves and how big it may be.
        return Tables.Adjacencies[found]->Kind == AdjacencyKind.Multipath ? PathList.BucketsOf(Tables.Adjacencies[found])[0] : found;
    }

    /// <summary>Takes what the workers left for the control side: datagrams and notices. On the control thread, or in tests by hand.</summary>
    internal void TakeNews()
    {
        foreach (var worker in _workers)
        {
            TakeDatagrams(worker.Context);
            while (worker.Context.Notices.TryPop(out var notice)) TakeNotice(notice);
        }
        Flows.Blocks.Flush(_gate);
    }

    /// <summary>Once a second: neighbors age, memory is reclaimed, dead workers are reported once.</summary>
    internal void Tick()
    {
        List<NeighborKey> gone;
        List<InterfaceState> links;
        lock (_gate)
        {
            gone = _neighbors.Age();
            links = [.. _interfaces.All.Where(i => i.LookAtLink())];
            foreach (var link in _interfaces.All)
                if (link.TakeLinkLoss()) _neighbors.ForgetLearned(link.Index);
            foreach (var link in _interfaces.All)
                if (link.TakeLinkUp()) AnnounceAll(link);
            AnnounceAgain();
            if (links.Count > 0) _routes.Resolve();
            Security.NoteTraffic();
            Security.Balance();
            Switching.Age(WorkerContext.Clock());
            _interfaces.WidenPaths(WorkerContext.Clock());
            AdvertiseDue();
            Flows.Blocks.Look(_workers, WorkerContext.Clock());
            _epochs.Reclaim();
        }
        Flows.Blocks.Flush(_gate);
        Security.AgePathMtus();
        foreach (var key in gone) Report(new DataplaneNotice.NeighborUnreachable(NameOf(key.Interface), key.Address.ToAddress()));
        foreach (var link in links) Report(new DataplaneNotice.LinkChanged(NameOf(link.Index), !link.LinkLost));
        for (var i = 0; i < _workers.Length; i++)
            if (_workers[i].Death is { } death && _reportedDead.Add(i)) Report(new DataplaneNotice.WorkerDied(i, death));
    }

    private readonly HashSet<int> _reportedDead = [];

    private void TakeDatagrams(WorkerContext context)
    {
        Span<uint> batch = stackalloc uint[64];
        for (var count = context.Punt.Pop(batch); count > 0; count = context.Punt.Pop(batch))
            foreach (var index in batch[..count])
            {
                if (_punt is not null && ReadDatagram(index) is { } datagram) _punt.OnDatagram(datagram);
                Pool.Free(index);
            }
    }

    private PuntedDatagram ReadDatagram(uint index)
    {
        var meta = Pool.Meta(index);
        var ip = Pool.Chunk(index) + meta->L3;
        var udp = Pool.Chunk(index) + meta->L4;
        var v6 = ip[0] >> 4 == 6;
        var source = v6 ? new AddressWords(true, Wire.U64(ip + 8), Wire.U64(ip + 16)) : new AddressWords(false, 0, Wire.U32(ip + 12));
        var destination = v6 ? new AddressWords(true, Wire.U64(ip + 24), Wire.U64(ip + 32)) : new AddressWords(false, 0, Wire.U32(ip + 16));
        return new PuntedDatagram(
            new IPEndPoint(source.ToAddress(), Wire.U16(udp)),
            new IPEndPoint(destination.ToAddress(), Wire.U16(udp + 2)),
            PacketCopy.ToArray(Pool, index),
            meta->RxInterface);
    }

    internal void TakeNotice(in Notice notice)
    {
        var key = new NeighborKey(notice.Interface, new AddressWords(notice.V6, notice.AddressHigh, notice.AddressLow));
        var mac = new PhysicalAddress(MacAddress.ToBytes(notice.A));
        switch (notice.Kind)
        {
            case NoticeKind.NeighborLearned:
                bool changed;
                lock (_gate) changed = _interfaces.Exists(key.Interface) && _neighbors.Learn(key, notice.A, isStatic: false);
                if (changed) Report(new DataplaneNotice.NeighborLearned(NameOf(key.Interface), key.Address.ToAddress(), mac));
                break;
            case NoticeKind.NeighborWanted:
                lock (_gate)
                    if (_interfaces.Exists(key.Interface)) _neighbors.Get(key);
                break;
            case NoticeKind.NeighborFailed:
                lock (_gate) _neighbors.Fail(key);
                Report(new DataplaneNotice.NeighborUnreachable(NameOf(key.Interface), key.Address.ToAddress()));
                break;
            case NoticeKind.AddressConflict:
                Report(new DataplaneNotice.AddressConflict(NameOf(key.Interface), key.Address.ToAddress(), mac));
                break;
            case NoticeKind.RouterSolicited:
                lock (_gate)
                {
                    _advertiser.Solicited(notice.Interface, WorkerContext.Clock());
                    AdvertiseDue();
                }
                break;
            case NoticeKind.BlockWanted:
                lock (_gate) Flows.Blocks.Wanted((uint)notice.A, (uint)notice.AddressLow, notice.D, (int)notice.C);
                break;
            case NoticeKind.TunnelTooBig:
                lock (_gate)
                    if (_interfaces.Exists(notice.Interface)) _interfaces.NarrowPath(_interfaces.Get(notice.Interface), (uint)Math.Min(notice.C, 65_535), WorkerContext.Clock());
                break;
            case NoticeKind.OuterTooBig:
                Security.NotePathMtu(key.Address.ToAddress(), (uint)notice.A, (uint)notice.B, (uint)notice.C);
                break;
            default:
                if (Security.Decode(notice) is { } decoded) Report(decoded);
                break;
        }
    }

    /// <summary>Passes a notice on. Outside the gate.</summary>
    internal void Report(DataplaneNotice notice) => _notices?.OnNotice(notice);

    private string NameOf(uint index)
    {
        lock (_gate) return _interfaces.NameOf(index);
    }

    private void TellWorkers(WorkerMessage message)
    {
        foreach (var worker in _workers)
        {
            worker.Mailbox.TryPush(message);
            worker.Wake();
        }
    }

    /// <summary>Sends the router advertisements that are due. Under the gate.</summary>
    private void AdvertiseDue()
    {
        foreach (var (index, told) in _advertiser.Due(WorkerContext.Clock()))
            if (_interfaces.Exists(index)) Advertise(_interfaces.Get(index), told, isLast: false);
    }

    private void Advertise(InterfaceState state, RouterAdvertisement told, bool isLast)
    {
        if (!state.HasLink) return;
        var packet = PacketCopy.FromBytes(Pool, told.ToFrame(Tables.Interfaces[state.Index], state.Addresses, isLast));
        if (packet == 0) return;
        var meta = Pool.Meta(packet);
        meta->Flags = PacketFlags.Own | PacketFlags.BypassSpd;
        meta->TxInterface = state.Index;
        Inject(state.Worker, Graph.Find(NodeNames.InterfaceOutput), packet);
    }

    private void Borrow()
    {
        foreach (var (state, added) in _interfaces.Borrow()) AnnounceAll(state, added);
    }

    private void AnnounceAll(InterfaceState state) => AnnounceAll(state, [.. state.Addresses.Select(a => AddressWords.From(a.Address)), .. state.Borrowed]);

    private void AnnounceAll(InterfaceState state, IEnumerable<AddressWords> addresses)
    {
        if (!state.HasLink || !state.Settings.Enabled || Tables.PuntInterface == state.Index) return;
        var again = WorkerContext.Clock() + AnnounceInterval;
        foreach (var address in addresses)
        {
            Announce(state, address);
            if (_announceAgain.Count < MaxAnnounceAgain) _announceAgain.Enqueue((again, state.Index, address));
        }
    }

    private void Announce(InterfaceState state, AddressWords address)
    {
        _workers[state.Worker].Mailbox.TryPush(new WorkerMessage(WorkerMessageKind.Announce, state.Index, address.High, address.Low, address.V6));
        _workers[state.Worker].Wake();
    }

    /// <summary>RFC 5227 §2.3: an announcement is made twice (ANNOUNCE_NUM), since a switch may not forward the first one yet. Under the gate.</summary>
    private void AnnounceAgain()
    {
        while (_announceAgain.TryPeek(out var due) && due.At <= WorkerContext.Clock())
        {
            _announceAgain.Dequeue();
            if (_interfaces.Exists(due.Interface) && Tables.Local.Has(due.Interface, due.Address)) Announce(_interfaces.Get(due.Interface), due.Address);
        }
    }

    // An interface that comes back much later may be on another link.
    private void Recall(InterfaceState state)
    {
        if (_remembered.Neighbors is not { } all) return;
        var waited = TimeSpan.FromTicks((WorkerContext.Clock() - _remembered.At) / 100);
        if (waited > LongestRecall)
        {
            _remembered = default;
            return;
        }

        foreach (var neighbor in all[state.Settings.Name])
        {
            var words = AddressWords.From(neighbor.Address);
            var onLink = words.IsLinkLocal6 || _interfaces.Towards(state.Settings.Vrf, words) == state.Index;
            if (onLink && neighbor.SinceConfirmed + waited <= TimeSpan.FromSeconds(state.Settings.Neighbors.Forget))
                _neighbors.Remember(new NeighborKey(state.Index, words), MacAddress.FromBytes(neighbor.Mac.GetAddressBytes()));
        }
    }

    // A loopback becomes the routed member of a bridge, or is one no more: its networks are connected in one case only.
    private void BecomeRouted(InterfaceState state, bool isBvi)
    {
        var addresses = state.Addresses;
        _interfaces.SetAddresses(state, []);
        _neighbors.RemoveInterface(state.Index);
        state.IsBvi = isBvi;
        _interfaces.Write(state);
        _interfaces.SetAddresses(state, addresses);
        _routes.Resolve();
        if (isBvi) AnnounceAll(state);
    }

    private int LeastLoadedWorker()
    {
        var best = 0;
        for (var i = 1; i < _workers.Length; i++)
            if (_workers[i].Ports.Length < _workers[best].Ports.Length) best = i;
        return best;
    }

    /// <summary>Gives each queue of a port a worker, the interface's own first. A worker may send by its queue as soon as it has it.</summary>
    private void AttachPort(InterfaceState state)
    {
        IReadOnlyList<IPacketPort> queues = state.Port is IQueuedPort { Queues: var several } ? several : [state.Port!];
        ulong workers = 0;
        for (var i = 0; i < queues.Count; i++)
        {
            var worker = _workers[(state.Worker + i) % _workers.Length];
            worker.Ports = [.. worker.Ports, new WorkerPort(state.Index, queues[i])];
            workers |= 1ul << worker.Context.Worker;
        }
        state.Workers = workers;
        _interfaces.Write(state);
    }

    /// <summary>Takes a port from its workers. What others still hand them finds no port and is counted.</summary>
    private void DetachPort(InterfaceState state)
    {
        if (state.Port is not { } port) return;
        state.Port = null;
        state.Workers = 1ul << state.Worker;
        _interfaces.Write(state);
        foreach (var worker in _workers)
            if (worker.Ports.Any(p => p.Interface == state.Index)) worker.Ports = [.. worker.Ports.Where(p => p.Interface != state.Index)];
        _epochs.Retire(port.Dispose);
    }

    private void ConnectWorkers()
    {
        var count = _workers.Length;
        if (count == 1) return;
        var rings = new PacketRing[count, count];
        foreach (var from in Enumerable.Range(0, count))
            foreach (var to in Enumerable.Range(0, count).Where(t => t != from))
                _handoffs.Add(rings[from, to] = new PacketRing(1024));
        for (var w = 0; w < count; w++)
        {
            var me = w;
            _workers[w].Peers = _workers;
            _workers[w].Context.HandoffTo = [.. Enumerable.Range(0, count).Select(to => to == me ? null : rings[me, to])];
            _workers[w].TakeHandoffFrom([.. Enumerable.Range(0, count).Where(from => from != me).Select(from => rings[from, me])]);
        }
    }
}
