using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Threading.Channels;
using Gateway.Host.Vici.Wire;
using Gateway.Policy.Journal;

namespace Gateway.Host.Vici.Server;

/// <summary>
/// One client: its requests one after the other, and the events that it registered for. A client that does not read its events is put off, so that it can
/// hold up nobody else.
/// </summary>
internal sealed class ViciSession(Socket socket, Principal principal, ViciCommands commands, Action onHeard, ILogger log) : IViciClient, IDisposable
{
    /// <summary>Packets that wait to be sent.</summary>
    private const int MaxWaiting = 4096;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly Channel<byte[]> _outbox = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly Channel<ViciPacket> _inbox = Channel.CreateBounded<ViciPacket>(new BoundedChannelOptions(4) { SingleReader = true });
    private readonly ConcurrentDictionary<string, bool> _heard = new();
    private readonly CancellationTokenSource _gone = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Principal Principal => principal;

    public bool Hears(string name) => _heard.ContainsKey(name);

    public async Task RunAsync(CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _gone.Token);
        var sending = SendAsync(either.Token);
        var answering = AnswerAsync(either.Token);
        try
        {
            await ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or ChannelClosedException)
        {
            // It went, or the gateway stops.
        }

        _inbox.Writer.TryComplete();
        // Whoever waits for something on behalf of the client need not any more.
        await _gone.CancelAsync().ConfigureAwait(false);
        await answering.ConfigureAwait(false);
        _outbox.Writer.TryComplete();
        await sending.ConfigureAwait(false);
        socket.Dispose();
        _ended.TrySetResult();
    }

    /// <summary>Ends when nothing runs for the client any more.</summary>
    public Task Ended => _ended.Task;

    public void Dispose() => _gone.Dispose();

    /// <summary>An event for it, if it keeps up; one that does not is put off.</summary>
    public void Offer(byte[] packet)
    {
        if (_outbox.Writer.TryWrite(packet)) return;
        ViciLog.Ended(log, principal.ToString(), "it does not read its events");
        _gone.Cancel();
    }

    /// <summary>A part of the answer to its request, as an event; waits until there is room.</summary>
    public async Task StreamAsync(string name, ViciSection message, CancellationToken stop)
    {
        if (Hears(name) && new ViciPacket(ViciPacketType.Event, name, message).Write() is { } packet) await _outbox.Writer.WriteAsync(packet, stop).ConfigureAwait(false);
    }

    private async Task ReadAsync(CancellationToken stop)
    {
        var header = new byte[ViciPacket.HeaderSize];
        while (await FillAsync(header, patient: true, stop).ConfigureAwait(false))
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(header);
            if (length is 0 or > ViciPacket.MaxSize)
            {
                ViciLog.Ended(log, principal.ToString(), $"a packet of {length} octets");
                return;
            }

            var packet = new byte[length];
            if (!await FillAsync(packet, patient: false, stop).ConfigureAwait(false)) return;
            if (!ViciPacket.TryRead(packet, out var read))
            {
                ViciLog.Ended(log, principal.ToString(), "a packet that cannot be read");
                return;
            }

            await _inbox.Writer.WriteAsync(read, stop).ConfigureAwait(false);
        }
    }

    // A client may be silent for ever between packets, not within one.
    private async Task<bool> FillAsync(byte[] buffer, bool patient, CancellationToken stop)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        for (var at = 0; at < buffer.Length;)
        {
            if (!patient || at > 0) timer.CancelAfter(_patience);
            var read = await socket.ReceiveAsync(buffer.AsMemory(at), timer.Token).ConfigureAwait(false);
            if (read == 0) return false;
            at += read;
        }

        return true;
    }

    private async Task AnswerAsync(CancellationToken stop)
    {
        try
        {
            await foreach (var packet in _inbox.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                var answer = packet.Type switch
                {
                    ViciPacketType.Request => await CommandAsync(packet, stop).ConfigureAwait(false),
                    ViciPacketType.Register => Register(packet.Name, true),
                    ViciPacketType.Unregister => Register(packet.Name, false),
                    _ => null,
                };
                if (answer?.Write() is not { } octets)
                {
                    ViciLog.Ended(log, principal.ToString(), $"a packet of type {(byte)packet.Type}, which clients do not send, or an answer beyond the protocol's limit");
                    await _gone.CancelAsync().ConfigureAwait(false);
                    return;
                }

                await _outbox.Writer.WriteAsync(octets, stop).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            // The client went, or the gateway stops.
        }
    }

    private async Task<ViciPacket> CommandAsync(ViciPacket request, CancellationToken stop)
    {
        try
        {
            return await commands.RunAsync(request.Name, request.Message, this, stop).ConfigureAwait(false) is { } answer
                ? new ViciPacket(ViciPacketType.Response, "", answer)
                : new ViciPacket(ViciPacketType.UnknownCommand, "", []);
        }
        catch (Exception bug) when (bug is not OperationCanceledException)
        {
            // One command's fault is its own.
            ViciLog.Fault(log, request.Name, bug);
            return new ViciPacket(ViciPacketType.Response, "", ViciAnswer.Failed("the gateway met a fault of its own"));
        }
    }

    private ViciPacket Register(string name, bool wanted)
    {
        var known = ViciEvents.Names.Contains(name);
        if (wanted) known &= commands.MayFollow(this);
        if (known && wanted) _heard[name] = true;
        else if (!wanted) known &= _heard.TryRemove(name, out _);
        onHeard();
        return new ViciPacket(known ? ViciPacketType.Confirm : ViciPacketType.UnknownEvent, "", []);
    }

    private async Task SendAsync(CancellationToken stop)
    {
        try
        {
            await foreach (var packet in _outbox.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                for (var at = 0; at < packet.Length;) at += await socket.SendAsync(packet.AsMemory(at), stop).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await _gone.CancelAsync().ConfigureAwait(false);
        }
    }
}
