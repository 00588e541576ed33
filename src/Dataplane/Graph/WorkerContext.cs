using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Crypto.Aead;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Graph;

/// <summary>
/// What one worker carries through the graph: packets that wait before each node, counters, clock, rings to the control side.
/// Touched by its worker alone, except that counters may be read by anyone.
/// </summary>
internal sealed unsafe class WorkerContext : IDisposable
{
    /// <summary>Packets that may wait before one node; more are dropped as `node-queue-full`.</summary>
    public const int NodeQueue = 8192;

    /// <summary>Packets that may wait for one interface within a run of the graph.</summary>
    public const int TxQueueSize = 4096;

    /// <summary>Packets waiting before a node, oldest at Head.</summary>
    private struct Waiting
    {
        public uint* Indices;
        public int Head;
        public int Tail;
    }

    /// <summary>Packets waiting for an interface's port.</summary>
    internal struct TxQueue
    {
        public uint* Indices;
        public int Count;
    }

    private readonly Waiting* _waiting;
    private readonly ulong* _mask;
    private readonly ushort** _edges;
    private readonly uint* _current;
    private readonly uint* _ended;
    private readonly delegate*<ref Frame, void>* _process;
    private readonly List<nint> _owned = [];
    private int _endedCount;
    private uint _ip4Id;
    private bool _disposed;

    /// <summary>Where datagrams are IKE's.</summary>
    public IkePorts IkePorts { get; init; } = IkePorts.Default;

    public WorkerContext(GraphDefinition graph, PacketPool pool, DataplaneTables tables, int worker = 0)
    {
        Graph = graph;
        Pool = pool;
        Tables = tables;
        Worker = worker;
        Keys = tables.Keys.Of(worker);
        var nodes = graph.Nodes.Length;
        _waiting = Own<Waiting>(nodes);
        _mask = Own<ulong>(GraphDefinition.MaxNodes / 64);
        _edges = (ushort**)Own<nint>(nodes);
        _process = (delegate*<ref Frame, void>*)Own<nint>(nodes);
        _current = Own<uint>(Frame.Size);
        _ended = Own<uint>(Frame.Size);
        for (var n = 0; n < nodes; n++)
        {
            _waiting[n].Indices = Own<uint>(NodeQueue);
            _process[n] = graph.Nodes[n].Process;
            var targets = graph.EdgeTargets[n];
            _edges[n] = Own<ushort>(targets.Length + 1);
            for (var e = 0; e < targets.Length; e++) _edges[n][e] = targets[e];
        }
        NodePackets = Own<ulong>(nodes);
        NodeFrames = Own<ulong>(nodes);
        Drops = Own<ulong>(graph.Drops.Length + 1);
        Counts = Own<ulong>(graph.Counts.Length + 1);
        Interfaces = Own<InterfaceCounters>(InterfaceTable.Capacity);
        TxQueues = Own<TxQueue>(InterfaceTable.Capacity);
        TxActive = Own<uint>(InterfaceTable.Capacity);
        Punt = new PacketRing(1024);
        Notices = new NoticeRing(1024);
        Trace = new TraceRing(4096);
        Neighbors = new PendingNeighbors();
        Fragments = new ReassemblyTable();
        _ip4Id = (uint)Random.Shared.Next();
        Adopt(Volatile.Read(ref tables.Limits));
        Now = Clock();
    }

    public GraphDefinition Graph { get; }

    public PacketPool Pool { get; }

    public DataplaneTables Tables { get; }

    /// <summary>Number of the worker, from 0.</summary>
    public int Worker { get; }

    /// <summary>AES-GCM tables of the SAs that it carries packets of.</summary>
    public AesGcmKeyCache Keys { get; }

    /// <summary>What the security policy said of the latest flows.</summary>
    public SpdCache<uint> Policies4 { get; } = new();

    /// <inheritdoc cref="Policies4"/>
    public SpdCache<UInt128> Policies6 { get; } = new();

    /// <summary>Monotonic nanoseconds of this run of the graph.</summary>
    public long Now;

    public ulong* NodePackets { get; }

    public ulong* NodeFrames { get; }

    /// <summary>By drop number of the graph.</summary>
    public ulong* Drops { get; }

    /// <summary>By count number of the graph.</summary>
    public ulong* Counts { get; }

    /// <summary>Counters by interface index.</summary>
    public InterfaceCounters* Interfaces { get; }

    public TxQueue* TxQueues { get; }

    /// <summary>Interfaces whose <see cref="TxQueues"/> hold packets, <see cref="TxActiveCount"/> of them.</summary>
    public uint* TxActive { get; }

    public int TxActiveCount;

    /// <summary>IKE datagrams on their way to the control side.</summary>
    public PacketRing Punt { get; }

    /// <summary>What the worker tells the control side.</summary>
    public NoticeRing Notices { get; }

    public TraceRing Trace { get; }

    /// <summary>Packets that wait for a neighbor's MAC address.</summary>
    public PendingNeighbors Neighbors { get; }

