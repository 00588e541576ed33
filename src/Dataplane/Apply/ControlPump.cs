using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Graph.Interop;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Dataplane.Apply;

/// <summary>The control thread: takes what the workers leave in their rings as soon as they say so, and keeps the second's beat.</summary>
internal sealed unsafe class ControlPump(DataplaneControl control) : IDisposable
{
    private const long Second = 1_000_000_000;

    private readonly SafeFileHandle _wake = WorkerCalls.OpenEvent();
    private Thread? _thread;
    private volatile bool _stop;

    public void Start()
    {
        _thread = new Thread(Main) { IsBackground = true, Name = "dataplane-control" };
        _thread.Start();
    }

    public void Wake() => WorkerCalls.Signal(_wake);

    public void Dispose()
    {
        _stop = true;
        Wake();
        _thread?.Join();
        _wake.Dispose();
    }

    private void Main()
    {
        var fd = (int)_wake.DangerousGetHandle();
        var nextTick = WorkerContext.Clock() + Second;
        while (!_stop)
        {
            var entry = new PollEntry { Fd = fd, Events = WorkerCalls.Readable };
            WorkerCalls.Poll(&entry, 1, (int)Math.Clamp((nextTick - WorkerContext.Clock()) / 1_000_000, 1, 1000));
            WorkerCalls.Drain(fd);
            control.TakeNews();
            if (WorkerContext.Clock() < nextTick) continue;
            nextTick = WorkerContext.Clock() + Second;
            control.Tick();
        }
    }
}
