using System.Net;
using System.Threading.Channels;
using Gateway.Crypto;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Esp;
using Gateway.Host.Control;
using Gateway.Host.Diagnostics;
using Gateway.Host.Ike.Interop;
using Gateway.Host.Journal;
using Gateway.Host.Runtime;
using Gateway.Host.Vault;
using Gateway.Ike.Certificates;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Ike;

/// <summary>What the driver works with.</summary>
internal sealed record IkeDriverParts
{
    public required VaultFile Vault { get; init; }

    public required JournalSequencer Sequencer { get; init; }

    public required DataplaneControl Dataplane { get; init; }

    public required SaControl Security { get; init; }

    public required IkeSettings Settings { get; init; }

    public required SaNumbers Numbers { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>What the journal says of leases.</summary>
    public IReadOnlyList<JournalledLease> Leases { get; init; } = [];

    /// <summary>Told of every CHILD SA that carries packets from now on; must be quick.</summary>
    public Action Installed { get; init; } = () => { };

    /// <summary>Writes keys for Wireshark; null as a rule.</summary>
    public KeyLog? KeyLog { get; init; }
}

/// <summary>
/// Drives the IKE engine: gives it datagrams, commands, notices and the time, and carries out what it answers, in the order vault, journal, dataplane,
/// network. One loop does all of it; what has come in meanwhile is taken together, so that many SAs share one append.
/// </summary>
internal sealed class IkeDriver : ISaCommands, ISecretSource, IAsyncDisposable
{
    private const int MaxWaiting = 8192;
    private const int MaxTogether = 64;
    private const int MaxStrangers = 2048;
    private static readonly TimeSpan _journalPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _idlePoll = TimeSpan.FromSeconds(1);

