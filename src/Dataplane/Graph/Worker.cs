using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph.Interop;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Dataplane.Graph;

/// <summary>A port that a worker serves, with the index of its interface.</summary>
internal sealed record WorkerPort(uint Interface, IPacketPort Port);

/// <summary>
/// One thread, usually on a core of its own: receives from its ports, runs the graph, transmits. It spins while there is work and sleeps on its descriptors when there is none.
/// For tests it can also be stepped with <see cref="Step"/> without a thread.
/// </summary>
internal sealed unsafe class Worker : IDisposable
{
    /// <summary>Loops without work before it sleeps: about 20 µs while packets come in batches …</summary>
    private const int SpinsBeforeSleep = 50;

    /// <summary>… and next to none while they come one by one, where spinning would cost more than the packets do.</summary>
    private const int SpinsWhenSparse = 2;

    /// <summary>Packets of a loop from which on more are expected at once.</summary>
    private const int Batch = 8;
    private const long TickInterval = 50_000_000;

    private readonly ushort _ethernetInput;
    private readonly ushort _neighborResolve;
    private readonly ushort _output;
    private readonly SafeFileHandle _wake = WorkerCalls.OpenEvent();
    private readonly uint* _batch;
    private readonly int _core;
    private WorkerPort[] _ports = [];
    private PacketRing[] _handoffFrom = [];
    private Thread? _thread;
    private long _nextTick;
    private int _taken;
    private volatile bool _stop;
    private int _asleep;
    private string? _death;
    private ulong _loops;
    private ulong _idleLoops;
    private ulong _sleeps;
    private bool _disposed;