    /// <summary>Flows that this worker has.</summary>
    public required Flow.SessionTable Sessions { get; init; }

    /// <summary>Packets that wait for a CHILD SA.</summary>
    public HeldPackets Held { get; } = new();

    /// <summary>Fragments for the gateway itself that wait for the rest of their packet.</summary>
    public ReassemblyTable Fragments { get; }

    /// <summary>Rings to the other workers by their number; null to itself and with one worker.</summary>
    public PacketRing?[] HandoffTo { get; set; } = [];

    /// <summary>Workers (a bit each) that packets of this loop are for.</summary>
    public ulong HandedOff;

    /// <summary>Packets given to other workers, and taken from them.</summary>
    public ulong HandedOver, TakenOver;

    /// <summary>Packets of SAs that come to this worker and are not quite here yet.</summary>
    public ParkedPackets Parked { get; } = new();

    /// <summary>RFC 1812 §4.3.2.8, RFC 4443 §2.4(f): limit of ICMP errors, both families together.</summary>
    public TokenBucket IcmpErrors;

    /// <summary>Limit of blocks of outside ports that are asked for: each is an event of the journal.</summary>
    public TokenBucket BlockWishes = new(2000, 1000);

    /// <summary>Limit of resets about rejected TCP segments.</summary>
    public TokenBucket Resets;

    /// <summary>Limit of ARP requests and neighbor solicitations.</summary>
    public TokenBucket Solicitations;

    /// <summary>Limit of new neighbors told to the control side.</summary>
    public TokenBucket Learning;

    /// <summary>Limit of echo replies, when there is one.</summary>
    private TokenBucket _echoReplies;
    private WorkerLimits _limits = WorkerLimits.Default;

    /// <summary>Messages about outer packets that are too big: few are true, and each costs the control side a search.</summary>
    public TokenBucket TooBigMessages = new(10, 10);

    /// <summary>Whether an echo request may be answered now.</summary>
    public bool MayEcho() => _limits.EchoReplies is not { } limit || (limit > 0 && _echoReplies.Take(Now));

    private void Adopt(WorkerLimits limits)
    {
        _limits = limits;
        IcmpErrors = new TokenBucket(limits.IcmpErrors, limits.IcmpErrorBurst);
        Resets = TokenBucket.Of(limits.TcpResets);
        Solicitations = TokenBucket.Of(limits.NeighborRequests);
        Learning = TokenBucket.Of(limits.NewNeighbors);
        if (limits.EchoReplies is { } replies and > 0) _echoReplies = TokenBucket.Of(replies);
        Fragments.Adopt(limits);
    }

    /// <summary>An identification for an IPv4 packet of the gateway's own; workers count in ranges that differ.</summary>
    public ushort NextIp4Id() => (ushort)++_ip4Id;

    /// <summary>Gives a packet to another worker, to go on at that node; false when its ring is full.</summary>
    public bool HandOff(uint worker, ushort node, uint index)
    {
        if (worker >= (uint)HandoffTo.Length || HandoffTo[worker] is not { } ring) return false;
        Pool.Meta(index)->Scratch = (byte)node;
        if (!ring.TryStage(index)) return false;
        HandedOff |= 1ul << (int)worker;
        HandedOver++;
        return true;
    }

    /// <summary>
    /// Sends a packet to the worker whose SA it needs, to go on at that node; or lets it wait here when that is this worker, but the SA's former owner has not let go of it yet.
    /// False when there is no room.
    /// </summary>
    public bool FollowSa(int owner, ushort node, uint index) => owner == Worker ? Parked.TryPark(node, index) : HandOff((uint)owner, node, index);

    /// <summary>Lets frames wait for their interface's port, from the first while there is room; returns how many.</summary>
    public int QueueForPort(uint toInterface, uint* indices, int count)
    {
        var queue = TxQueues + toInterface;
        var taken = Math.Min(count, TxQueueSize - queue->Count);
        if (taken == 0) return 0;
        if (queue->Count == 0)
        {
            if (queue->Indices == null) queue->Indices = (uint*)NativeMemory.AlignedAlloc(TxQueueSize * sizeof(uint), 64);
            TxActive[TxActiveCount++] = toInterface;
        }
        Unsafe.CopyBlockUnaligned(queue->Indices + queue->Count, indices, (uint)taken * sizeof(uint));
        queue->Count += taken;
        return taken;
    }

    /// <summary>Counts a packet that an interface without a port of its own received.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CountReceived(uint on, uint bytes)
    {
        var counters = Interfaces + on;
        counters->RxPackets++;
        counters->RxBytes += bytes;
    }

    /// <summary>Counts a packet that left by an interface without a port of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CountSent(uint on, uint bytes)
    {
        var counters = Interfaces + on;
        counters->TxPackets++;
        counters->TxBytes += bytes;
    }

    public static long Clock() => (long)(Stopwatch.GetTimestamp() * (1_000_000_000.0 / Stopwatch.Frequency));