    private readonly IkeDriverParts _parts;
    private readonly IkeEngine _engine;
    private readonly System.Threading.Channels.Channel<Action<Timestamp, OutputList>> _inbox = System.Threading.Channels.Channel.CreateBounded<Action<Timestamp, OutputList>>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    // Those who show nothing yet wait apart, so that a flood of them stands in nobody else's way.
    private readonly System.Threading.Channels.Channel<PuntedDatagram> _strangers = System.Threading.Channels.Channel.CreateBounded<PuntedDatagram>(
        new BoundedChannelOptions(MaxStrangers) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly CancellationTokenSource _stop = new();
    private readonly RevocationFetcher _fetcher = new();
    private readonly Dictionary<ChildSaId, ChildSaParameters> _installed = [];
    private readonly Dictionary<ChildSaId, ulong> _seen = [];
    private readonly List<(ChildSaId Id, ulong Packets, TimeSpan Since)> _heard = [];
    private readonly HashSet<IkeSaId> _logged = [];
    private readonly Dictionary<KeyHandle, int> _keys = [];
    private readonly List<KeyHandle> _shreds = [];
    private readonly VirtualAddresses _virtual;
    private readonly List<(ConnectionName Connection, ValueList<ChildName> Children)> _revivals = [];
    private Dictionary<ConnectionName, Connection> _connections = [];
    private IReadOnlySet<string> _owned = new HashSet<string>();
    private readonly SaBoard _board = new();
    private readonly Timer _bell;
    private long _rings = long.MaxValue;
    private Task _loop = Task.CompletedTask;
    private long _overrun;
    private int _knocked;
    private bool _loaded;

    public IkeDriver(IkeDriverParts parts)
    {
        _parts = parts;
        _virtual = new VirtualAddresses(parts.Dataplane);
        _bell = new Timer(_ => Ring());
        Messages = new IkeMessageCounts { Drops = reason => _engine?.Drops(reason) ?? 0 };
        _engine = new IkeEngine(new IkeEngineOptions
        {
            Settings = parts.Settings,
            Secrets = this,
            Numbers = parts.Numbers,
            LocalAddressTowards = remote => parts.Dataplane.TryRoute(0, remote, out var source, out _) ? source : null,
            LastCarried = LastCarried,
            Changed = _board.Note,
            Exchanged = (connection, message, inbound) => Messages.Count(connection, message.Span, inbound),
        });
        // Before anything else that is left for the loop.
        Leave((_, outputs) => _engine.RestoreLeases(parts.Leases, outputs));
    }

    /// <summary>Datagrams that were dropped because the loop did not keep up.</summary>
    public long Overrun => Interlocked.Read(ref _overrun);

    /// <summary>All IKE SAs as of the last round of the loop.</summary>
    public IReadOnlyList<IkeSaView> Sas => _board.Views();

    /// <summary>Names of certificate items whose private key the gateway has.</summary>
    public IReadOnlySet<string> Owned => Volatile.Read(ref _owned);

    /// <summary>What was learned of revocation is asked for again.</summary>
    public void ForgetRevocation() => Leave((_, _) => _engine.ForgetRevocation());

    /// <summary>Why datagrams had no effect, with their counts.</summary>
    public IEnumerable<(IkeDrop Reason, long Count)> Drops => Enum.GetValues<IkeDrop>().Select(r => (r, _engine.Drops(r)));

    /// <summary>Half-open IKE SAs.</summary>
    public int HalfOpen => _engine.HalfOpen;

    /// <summary>IKE messages that came and went.</summary>
    public IkeMessageCounts Messages { get; }

    /// <summary>Messages as they come and go, while <see cref="Trace"/> is on; followers must be quick.</summary>
    public Followers<MessageSeen> Seen { get; } = new();

    /// <summary>Whether messages are told to those who watch.</summary>
    public TraceSwitch Trace => _parts.Settings.Trace;

    public void Start() => _loop = Task.Run(LoopAsync);

    /// <summary>Puts pools in force, before the connections that use them.</summary>
    public void LoadPools(IReadOnlyList<AddressPool> pools) => Leave((_, _) => _engine.LoadPools(pools));

    /// <summary>Addresses or routes of the gateway have changed.</summary>
    public void WaysChanged() => Leave((now, outputs) => _engine.WaysChanged(now, outputs));

    /// <summary>Puts connections and secrets in force.</summary>
    public void Load(IReadOnlyList<Connection> connections, IReadOnlyList<SharedSecret> secrets, Credentials credentials) =>
        Leave((now, outputs) =>
        {
            _connections = connections.ToDictionary(c => c.Name);
            _engine.LoadCredentials(credentials);
            Volatile.Write(ref _owned, credentials.Owned().ToHashSet());
            _engine.LoadConnections(connections, secrets, now, outputs);
            // From here on packets can leave; timers that ran out before would have run in vain.
            _loaded = true;
            lock (_revivals)
            {
                foreach (var (connection, children) in _revivals) _engine.Revive(connection, children, now, outputs);
                _revivals.Clear();
            }
        });

    /// <summary>
    /// Takes all SAs back from the vault, before <see cref="Start"/> and before any port is open; what is not resumed is shredded. Facts that were not written
    /// any more are written now.
    /// </summary>
    public async Task<ResumeReport> ResumeAsync(SaSlots slots, IReadOnlyList<Connection> connections, JournalledSas journal)
    {
        var (outputs, strays) = (new OutputList(), slots.Others);
        _connections = connections.ToDictionary(c => c.Name);
        var report = _engine.Resume(connections, slots.IkeSas, journal, h => slots.TryGet(h, out _), BootClock.Now, outputs);
        foreach (var install in outputs.OfType<IkeOutput.Install>())
        {
            strays.Remove(install.Parameters.InboundKey);
            strays.Remove(install.Parameters.OutboundKey);
        }

        foreach (var shred in outputs.OfType<IkeOutput.Shred>()) strays.Add(shred.Slot);
        foreach (var output in outputs)
            if (output is IkeOutput.Store store) Store(store, hotLength: null);
        // When the journal cannot be written now the tunnels go on all the same, and the next start finds out the same again.
        await JournalAsync(outputs).ConfigureAwait(false);
        foreach (var output in outputs)
            if (output is IkeOutput.Install install && slots.TryGet(install.Parameters.InboundKey, out var inbound) && slots.TryGet(install.Parameters.OutboundKey, out var outbound))
                Guard(() => Install(install, inbound, outbound));
            else if (output is IkeOutput.AddAddress) Guard(() => Carry(output));
        _parts.Vault.Shred(strays);
        return report;
    }

    /// <summary>Sets up again what was lost; to be called before the first <see cref="Load"/>, after which it is done.</summary>
    public void Revive(IReadOnlyList<(ConnectionName Connection, ValueList<ChildName> Children)> lost)
    {
        lock (_revivals) _revivals.AddRange(lost);
    }

    public void Submit(SaRequest request) => Leave((now, outputs) =>
    {
        var done = request.Verb switch
        {
            SaVerb.Initiate => _engine.Initiate(request.Connection, request.Child, now, outputs),
            SaVerb.Rekey when request.Reauth => _engine.Reauthenticate(request.Connection, now, outputs, request.Number),
            SaVerb.Rekey => _engine.Rekey(request.Connection, request.Child, now, outputs, request.Number),
            _ => _engine.Terminate(request.Connection, request.Child, "terminated", now, outputs, request.Number),
        };
        if (!done) IkeLog.NothingUp(_parts.Log, request.Verb.ToString(), request.Child is { } child ? $"{request.Connection}/{child}" : request.Connection.ToString());
    });

    /// <summary>Takes a datagram from the dataplane; when the loop does not keep up it is dropped and counted, and the peer sends again.</summary>
    public void Receive(PuntedDatagram datagram)
    {
        // The graph told IKE from ESP by the non-ESP marker and took it off; the engine takes datagrams as they were on the wire.
        Messages.Count(datagram.Payload, inbound: true);
        See(datagram.Payload, received: true);
        if (Stranger.Knocks(datagram.Payload))
        {
            if (!_strangers.Writer.TryWrite(datagram)) Interlocked.Increment(ref _overrun);
            else if (Interlocked.Exchange(ref _knocked, 1) == 0) _inbox.Writer.TryWrite(static (_, _) => { });
        }
        else if (!_inbox.Writer.TryWrite((now, outputs) => Receive(datagram, now, outputs)))
        {
            Interlocked.Increment(ref _overrun);
        }
    }

    private void Receive(PuntedDatagram datagram, Timestamp now, OutputList outputs)
    {
        var natt = datagram.Destination.Port == _parts.Settings.NattPort;
        _engine.Receive(datagram.Destination, datagram.Source, natt ? NonEspMarker.Prepend(datagram.Payload) : datagram.Payload, natt, now, outputs);
    }

    /// <summary>Takes what the dataplane saw of SAs.</summary>
    public void Notice(DataplaneNotice notice)
    {
        switch (notice)
        {
            case AcquireNotice acquire:
                _inbox.Writer.TryWrite((now, outputs) => _engine.Acquire(acquire.Connection, acquire.Child, now, outputs));
                break;
            case SaLimitNotice limit:
                _inbox.Writer.TryWrite((now, outputs) => _engine.Lifetime(limit.Sa, limit.Limit is SaLimit.Hard or SaLimit.SequenceEnded, now, outputs));
                break;
            case DataplaneNotice.LinkChanged:
                WaysChanged();
                break;
            case SaEndpointNotice moved:
                _inbox.Writer.TryWrite((now, outputs) => _engine.NewAddress(moved.Sa, moved.Remote, now, outputs));
                break;
        }
    }

    public Secret? Open(KeyHandle handle) => _parts.Vault.TryRead(handle, out var content) ? content : null;

    /// <summary>Ends all SAs, telling the peers, then the loop.</summary>
    public async ValueTask DisposeAsync()
    {
        Leave((now, outputs) => _engine.Close("terminated", now, outputs));
        var deadline = BootClock.Now + TimeSpan.FromSeconds(2);
        while (_engine.Count > 0 && !_loop.IsCompleted && BootClock.Now < deadline) await Task.Delay(20).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        _inbox.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        await _bell.DisposeAsync().ConfigureAwait(false);
        _engine.Dispose();
        _fetcher.Dispose();
        _stop.Dispose();
    }

    // What a protected message holds, the step that opened it tells.
    private void See(ReadOnlySpan<byte> message, bool received)
    {
        if (Trace.IsOn) Seen.Tell(new MessageSeen(null, null, null, message.ToArray(), received));
    }

    // Commands and configuration are never dropped: the channel's bound holds the writer back for a moment instead.
    private void Leave(Action<Timestamp, OutputList> input)
    {
        if (!_inbox.Writer.TryWrite(input)) _ = _inbox.Writer.WriteAsync(input).AsTask().ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private async Task LoopAsync()
    {
        var outputs = new OutputList();
        var nextPoll = BootClock.Now;
        while (!_stop.IsCancellationRequested)
        {
            await WaitAsync(nextPoll).ConfigureAwait(false);
            var now = BootClock.Now;
            for (var i = 0; i < MaxTogether && _inbox.Reader.TryRead(out var input); i++) Take(input, now, outputs);
            Volatile.Write(ref _knocked, 0);
            for (var i = 0; i < MaxTogether && _strangers.Reader.TryRead(out var stranger); i++) Take((at, list) => Receive(stranger, at, list), now, outputs);
            if (_loaded && _engine.NextDeadline is { } deadline && deadline <= now)
                Take(_engine.Advance, now, outputs);

            if (now >= nextPoll)
            {
                Take(TellLastUsed, now, outputs);
                nextPoll = now + _idlePoll;
            }

            if (outputs.Count > 0) await CarryOutAsync(outputs).ConfigureAwait(false);
            outputs.Clear();
            _board.Publish();
        }
    }

    private void Take(Action<Timestamp, OutputList> input, Timestamp now, OutputList outputs)
    {
        try
        {
            input(now, outputs);
        }
        catch (Exception e)
        {
            IkeLog.Fault(_parts.Log, e);
        }
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            IkeLog.Fault(_parts.Log, e);
        }
    }

    // One timer for all waits: it is set again only when it must ring earlier than it would.
    private async ValueTask WaitAsync(Timestamp nextPoll)
    {
        if (_inbox.Reader.Count > 0 || _strangers.Reader.Count > 0) return;
        var until = _loaded && _engine.NextDeadline is { } deadline && deadline < nextPoll ? deadline : nextPoll;
        var wait = until - BootClock.Now;
        if (wait <= TimeSpan.Zero) return;
        if (until.Milliseconds < Volatile.Read(ref _rings))
        {
            Volatile.Write(ref _rings, until.Milliseconds);
            _bell.Change(wait, Timeout.InfiniteTimeSpan);
        }

        await _inbox.Reader.WaitToReadAsync().ConfigureAwait(false);
    }

    private void Ring()
    {
        Volatile.Write(ref _rings, long.MaxValue);
        _inbox.Writer.TryWrite(static (_, _) => { });
    }

    // RFC 7296 §2.4: an authenticated packet of any of its SAs proves that the peer lives.
    private void TellLastUsed(Timestamp now, OutputList outputs)
    {
        if (_installed.Count == 0) return;
        _heard.Clear();
        _parts.Security.ForEachInbound((id, packets, idle) =>
        {
            if (idle is { } since && _seen.GetValueOrDefault(id) != packets) _heard.Add((id, packets, since));
        });
        foreach (var (id, packets, since) in _heard)
        {
            _seen[id] = packets;
            _engine.LastUsed(id, now + -since, now, outputs);
        }
    }

    // swanctl.conf(5), inactivity: packets of both directions count.
    private Timestamp? LastCarried(ChildSaId id, Timestamp now) =>
        _parts.Security.Sa(id) is { } status && Least(status.Inbound.Idle, status.Outbound.Idle) is { } idle ? now + -idle : null;

    private static TimeSpan? Least(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b ?? a : a;

    private async Task CarryOutAsync(OutputList outputs)
    {
        _keys.Clear();
        foreach (var output in outputs)
        {
            if (output is not IkeOutput.Install { Parameters: var sa }) continue;
            // The hot state of both directions lies beside the inbound key.
            _keys[sa.InboundKey] = SaHotState.Bytes;
            _keys[sa.OutboundKey] = 0;
        }

        foreach (var output in outputs)
            if (output is IkeOutput.Store store) Guard(() => Store(store, _keys.TryGetValue(store.Slot, out var hot) ? hot : null));
        // Not written down is not agreed: nothing is installed or sent until it is. The slots are ahead meanwhile, and peers ask again.
        for (var tries = 1; !await JournalAsync(outputs, isFirst: tries == 1).ConfigureAwait(false); tries++)
        {
            await Task.Delay(_journalPause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested) return;
        }

        foreach (var output in outputs)
        {
            if (output is IkeOutput.Shred shred) _shreds.Add(shred.Slot);
            else if (output is not (IkeOutput.Store or IkeOutput.Fact)) Guard(() => Carry(output));
        }

        if (_shreds.Count == 0) return;
        Guard(() => _parts.Vault.ShredSoon(_shreds));
        _shreds.Clear();
    }

    // A length of hot state: the slot is a CHILD SA's key.
    private void Store(IkeOutput.Store store, int? hotLength)
    {
        using (store.Content)
        {
            _parts.Vault.Write(store.Slot, hotLength is null ? SlotKind.IkeSa : SlotKind.ChildSa, store.Content.Span, hotLength ?? 0);
            if (hotLength is null && _parts.KeyLog is { } log) LogKeys(log, store.Content.Span);
        }
    }

    private void LogKeys(KeyLog log, ReadOnlySpan<byte> snapshot)
    {
        if (!IkeSaSnapshot.TryDecode(snapshot, name => _connections.GetValueOrDefault(name), out var state, out _)) return;
        if (state.ChannelOrNull is not { } channel) return;
        if (_logged.Add(state.Peering.Id)) log.Log(state.Peering.Spis, channel.Keys);
        channel.Keys.Dispose();
    }

    private async Task<bool> JournalAsync(OutputList outputs, bool isFirst = true)
    {
        var facts = outputs.OfType<IkeOutput.Fact>().Select(f => WithCounters(f.Event)).ToList();
        if (facts.Count == 0) return true;
        try
        {
            await _parts.Sequencer.Append(facts, new EventContext(Principal.Gateway with { Door = "ike" }, DateTimeOffset.UtcNow), Durability.Soon).Stored.ConfigureAwait(false);
            foreach (var fact in facts) IkeLog.Fact(_parts.Log, EventSummary.Of(fact));
            return true;
        }
        catch (JournalUnavailableException e)
        {
            if (isFirst) IkeLog.JournalRefuses(_parts.Log, e.Message);
            return false;
        }
    }

    private GatewayEvent WithCounters(GatewayEvent e) => e is ChildSaClosed closed && _parts.Security.Sa(closed.Id) is { } status
        ? closed with { BytesIn = status.Inbound.Bytes, PacketsIn = status.Inbound.Packets, BytesOut = status.Outbound.Bytes, PacketsOut = status.Outbound.Packets }
        : e;

    private void Carry(IkeOutput output)
    {
        switch (output)
        {
            case IkeOutput.Install install:
                Install(install);
                break;
            case IkeOutput.UseOutbound use:
                _parts.Security.UseOutbound(use.Child);
                break;
            case IkeOutput.Update update:
                _installed[update.Parameters.Id] = update.Parameters;
                _parts.Security.UpdateSaEndpoints(update.Parameters.Id, update.Parameters.LocalAddress, update.Parameters.RemoteAddress, update.Parameters.Encapsulation);
                break;
            case IkeOutput.Uninstall uninstall:
                _parts.Security.RemoveSa(uninstall.Child);
                _installed.Remove(uninstall.Child);
                _seen.Remove(uninstall.Child);
                break;
            case IkeOutput.AddAddress add:
                _virtual.Add(add.Address);
                break;
            case IkeOutput.RemoveAddress remove:
                _virtual.Remove(remove.Address);
                break;
            case IkeOutput.Send send:
                var message = NonEspMarker.Classify(send.Payload.Span, out var marked) == NattContent.Ike ? marked : send.Payload.Span;
                Messages.Count(message, inbound: false);
                See(message, received: false);
                if (!_parts.Dataplane.InjectDatagram(send.Local, send.Remote, send.Payload.Span, nonEspMarker: false, (byte)(send.Dscp << 2))) IkeLog.NotSent(_parts.Log, send.Remote);
                break;
            case IkeOutput.Traced traced:
                Seen.Tell(new MessageSeen(traced.By, traced.Connection, traced.Message, null, false));
                break;
            case IkeOutput.Ask.Resolve ask:
                _ = ResolveAsync(ask);
                break;
            case IkeOutput.Ask.Fetch ask:
                _ = FetchAsync(ask);
                break;
        }
    }

    private void Install(IkeOutput.Install install)
    {
        var sa = install.Parameters;
        if (!_parts.Vault.TryRead(sa.InboundKey, out var inbound)) return;
        using (inbound)
        {
            if (!_parts.Vault.TryRead(sa.OutboundKey, out var outbound)) return;
            using (outbound) Install(install, inbound, outbound);
        }
    }

    private void Install(IkeOutput.Install install, Secret inbound, Secret outbound)
    {
        var sa = install.Parameters;
        var result = _parts.Security.InstallSa(new SaInstall
        {
            Parameters = sa,
            InboundKey = inbound.Span,
            OutboundKey = outbound.Span,
            HotState = VaultHotState.Of(_parts.Vault, sa.InboundKey),
            HoldOutbound = install.OutboundHeld,
        });
        if (result is not (SaInstallResult.Installed or SaInstallResult.AlreadyInstalled))
            IkeLog.NotInstalled(_parts.Log, sa.Child.ToString(), sa.Connection.ToString(), result.ToString());
        _installed[sa.Id] = sa;
        _parts.Installed();
        _parts.KeyLog?.Log(sa, inbound.Span, outbound.Span);
    }

    private async Task FetchAsync(IkeOutput.Ask.Fetch ask)
    {
        var content = default(Octets);
        try
        {
            content = await _fetcher.FetchAsync(ask.Lookup, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The gateway stops.
        }

        Leave((now, outputs) => _engine.Fetched(ask.By, ask.Lookup.Key, content, now, outputs));
    }

    private async Task ResolveAsync(IkeOutput.Ask.Resolve ask)
    {
        IPAddress[] found = [];
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            patience.CancelAfter(TimeSpan.FromSeconds(10));
            found = await Dns.GetHostAddressesAsync(ask.Name, patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or OperationCanceledException or ArgumentException)
        {
            // No address is an answer too.
        }

        Leave((now, outputs) => _engine.Resolved(ask.By, found.ToValueList(), now, outputs));
    }
}
