using System.Collections.Concurrent;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>
/// All control channels of a gateway's memif ports, on one thread: listens, connects, shakes hands, notices that a peer went and connects anew. The thread begins with the first port.
/// </summary>
internal sealed class MemifHub : IDisposable
{
    private const int _handshakeMilliseconds = 5000, _retryMilliseconds = 250, _retryAfterFaultMilliseconds = 1000, _tendMilliseconds = 50;

    private readonly ConcurrentQueue<Action> _work = [];
    private readonly Descriptor _wake = MemifCalls.MakeEvent();
    private readonly Dictionary<string, Listener> _listeners = [];
    private readonly List<Channel> _channels = [];
    private readonly List<Served> _served = [];
    private readonly Lock _start = new();
    private Thread? _thread;
    private volatile bool _stop;

    /// <summary>Opens a port. A server's socket is there afterwards; a client looks for its server until it comes.</summary>
    public MemifPort Open(PortSpec.Memif spec, PacketPool pool) => Run(() =>
    {
        if (_served.Exists(s => s.Port.Spec.Socket == spec.Socket && (s.Port.Spec.Id == spec.Id || s.Port.Spec.IsServer != spec.IsServer)))
            throw new IOException($"The socket {spec.Socket} is used by another interface with the same id or the other role.");
        if (spec.IsServer && !_listeners.ContainsKey(spec.Socket)) _listeners[spec.Socket] = new Listener(spec.Socket, Listen(spec.Socket));
        MemifPort port = new(pool, spec, Wake, Close);
        _served.Add(new Served(port));
        return port;
    });

    public void Dispose()
    {
        lock (_start)
        {
            if (_stop) return;
            _stop = true;
            Wake();
            _thread?.Join();
        }

        foreach (Served served in _served.ToList()) Remove(served);
        foreach (Channel channel in _channels.ToList()) End(channel, MemifFault.PeerLeft);
        _wake.Dispose();
    }

    private void Wake() => MemifCalls.Signal(_wake);

    private void Close(MemifPort port)
    {
        if (_served.Find(s => s.Port == port) is not null) Run(() =>
        {
            if (_served.Find(s => s.Port == port) is { } served) Remove(served);
            return true;
        });
    }

    /// <summary>Does work on the hub's thread and waits for it; once the hub has ended, right here.</summary>
    private T Run<T>(Func<T> work)
    {
        lock (_start)
        {
            if (_stop) return work();
            if (_thread is null)
            {
                _thread = new Thread(Loop) { IsBackground = true, Name = "io-memif" };
                _thread.Start();
            }
        }

        return Handover.Run(work, left =>
        {
            _work.Enqueue(left);
            Wake();
        });
    }

    private void Loop()
    {
        List<Libc.PollEntry> entries = [];
        while (true)
        {
            while (_work.TryDequeue(out Action? work)) work();
            if (_stop) return;
            bool hurry = true;
            try
            {
                hurry = Tend(Environment.TickCount64);
            }
            catch (IOException)
            {
                // Out of descriptors or memory, as it seems: what was to be done is still to be done at the next turn.
            }

            List<Channel> channels = [.. _channels];
            List<Listener> listeners = [.. _listeners.Values];
            entries.Clear();
            entries.Add(new() { Fd = _wake.Number, Events = Libc.PollIn });
            foreach (Listener listener in listeners) entries.Add(new() { Fd = listener.Socket.Number, Events = Libc.PollIn });
            foreach (Channel channel in channels) entries.Add(new() { Fd = channel.Socket.Number, Events = Libc.PollIn });
            Span<Libc.PollEntry> polled = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(entries);
            if (Libc.Poll(polled, hurry ? _tendMilliseconds : -1) <= 0) continue;
            if (polled[0].Returned != 0) MemifCalls.Drain(_wake);
            for (int i = 0; i < listeners.Count; i++)
                if (polled[1 + i].Returned != 0) Accept(listeners[i]);
            for (int i = 0; i < channels.Count; i++)
                if (polled[1 + listeners.Count + i].Returned != 0 && _channels.Contains(channels[i])) Read(channels[i]);
        }
    }