    public Worker(WorkerContext context, int core = -1)
    {
        Context = context;
        _core = core;
        _ethernetInput = context.Graph.Find(NodeNames.EthernetInput);
        _neighborResolve = context.Graph.Find(NodeNames.NeighborResolve);
        _output = context.Graph.Find(NodeNames.InterfaceOutput);
        _batch = (uint*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(Frame.Size * sizeof(uint), 64);
    }

    public WorkerContext Context { get; }

    public WorkerMailbox Mailbox { get; } = new(4096);

    /// <summary>Called on the worker's thread after a loop that left something in the punt or notice ring.</summary>
    public Action? HasNews { get; set; }

    /// <summary>Why the worker ended although nobody stopped it; null while it lives.</summary>
    public string? Death => Volatile.Read(ref _death);

    public bool IsRunning => _thread is { IsAlive: true };

    public int Core => _core;

    public bool IsPinned { get; private set; }

    public ulong Loops => Volatile.Read(ref _loops);

    public ulong IdleLoops => Volatile.Read(ref _idleLoops);

    public ulong Sleeps => Volatile.Read(ref _sleeps);

    /// <summary>The ports it serves; a new array takes effect with the next loop.</summary>
    public WorkerPort[] Ports
    {
        get => Volatile.Read(ref _ports);
        set
        {
            Volatile.Write(ref _ports, value);
            Wake();
        }
    }

    /// <summary>All workers by number, itself included.</summary>
    public Worker[] Peers { get; set; } = [];

    /// <summary>Rings in which other workers hand packets over. Set before it starts.</summary>
    public void TakeHandoffFrom(PacketRing[] rings) => _handoffFrom = rings;

    public void Start()
    {
        _stop = false;
        _thread = new Thread(Main) { IsBackground = true, Name = $"worker-{Context.Worker}", Priority = ThreadPriority.AboveNormal };
        _thread.Start();
    }

    /// <summary>Ends the thread; what waits in queues stays there.</summary>
    public void Stop()
    {
        _stop = true;
        Wake();
        _thread?.Join();
        _thread = null;
    }

    /// <summary>Wakes the worker if it sleeps.</summary>
    public void Wake()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _asleep) != 0) WorkerCalls.Signal(_wake);
    }

    /// <summary>One loop; false when there was nothing to do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool RunOnce()
    {
        var context = Context;
        context.Tables.Epochs.Pass(context.Worker);
        _loops++;
        var (work, taken) = (false, 0);
        if (context.Parked.Count > 0)
        {
            work = true;
            context.Parked.Release(context);
        }
        foreach (var served in Volatile.Read(ref _ports))
        {
            var count = served.Port.Receive(new Span<uint>(_batch, Frame.Size));
            if (count == 0) continue;
            work = true;
            taken += count;
            Accept(served.Interface, count);
            context.Run();
            Flush();
        }
        foreach (var ring in _handoffFrom)
        {
            var count = ring.Pop(new Span<uint>(_batch, Frame.Size));
            for (var i = 0; i < count; i++) context.Enqueue(context.Pool.Meta(_batch[i])->Scratch, _batch[i]);
            context.TakenOver += (ulong)count;
            work |= count > 0;
            taken += count;
        }
        if (taken > 0) _taken = taken;
        if (!Mailbox.IsEmpty) work |= ReadMail();
        if (!work || (_loops & 63) == 0) Tick();
        context.Run();
        Flush();
        if (context.HandedOff != 0) PublishHandoffs();
        if (work && HasNews is { } news && (context.Punt.Count > 0 || !context.Notices.IsEmpty)) news();
        if (!work) _idleLoops++;
        return work;
    }

    /// <summary>One loop without a thread, for tests and benchmarks: afterwards the worker counts as asleep.</summary>
    public bool Step()
    {
        var work = RunOnce();
        Context.Tables.Epochs.Sleep(Context.Worker);
        return work;
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Stop();
        PublishHandoffs();
        while (Mailbox.TryPop(out var message))
            if (message.Kind == WorkerMessageKind.Inject) Context.Pool.Free(message.Packet);
        Context.Dispose();
        _wake.Dispose();
        System.Runtime.InteropServices.NativeMemory.AlignedFree(_batch);
    }

    private void Main()
    {
        if (_core >= 0) IsPinned = WorkerCalls.PinThread(_core);
        PacketPool.BindThread(Context.Worker + 1);
        try
        {
            for (var spins = 0; !_stop;)
            {
                if (RunOnce()) spins = 0;
                else if (++spins > (_taken >= Batch ? SpinsBeforeSleep : SpinsWhenSparse))
                {
                    Sleep();
                    spins = 0;
                }
            }
        }
        catch (Exception bug)
        {
            // A bug in a node ends this worker alone; the supervisor tells of it.
            Volatile.Write(ref _death, bug.ToString());
        }
        finally
        {
            PacketPool.BindThread(0);
            Context.Tables.Epochs.Sleep(Context.Worker);
        }
    }

    private void Accept(uint onInterface, int count)
    {
        var context = Context;
        var pool = context.Pool;
        ulong bytes = 0;
        for (var i = 0; i < count; i++)
        {
            var meta = pool.Meta(_batch[i]);
            meta->RxInterface = onInterface;
            bytes += meta->TotalLength;
        }
        var counters = context.Interfaces + onInterface;
        counters->RxPackets += (ulong)count;
        counters->RxBytes += bytes;
        var entry = context.Tables.Interfaces[onInterface];
        if ((InterfaceTable.FlagsOf(entry) & InterfaceFlags.Enabled) == 0)
        {
            counters->RxDisabled += (ulong)count;
            pool.Free(new ReadOnlySpan<uint>(_batch, count));
            return;
        }
        if (context.Trace.IsOn) context.Trace.Mark(context, _batch, count);
        var node = entry->InputNode == 0 ? _ethernetInput : entry->InputNode;
        context.Enqueue(node, _batch, count);
    }

    /// <summary>Gives the interfaces' queues to their ports.</summary>
    private void Flush()
    {
        var context = Context;
        for (var i = 0; i < context.TxActiveCount; i++)
        {
            var to = context.TxActive[i];
            var queue = context.TxQueues + to;
            var counters = context.Interfaces + to;
            IPacketPort? port = null;
            foreach (var served in _ports)
                if (served.Interface == to) port = served.Port;
            var packets = new ReadOnlySpan<uint>(queue->Indices, queue->Count);
            // The port frees what it took, so the bytes are summed before.
            var taken = 0;
            ulong bytes = 0;
            foreach (var index in packets) bytes += context.Pool.Meta(index)->TotalLength;
            if (port is not null) taken = port.Transmit(packets);
            counters->TxPackets += (ulong)taken;
            if (taken < packets.Length)
            {
                foreach (var index in packets[taken..]) bytes -= context.Pool.Meta(index)->TotalLength;
                counters->TxFull += (ulong)(packets.Length - taken);
                context.Pool.Free(packets[taken..]);
            }
            counters->TxBytes += bytes;
            queue->Count = 0;
        }
        context.TxActiveCount = 0;
    }

    private void PublishHandoffs()
    {
        for (var rest = Context.HandedOff; rest != 0; rest &= rest - 1)
        {
            var to = System.Numerics.BitOperations.TrailingZeroCount(rest);
            Context.HandoffTo[to]!.Publish();
            Peers[to].Wake();
        }
        Context.HandedOff = 0;
    }

    private bool ReadMail()
    {
        var any = false;
        for (var i = 0; i < Frame.Size && Mailbox.TryPop(out var message); i++)
        {
            any = true;
            switch (message.Kind)
            {
                case WorkerMessageKind.Inject:
                    Context.Enqueue(message.Node, message.Packet);
                    break;
                case WorkerMessageKind.NeighborReady:
                    NeighborResolve.Release(Context, _neighborResolve, message.Interface, message.High, message.Low, message.V6, message.Packet);
                    break;
                case WorkerMessageKind.SaReady:
                    Context.Held.Release(Context, message.Packet);
                    break;
                case WorkerMessageKind.Solicit:
                    NeighborSolicit.Send(Context, _output, message.Interface, message.High, message.Low, message.V6, message.Mac);
                    break;
                case WorkerMessageKind.Announce:
                    NeighborSolicit.Announce(Context, _output, message.Interface, message.High, message.Low, message.V6);
                    break;
            }
        }
        return any;
    }

    private void Tick()
    {
        var context = Context;
        context.Now = WorkerContext.Clock();
        // A bounded number of flows each time: what is left over waits for the next loop.
        context.Sessions.Advance((uint)(context.Now / 1_000_000_000), 256);
        if (context.Now < _nextTick) return;
        _nextTick = context.Now + TickInterval;
        NeighborResolve.Tick(context, _neighborResolve);
        context.Fragments.Expire(context.Now, context.Pool);
        if (context.Held.Count > 0) context.Held.Expire(context);
        if (HasNews is { } news && !context.Notices.IsEmpty) news();
    }

    /// <summary>Waits for a port or a message; the order of flag, check and sleep loses no wake-up.</summary>
    private void Sleep()
    {
        var ports = _ports;
        var timeout = Context.Neighbors.Count > 0 || Context.Fragments.Count > 0 ? 50 : 500;
        var entries = stackalloc PollEntry[ports.Length + 1];
        entries[0] = new PollEntry { Fd = (int)_wake.DangerousGetHandle(), Events = WorkerCalls.Readable };
        var count = 1;
        Volatile.Write(ref _asleep, 1);
        Interlocked.MemoryBarrier();
        var idle = Mailbox.IsEmpty && !_stop && Context.Parked.Count == 0 && ReferenceEquals(ports, Volatile.Read(ref _ports));
        foreach (var ring in _handoffFrom) idle &= ring.Count == 0;
        foreach (var served in ports)
        {
            idle &= served.Port.PrepareToSleep();
            var fd = served.Port.PollFd;
            if (fd >= 0) entries[count++] = new PollEntry { Fd = fd, Events = WorkerCalls.Readable };
            else timeout = 1;
        }
        if (idle)
        {
            _sleeps++;
            Context.Tables.Epochs.Sleep(Context.Worker);
            WorkerCalls.Poll(entries, count, timeout);
        }
        Volatile.Write(ref _asleep, 0);
        WorkerCalls.Drain(entries[0].Fd);
    }
}
