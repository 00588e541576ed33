using System.Net.Sockets;
using Gateway.Host.Api;
using Gateway.Host.Api.Interop;

namespace Gateway.Host.Vici.Server;

/// <summary>
/// strongSwan's vici protocol on a Unix socket (0600), so that <c>swanctl</c> and what else speaks it works with the gateway. Whoever may open the socket is
/// known by its uid; what it asks for becomes commands like any other.
/// </summary>
internal sealed class ViciServer : IAsyncDisposable
{
    /// <summary>Clients at a time; further ones are turned away.</summary>
    private const int MaxSessions = 64;

    private readonly Socket _listener;
    private readonly string _path;
    private readonly ViciCommands _commands;
    private readonly ViciEvents _events;
    private readonly IViciFace _face;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<ViciSession> _sessions = [];
    private readonly Lock _gate = new();
    private readonly Task _loop;

    private ViciServer(Socket listener, string path, IViciFace face, ILogger log)
    {
        (_listener, _path, _face, _log) = (listener, path, face, log);
        _events = new ViciEvents(face, Broadcast);
        _commands = new ViciCommands(face, log, _events.ReqIds);
        _loop = Task.Run(AcceptAsync);
    }

    /// <exception cref="IOException">Somebody listens at the path already, or it cannot be used.</exception>
    public static ViciServer Start(string path, IViciFace face, ILogger log)
    {
        UnixSocketFile.RemoveStale(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        // The socket must never be open to others, not even between bind and chmod.
        var before = FileMask.Set(0x7f);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            listener.Dispose();
            throw new IOException($"The vici socket {path} cannot be opened: {e.Message}", e);
        }
        finally
        {
            FileMask.Set(before);
        }

        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen(16);
        return new ViciServer(listener, path, face, log);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _loop.ConfigureAwait(false);
        ViciSession[] open;
        lock (_gate) open = [.. _sessions];
        foreach (var session in open) await session.Ended.ConfigureAwait(false);
        _events.Dispose();
        _stop.Dispose();
        File.Delete(_path);
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // No descriptor left, for example: the next client may have more luck.
                ViciLog.NotAccepted(_log, e.Message);
                await Task.Delay(100).ConfigureAwait(false);
                continue;
            }

            Welcome(socket);
        }
    }

    private void Welcome(Socket socket)
    {
        if (PeerPrincipal.OfSocket(socket, "vici") is not { } principal)
        {
            socket.Dispose();
            return;
        }

        var session = new ViciSession(socket, principal, _commands, OnHeard, _log);
        lock (_gate)
        {
            if (_sessions.Count >= MaxSessions)
            {
                ViciLog.TooMany(_log, MaxSessions);
                socket.Dispose();
                return;
            }

            _sessions.Add(session);
        }

        _ = session.RunAsync(_stop.Token).ContinueWith(
            _ =>
            {
                lock (_gate) _sessions.Remove(session);
                OnHeard();
                session.Dispose();
            },
            TaskScheduler.Default);
    }

    // Messages are traced only while somebody reads them.
    private void OnHeard()
    {
        lock (_gate) _face.TraceMessages(_sessions.Any(s => s.Hears("log")));
    }

    private void Broadcast(string name, Func<Wire.ViciSection?> message)
    {
        lock (_gate)
        {
            byte[]? packet = null;
            foreach (var session in _sessions)
            {
                if (!session.Hears(name)) continue;
                packet ??= message() is { } made ? new Wire.ViciPacket(Wire.ViciPacketType.Event, name, made).Write() : null;
                if (packet is null) return;
                session.Offer(packet);
            }
        }
    }
}
