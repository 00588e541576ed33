using System.Diagnostics;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph.Interop;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Memif;

namespace Gateway.Bench.Io;

/// <summary>
/// Packets that go round over a memif: this thread, a client on the last processor, sends each packet that came back again; what sends them back is another process, or a thread of this one on the first
/// processor with the gateway's port.
/// </summary>
internal sealed class MemifEcho : IDisposable
{
    /// <summary>Packets on the way at once: half a ring.</summary>
    private const int InFlight = 512;

    private readonly PacketPool _pool = new(4096, hugepages: false);
    private readonly MemifHub _hub = new();
    private readonly MemifPort _port;
    private readonly uint[] _batch = new uint[256];

    internal MemifEcho(string socket) => _port = _hub.Open(new PortSpec.Memif("bench") { Socket = socket, IsServer = false }, _pool);

    /// <summary>Waits until the other end is there.</summary>
    internal void AwaitPeer(Func<bool> given)
    {
        var clock = Stopwatch.StartNew();
        while (!_port.IsUp)
        {
            if (given() || clock.Elapsed > TimeSpan.FromSeconds(60)) throw new NotHereException("the other end of the memif did not come up.");
            Thread.Sleep(10);
        }
    }

    /// <summary>Packets per second that came back; none are on the way afterwards.</summary>
    internal double Measure(int size, TimeSpan time)
    {
        Send(size, InFlight);
        var clock = Stopwatch.StartNew();
        long back = 0;
        while (clock.Elapsed < time)
            for (var i = 0; i < 64; i++) back += Turn(size);
        var seconds = clock.Elapsed.TotalSeconds;
        var left = InFlight;
        for (clock.Restart(); left > 0 && clock.Elapsed < TimeSpan.FromSeconds(5);)
        {
            var count = _port.Receive(_batch);
            _pool.Free(_batch.AsSpan(0, count));
            left -= count;
        }
        return back / seconds;
    }

    public void Dispose()
    {
        _port.Dispose();
        _hub.Dispose();
        _pool.Dispose();
    }

    private int Turn(int size)
    {
        var count = _port.Receive(_batch);
        if (count == 0) return 0;
        var sent = _port.Transmit(_batch.AsSpan(0, count));
        _pool.Free(_batch.AsSpan(sent, count - sent));
        if (sent < count) Send(size, count - sent);
        return count;
    }

    private unsafe void Send(int size, int count)
    {
        for (var i = 0; i < count;)
        {
            var index = _pool.Allocate();
            var meta = _pool.Meta(index);
            meta->Length = (ushort)size;
            meta->TotalLength = (uint)size;
            new Span<byte>(_pool.Data(index), size).Clear();
            if (_port.Transmit([index]) == 1) i++;
            else _pool.Free(index);
        }
    }
}

/// <summary>The gateway's port as server, whose thread sends back what it receives while it is told to.</summary>
internal sealed class GatewayEcho : IDisposable
{
    private readonly PacketPool _pool = new(4096, hugepages: false);
    private readonly MemifHub _hub = new();
    private readonly MemifPort _port;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _go = new();
    private volatile bool _stop;

    internal GatewayEcho(string socket)
    {
        _port = _hub.Open(new PortSpec.Memif("bench") { Socket = socket }, _pool);
        _thread = new Thread(Run) { IsBackground = true, Name = "echo" };
        _thread.Start();
    }

    internal void Go() => _go.Set();

    internal void Pause() => _go.Reset();

    public void Dispose()
    {
        _stop = true;
        _go.Set();
        _thread.Join();
        _port.Dispose();
        _hub.Dispose();
        _pool.Dispose();
    }

    private void Run()
    {
        WorkerCalls.PinThread(0);
        PacketPool.BindThread(2);
        var batch = new uint[256];
        while (!_stop)
        {
            _go.Wait();
            for (var i = 0; i < 64; i++)
            {
                var count = _port.Receive(batch);
                if (count == 0) continue;
                var sent = _port.Transmit(batch.AsSpan(0, count));
                _pool.Free(batch.AsSpan(sent, count - sent));
            }
        }
        PacketPool.BindThread(0);
    }
}
