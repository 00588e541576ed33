using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;

namespace Gateway.Interop.Io;

/// <summary>The simplest thing that can stand between two ports: a thread that moves every frame from the one to the other. It shows what the ports do by themselves, without a graph.</summary>
internal sealed class PortPump : IDisposable
{
    private readonly PacketPool _pool;
    private readonly IPacketPort _a;
    private readonly IPacketPort _b;
    private readonly Thread _thread;
    private volatile bool _stop;
    private Exception? _failure;

    public PortPump(PacketPool pool, IPacketPort a, IPacketPort b)
    {
        (_pool, _a, _b) = (pool, a, b);
        _thread = new Thread(Run) { IsBackground = true, Name = "pump" };
        _thread.Start();
    }

    /// <summary>Longest frame that went through.</summary>
    public uint Longest { get; private set; }

    /// <summary>Frames that went through.</summary>
    public long Moved { get; private set; }

    /// <summary>Managed bytes that the pumping thread allocated; known when disposed.</summary>
    public long Allocated { get; private set; }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        if (_failure is not null) throw new InvalidOperationException("The pump failed.", _failure);
    }

    private void Run()
    {
        try
        {
            PacketPool.BindThread(1);
            uint[] batch = new uint[256];
            int idle = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            while (!_stop)
            {
                int moved = Move(_a, _b, batch) + Move(_b, _a, batch);
                Moved += moved;
                idle = moved > 0 ? 0 : idle + 1;
                if (idle > 20 && _a.PrepareToSleep() && _b.PrepareToSleep()) Thread.Sleep(0);
            }

            Allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        catch (Exception e)
        {
            _failure = e;
        }
        finally
        {
            PacketPool.BindThread(0);
        }
    }

    private unsafe int Move(IPacketPort from, IPacketPort to, uint[] batch)
    {
        int count = from.Receive(batch);
        for (int i = 0; i < count; i++) Longest = Math.Max(Longest, _pool.Meta(batch[i])->TotalLength);
        int sent = count == 0 ? 0 : to.Transmit(batch.AsSpan(0, count));
        _pool.Free(batch.AsSpan(sent, count - sent));
        return count;
    }
}
