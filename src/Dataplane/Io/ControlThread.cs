using System.Collections.Concurrent;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io;

/// <summary>One thread that does all control work of the ports, in one network namespace, one after the other: netlink, sysctls and sockets belong to the namespace of the thread that opens them.</summary>
internal sealed class ControlThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    /// <param name="path">A namespace file; null stays in the caller's.</param>
    public ControlThread(string? path)
    {
        _thread = new Thread(Loop) { IsBackground = true, Name = "io-control" };
        _thread.Start();
        if (path is null) return;
        Run(() =>
        {
            using Descriptor file = Libc.OpenFile(path, 0);
            Libc.EnterNamespace(file, "setns " + path);
            return true;
        });
    }

    /// <summary>Runs work there and waits for its result; an exception of the work is the caller's.</summary>
    public T Run<T>(Func<T> work) => Thread.CurrentThread == _thread ? work() : Handover.Run(work, _work.Add);

    /// <summary>Has work done there some time; false when the thread has ended.</summary>
    public bool Post(Action work)
    {
        try
        {
            _work.Add(work);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Loop()
    {
        foreach (Action work in _work.GetConsumingEnumerable()) work();
    }
}