    /// <summary>What time and workers bring: faults, links that were let go, servers to look for, peers that dawdle. True when it is to be done again soon.</summary>
    private bool Tend(long now)
    {
        bool hurry = false;
        foreach (Channel channel in _channels.ToList())
        {
            if (channel.Owner?.Link is { Fault: not MemifFault.None and var fault }) End(channel, fault);
            else if (!channel.Connected && now > channel.Deadline) End(channel, MemifFault.TimedOut);
            hurry |= !channel.Connected;
        }

        foreach (Served served in _served)
        {
            for (int i = served.Leaving.Count - 1; i >= 0; i--)
            {
                if (served.Port.Uses(served.Leaving[i])) continue;
                served.Leaving[i].Dispose();
                served.Leaving.RemoveAt(i);
            }

            hurry |= served.Leaving.Count > 0;
            if (served.Port.Spec.IsServer || served.Channel is not null) continue;
            hurry = true;
            if (now >= served.NextTry) LookForServer(served, now);
        }

        return hurry;
    }

    private void LookForServer(Served served, long now)
    {
        served.NextTry = now + _retryMilliseconds;
        if (MemifCalls.Connect(served.Port.Spec.Socket, out _) is not { } socket) return;
        served.Channel = new Channel(socket) { Owner = served, AsClient = new MemifClientHandshake(served.Port.Spec), Deadline = now + _handshakeMilliseconds };
        _channels.Add(served.Channel);
    }

    /// <summary>Listens on a path. A socket that a killed process left, on which nobody answers, is taken away first; anything else that lies there is not touched.</summary>
    private static Descriptor Listen(string path)
    {
        if (!Directory.Exists(Path.GetDirectoryName(path))) throw new IOException($"There is no folder {Path.GetDirectoryName(path)} for the socket.");
        const int refused = 111;
        FileInfo there = new(path);
        if (there.Exists)
        {
            using Descriptor? other = MemifCalls.Connect(path, out int errno);
            if (other is not null) throw new IOException($"Another process listens on {path}.");
            if (errno != refused || !MemifCalls.IsSocket(path)) throw new IOException($"{path} exists and is no memif socket.");
            there.Delete();
        }

        return MemifCalls.Listen(path);
    }

    private void Accept(Listener listener)
    {
        // Peers that only connect must not fill the table of descriptors.
        const int most = 64;
        if (MemifCalls.Accept(listener.Socket) is not { } socket)
        {
            // Out of descriptors: the peer still waits, and would be seen again at once.
            Thread.Sleep(_tendMilliseconds);
            return;
        }

        if (_channels.Count(c => !c.Connected) >= most)
        {
            socket.Dispose();
            return;
        }

        Channel channel = new(socket) { Listener = listener, Deadline = Environment.TickCount64 + _handshakeMilliseconds };
        channel.AsServer = new MemifServerHandshake(id =>
        {
            Served? served = _served.Find(s => s.Port.Spec.IsServer && s.Port.Spec.Socket == listener.Path && s.Port.Spec.Id == id);
            if (served is null) return (null, MemifFault.UnknownId);
            if (served.Channel is not null)
            {
                served.Port.Count(MemifFault.Taken);
                return (null, MemifFault.Taken);
            }

            (served.Channel, channel.Owner) = (channel, served);
            return (served.Port, MemifFault.None);
        });
        _channels.Add(channel);
        if (!Say(channel, MemifServerHandshake.Hello(), null)) End(channel, MemifFault.PeerLeft);
    }

    private void Read(Channel channel)
    {
        Span<byte> bytes = stackalloc byte[MemifMessage.Size];
        List<Descriptor> carried = [];
        int length = MemifCalls.Receive(channel.Socket, bytes, carried);
        Descriptor? only = carried.Count == 1 ? carried[0] : null;
        if (only is null)
            foreach (Descriptor each in carried) each.Dispose();
        if (length < 0) return;
        MemifFault fault = MemifFault.None;
        MemifMessage message = new MemifMessage.Ack();
        if (length == 0) fault = MemifFault.PeerLeft;
        else if (carried.Count > 1) fault = MemifFault.Unexpected;
        else if (length != MemifMessage.Size || !MemifMessage.TryParse(bytes, out message)) fault = MemifFault.Malformed;
        if (fault == MemifFault.None) fault = Take(channel, message, only);
        else only?.Dispose();
        if (fault != MemifFault.None) End(channel, fault);
    }