    public ushort* EdgesOf(ushort node) => _edges[node];

    /// <summary>Lets a packet wait before a node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enqueue(ushort node, uint index)
    {
        var waiting = _waiting + node;
        var tail = waiting->Tail;
        if (tail == NodeQueue)
        {
            EnqueueFull(waiting, node, index);
            return;
        }
        waiting->Indices[tail] = index;
        waiting->Tail = tail + 1;
        _mask[node >> 6] |= 1ul << (node & 63);
    }

    /// <summary>Lets several packets wait before a node.</summary>
    public void Enqueue(ushort node, uint* indices, int count)
    {
        var waiting = _waiting + node;
        if (waiting->Tail + count > NodeQueue)
        {
            for (var i = 0; i < count; i++) Enqueue(node, indices[i]);
            return;
        }
        Unsafe.CopyBlockUnaligned(waiting->Indices + waiting->Tail, indices, (uint)count * sizeof(uint));
        waiting->Tail += count;
        _mask[node >> 6] |= 1ul << (node & 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Drop(ushort reason, uint index)
    {
        Drops[reason]++;
        var meta = Pool.Meta(index);
        meta->Drop = reason;
        if ((meta->Flags & PacketFlags.Traced) != 0) Trace.Dropped(this, reason, index);
        Consume(index);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Consume(uint index)
    {
        if (_endedCount == Frame.Size) FreeEnded();
        _ended[_endedCount++] = index;
    }

    /// <summary>Runs nodes, the lowest with waiting packets first, until nothing waits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run()
    {
        Now = Clock();
        if (Volatile.Read(ref Tables.Limits) is var limits && !ReferenceEquals(limits, _limits)) Adopt(limits);
        while (true)
        {
            int node;
            if (_mask[0] != 0) node = BitOperations.TrailingZeroCount(_mask[0]);
            else if (_mask[1] != 0) node = 64 + BitOperations.TrailingZeroCount(_mask[1]);
            else break;

            var waiting = _waiting + node;
            var count = Math.Min(waiting->Tail - waiting->Head, Frame.Size);
            // The node may enqueue to itself, so its frame is a copy.
            Unsafe.CopyBlockUnaligned(_current, waiting->Indices + waiting->Head, (uint)count * sizeof(uint));
            waiting->Head += count;
            if (waiting->Head == waiting->Tail)
            {
                waiting->Head = waiting->Tail = 0;
                _mask[node >> 6] &= ~(1ul << (node & 63));
            }
            NodePackets[node] += (ulong)count;
            NodeFrames[node]++;
            if (Trace.IsOn) Trace.Visited(this, (ushort)node, _current, count);
            var frame = new Frame(this, (ushort)node, _current, count);
            _process[node](ref frame);
            if (_endedCount != 0) FreeEnded();
        }
    }

    /// <summary>Frees what waits anywhere; the worker is done.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        FreeEnded();
        for (var n = 0; n < Graph.Nodes.Length; n++)
            Pool.Free(new ReadOnlySpan<uint>(_waiting[n].Indices + _waiting[n].Head, _waiting[n].Tail - _waiting[n].Head));
        for (var i = 0; i < InterfaceTable.Capacity; i++)
        {
            Pool.Free(new ReadOnlySpan<uint>(TxQueues[i].Indices, TxQueues[i].Count));
            NativeMemory.AlignedFree(TxQueues[i].Indices);
        }
        Span<uint> batch = stackalloc uint[Frame.Size];
        for (var n = Punt.Pop(batch); n > 0; n = Punt.Pop(batch)) Pool.Free(batch[..n]);
        Sessions.Dispose();
        Neighbors.Dispose(Pool);
        Held.Dispose(Pool);
        Parked.Dispose(Pool);
        Fragments.Dispose(Pool);
        Policies4.Dispose();
        Policies6.Dispose();
        Punt.Dispose();
        Notices.Dispose();
        Trace.Dispose();
        foreach (var memory in _owned) NativeMemory.AlignedFree((void*)memory);
    }

    private void EnqueueFull(Waiting* waiting, ushort node, uint index)
    {
        if (waiting->Head == 0)
        {
            Drop(AbsentNode.NodeQueueFull, index);
            return;
        }
        var count = waiting->Tail - waiting->Head;
        new Span<uint>(waiting->Indices + waiting->Head, count).CopyTo(new Span<uint>(waiting->Indices, count));
        waiting->Head = 0;
        waiting->Tail = count;
        Enqueue(node, index);
    }

    private void FreeEnded()
    {
        Pool.Free(new ReadOnlySpan<uint>(_ended, _endedCount));
        _endedCount = 0;
    }

    private T* Own<T>(int count)
        where T : unmanaged
    {
        var bytes = (nuint)count * (nuint)sizeof(T);
        var memory = NativeMemory.AlignedAlloc(bytes + 64, 64);
        NativeMemory.Clear(memory, bytes + 64);
        _owned.Add((nint)memory);
        return (T*)memory;
    }
}