    /// <summary>A message in its place; the descriptor with it is taken.</summary>
    private static MemifFault Take(Channel channel, MemifMessage message, Descriptor? carried)
    {
        if (channel.Connected)
        {
            carried?.Dispose();
            return message is MemifMessage.Disconnect ? MemifFault.PeerLeft : MemifFault.Unexpected;
        }

        MemifLink? link;
        MemifMessage? reply;
        Descriptor? with = null;
        MemifFault fault;
        if (channel.AsServer is { } server)
        {
            fault = server.Step(message, carried, out MemifMessage said);
            (reply, link) = (said, server.Link);
        }
        else
        {
            carried?.Dispose();
            if (carried is not null) return MemifFault.Unexpected;
            fault = channel.AsClient!.Step(message, out reply, out with);
            link = channel.AsClient.Link;
        }

        if (fault != MemifFault.None) return fault;
        if (link is not null)
        {
            channel.Connected = true;
            channel.Owner!.Link = link;
            try
            {
                channel.Owner.Port.Attach(link);
            }
            catch (IOException)
            {
                return MemifFault.EventRefused;
            }
        }

        return reply is null || Say(channel, reply, with) ? MemifFault.None : MemifFault.PeerLeft;
    }

    private static bool Say(Channel channel, MemifMessage message, Descriptor? with)
    {
        Span<byte> bytes = stackalloc byte[MemifMessage.Size];
        message.WriteTo(bytes);
        return MemifCalls.Send(channel.Socket, bytes, with);
    }

    /// <summary>Closes a channel, tells the peer why, counts the reason, and takes the link from the worker.</summary>
    private void End(Channel channel, MemifFault fault, bool count = true)
    {
        if (!_channels.Remove(channel)) return;
        if (fault != MemifFault.PeerLeft) _ = Say(channel, new MemifMessage.Disconnect((uint)fault, count ? MemifFaults.Sentence(fault) : "The interface was removed."), null);
        channel.Socket.Dispose();
        channel.AsServer?.Dispose();
        channel.AsClient?.Dispose();
        if (channel.Owner is not { } served)
        {
            // A stranger at the socket is counted where the operator looks: at each interface of the socket. One that came for a taken interface was.
            if (count && fault is not (MemifFault.Taken or MemifFault.PeerLeft) && channel.Listener is { } at)
                foreach (Served each in _served.Where(s => s.Port.Spec.Socket == at.Path)) each.Port.Count(fault);
            return;
        }

        if (count) served.Port.Count(fault);
        served.Channel = null;
        served.NextTry = Environment.TickCount64 + (fault == MemifFault.PeerLeft ? _retryMilliseconds : _retryAfterFaultMilliseconds);
        if (served.Link is not { } link) return;
        served.Link = null;
        served.Port.Detach(link);
        served.Leaving.Add(link);
    }

    /// <summary>The port is closed; its worker has let go of it.</summary>
    private void Remove(Served served)
    {
        if (served.Channel is { } channel) End(channel, MemifFault.None, count: false);
        _served.Remove(served);
        foreach (MemifLink link in served.Leaving) link.Dispose();
        served.Port.Free();
        string path = served.Port.Spec.Socket;
        if (_served.Exists(s => s.Port.Spec.Socket == path) || !_listeners.Remove(path, out Listener? listener)) return;
        foreach (Channel stranger in _channels.Where(c => c.Listener == listener).ToList()) End(stranger, MemifFault.PeerLeft, count: false);
        listener.Socket.Dispose();
        File.Delete(path);
    }

    private sealed record Listener(string Path, Descriptor Socket);

    /// <summary>A port with its peer.</summary>
    private sealed class Served(MemifPort port)
    {
        public MemifPort Port { get; } = port;

        public Channel? Channel { get; set; }

        public MemifLink? Link { get; set; }

        /// <summary>Links that the worker may still be in.</summary>
        public List<MemifLink> Leaving { get; } = [];

        public long NextTry { get; set; }
    }

    /// <summary>A control channel.</summary>
    private sealed class Channel(Descriptor socket)
    {
        public Descriptor Socket { get; } = socket;

        /// <summary>Where the peer connected, on the server's side.</summary>
        public Listener? Listener { get; init; }

        /// <summary>The port that it is for; a server knows once the peer has said so.</summary>
        public Served? Owner { get; set; }

        public MemifServerHandshake? AsServer { get; set; }

        public MemifClientHandshake? AsClient { get; init; }

        public long Deadline { get; init; }

        public bool Connected { get; set; }
    }
}
