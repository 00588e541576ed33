using System.Net;
using Gateway.Crypto;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Ike.Exchanges;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>What an engine is made with.</summary>
public sealed record IkeEngineOptions
{
    public IkeSettings Settings { get; init; } = new();

    public IEntropy Entropy { get; init; } = SystemEntropy.Instance;

    /// <summary>Opens the slots of pre-shared keys.</summary>
    public required ISecretSource Secrets { get; init; }

    /// <summary>Gives numbers that no SA of this gateway ever had; engines that share a gateway share it.</summary>
    public required SaNumbers Numbers { get; init; }

    /// <summary>The calendar's time, for certificates.</summary>
    public Func<Timestamp, DateTimeOffset> TimeOfDay { get; init; } = _ => DateTimeOffset.UtcNow;

    /// <summary>Our address on the way to a peer, for connections that do not name one.</summary>
    public Func<IPAddress, IPAddress?> LocalAddressTowards { get; init; } = _ => null;

    /// <summary>When a CHILD SA last carried a packet, in either direction; null when it did not, or nobody knows. Asked when a child's <c>inactivity</c> is up or it is rekeyed.</summary>
    public Func<ChildSaId, Timestamp, Timestamp?> LastCarried { get; init; } = (_, _) => null;

    /// <summary>Told of every new state of an IKE SA, and null when it is gone, so that whoever shows them need not ask for all.</summary>
    public Action<IkeSaId, IkeSaState?>? Changed { get; init; }

    /// <summary>Told of every message that an IKE SA was given (true) or sends, as it is on the wire, with the connection of that SA.</summary>
    public Action<ConnectionName, ReadOnlyMemory<byte>, bool>? Exchanged { get; init; }
}

/// <summary>Numbers SAs across engines and restarts.</summary>
/// <param name="lastIkeSa">The highest that the journal knows.</param>
/// <param name="lastChildSa">The highest that the journal knows.</param>
public sealed class SaNumbers(ulong lastIkeSa, ulong lastChildSa)
{
    private ulong _ikeSa = lastIkeSa;
    private ulong _childSa = lastChildSa;

    public IkeSaId NextIkeSa() => new(Interlocked.Increment(ref _ikeSa));

    public ChildSaId NextChildSa() => new(Interlocked.Increment(ref _childSa));

    /// <summary>Numbers that are taken already, by SAs of which no fact tells yet.</summary>
    internal void Skip(IkeSaId ikeSa, IEnumerable<ChildSaId> childSas)
    {
        _ikeSa = Math.Max(_ikeSa, ikeSa.Value);
        foreach (var child in childSas) _childSa = Math.Max(_childSa, child.Value);
    }
}

/// <summary>
/// All IKE SAs of one thread: finds the SA of a datagram, runs the timers, guards against floods. It has no socket and no clock: every call takes
/// the moment and adds to a list what the Host must do, in order. Not for use by several threads; several engines may share a gateway.
/// </summary>
public sealed class IkeEngine : IDisposable
{
    private const int MaxUnsolicited = 10; // answers to strangers per second
    private static readonly TimeSpan _spread = TimeSpan.FromSeconds(10);

    private readonly IkeEngineOptions _options;
    private readonly IkeSa _sa;
    private readonly SaTable _table = new();
    private readonly Deadlines _deadlines = new();
    private readonly CookieJar _cookies;
    private readonly KeyRing _keys;
    private readonly FailureLimiter _failures;
    private readonly Queue<Action<Timestamp, OutputList>> _afterwards = new();
    private readonly LeaseTable _leases = new();
    private readonly HashSet<(ConnectionName, ChildName)> _traps = [];
    private readonly List<IPAddress> _found = [];
    private readonly Dictionary<IPAddress, int> _ownVips = [];
    private readonly long[] _drops = new long[IkeDrops.Count];
    private ConnectionIndex _connections = ConnectionIndex.Empty;
    private SecretIndex _secrets = SecretIndex.Empty;
    private (long Second, int Answers) _unsolicited;
    private bool _closing;

    public IkeEngine(IkeEngineOptions options)
    {
        _options = options;
        _sa = new IkeSa(new IkeContext(options.Entropy, options.Settings, new Directory(this)));
        _cookies = new CookieJar(options.Entropy);
        _keys = new KeyRing(options.Secrets);
        _failures = new FailureLimiter(options.Settings.FailureInterval);
    }

    /// <summary>For tests: what becomes of a state between two steps, for example a way through the vault's form.</summary>
    internal Func<IkeSaState, IkeSaState>? BetweenSteps { get; init; }

    /// <summary>When <see cref="Advance"/> must be called at the latest; null when no timer runs.</summary>
    public Timestamp? NextDeadline => _deadlines.Next;

    /// <summary>IKE SAs in any state.</summary>
    public int Count => _table.Count;

    public int HalfOpen => _table.HalfOpen;

    /// <summary>How often a datagram had no effect, and why.</summary>
    public long Drops(IkeDrop reason) => _drops[(int)reason];

    /// <summary>All IKE SAs, oldest first.</summary>
    public IReadOnlyList<IkeSaView> Sas(Timestamp now) => [.. _table.All.OrderBy(s => s.Peering.Id.Value).Select(s => IkeSaView.Of(s, now))];

    /// <summary>
    /// Puts the configured connections and secrets in force. SAs of connections and children that are gone are closed. IKE SAs of a connection whose
    /// children alone have changed take the new ones; else, as in strongSwan, they go on with what they were set up with.
    /// Children with <c>start_action = start</c> that are new are begun.
    /// </summary>
    public void LoadConnections(IReadOnlyList<Connection> connections, IReadOnlyList<SharedSecret> secrets, Timestamp now, OutputList outputs)
    {
        var before = _connections;
        _connections = new ConnectionIndex(connections);
        _secrets = new SecretIndex(secrets);
        foreach (var state in _table.All.Where(s => _connections.Find(s.Peering.Connection.Name) is null).ToList())
            Step(state.Peering.Id, new IkeInput.Command.TerminateIkeSa(now, "configuration-removed"), outputs);
        foreach (var connection in connections)
        {
            var old = before.Find(connection.Name);
            if (!ReferenceEquals(old, connection)) Reconfigure(connection, now, outputs);
            foreach (var child in connection.Children.AsSpan())
                if (Starts(child) && !(old?.Child(child.Name) is { } former && Starts(former)))
                    Begin(connection, [child.Name], 1, now, outputs);
        }

        Settle(now, outputs);
    }

    /// <summary>Puts the configured pools in force. Who has an address keeps it, also when its pool is gone.</summary>
    public void LoadPools(IReadOnlyList<AddressPool> pools) => _leases.SetPools(pools);

    /// <summary>Takes back what the journal says of leases, after <see cref="Resume"/>: those that no IKE SA uses any more are released, and kept for their identities.</summary>
    public void RestoreLeases(IEnumerable<JournalledLease> leases, OutputList outputs) => _leases.Restore(leases, released => outputs.Add(new IkeOutput.Fact(released)));

    /// <summary>Puts certificates, keys and secrets other than pre-shared keys in force; before the connections that use them.</summary>
    public void LoadCredentials(Credentials credentials) => _keys.Load(credentials);

    /// <summary>Forgets what was learned of revocation, so that it is asked for again.</summary>
    public void ForgetRevocation() => _keys.Revocation.Clear();

    /// <summary>Takes the payload of a UDP datagram.</summary>
    /// <param name="natt">It came to the NAT traversal port, so that it begins with the non-ESP marker.</param>
    public void Receive(IPEndPoint local, IPEndPoint remote, ReadOnlyMemory<byte> payload, bool natt, Timestamp now, OutputList outputs)
    {
        if (natt)
        {
            if (NonEspMarker.Classify(payload.Span, out _) != NattContent.Ike)
            {
                Dropped(IkeDrop.NotIke);
                return;
            }

            payload = payload[NonEspMarker.Size..];
        }

        var datagram = new IkeInput.Datagram(now, local, remote, payload, natt);
        if (!IkeHeader.TryParse(payload.Span, out var header, out var error))
        {
            Dropped(IkeDrop.Malformed);
            // RFC 7296 §2.5: a higher major version is told what we speak, now and then.
            if (error.Fault == WireFault.InvalidMajorVersion && MayAnswerStrangers(now)) Stateless.Answer(outputs, datagram, header, NotifyType.InvalidMajorVersion);
        }
        else if (_table.TryFind(header.FromInitiator ? header.ResponderSpi : header.InitiatorSpi, out var id))
        {
            Take(id, datagram, outputs);
        }
        else if (header is { ResponderSpi.IsNone: true, FromInitiator: true, IsRequest: true })
        {
            if (_table.TryFind(SaTable.KeyOf(datagram), out id)) Take(id, datagram, outputs);
            else OnStranger(datagram, header, outputs);
        }
        else
        {
            Dropped(IkeDrop.UnknownSa);
        }

        Settle(now, outputs);
    }

    /// <summary>Runs the timers that have run out.</summary>
    public void Advance(Timestamp now, OutputList outputs)
    {
        while (_deadlines.TryTake(now, out var sa, out var timer)) Step(sa, new IkeInput.Timer(now, timer), outputs);
        Settle(now, outputs);
    }

    /// <summary>Sets up a connection's child, or the IKE SA with all its children that have a start or trap action (all, if none has). False when there is none of that name.</summary>
    public bool Initiate(ConnectionName name, ChildName? child, Timestamp now, OutputList outputs)
    {
        if (_connections.Find(name) is not { } connection || (child is { } c && connection.Child(c) is null)) return false;
        var started = connection.Children.Where(x => x.Spec.StartAction != StartAction.None).ToList();
        var wanted = child is { } one ? [one] : (started.Count > 0 ? started : [.. connection.Children]).Select(x => x.Name).ToValueList();
        Begin(connection, wanted, 1, now, outputs);
        Settle(now, outputs);
        return true;
    }

    /// <summary>Closes a connection's child, or its IKE SAs. False when nothing of that name is up.</summary>
    /// <param name="number">One IKE SA, or with a child one CHILD SA; null = all of that name.</param>
    public bool Terminate(ConnectionName name, ChildName? child, string reason, Timestamp now, OutputList outputs, ulong? number = null) =>
        Command(name, child, number, outputs, now, state => child is { } c ? new IkeInput.Command.TerminateChild(now, c, reason, Only(number)) : new IkeInput.Command.TerminateIkeSa(now, reason));

    /// <summary>Rekeys a connection's child, or its IKE SAs. False when nothing of that name is up.</summary>
    /// <inheritdoc cref="Terminate"/>
    public bool Rekey(ConnectionName name, ChildName? child, Timestamp now, OutputList outputs, ulong? number = null) =>
        Command(name, child, number, outputs, now, state => child is { } c ? new IkeInput.Command.RekeyChild(now, c, Only(number)) : new IkeInput.Command.RekeyIkeSa(now));

    /// <summary>Authenticates a connection's IKE SAs anew. False when nothing of that name is up.</summary>
    /// <param name="number">One IKE SA; null = all.</param>
    public bool Reauthenticate(ConnectionName name, Timestamp now, OutputList outputs, ulong? number = null) =>
        Command(name, null, number, outputs, now, state => new IkeInput.Command.Reauthenticate(now));

    /// <summary>A packet needs a child that is not up.</summary>
    public void Acquire(ConnectionName name, ChildName child, Timestamp now, OutputList outputs)
    {
        // swanctl.conf, start_action: only a trap turns a packet into an SA; without one the packet was dropped and that is all.
        if (_connections.Find(name) is { } connection && connection.Child(child) is { } config && (config.Spec.StartAction is StartAction.Trap or StartAction.TrapStart || _traps.Remove((name, child)))) Begin(connection, [child], 1, now, outputs);
        Settle(now, outputs);
    }

    private static bool Starts(ChildConfig child) => child.Spec.StartAction is StartAction.Start or StartAction.TrapStart;

    /// <summary>A CHILD SA is near (soft) or at (hard) the end of its bytes, packets or sequence numbers.</summary>
    public void Lifetime(ChildSaId child, bool hard, Timestamp now, OutputList outputs) => Notice(child, new IkeInput.Notice.Lifetime(now, child, hard), outputs);

    /// <summary>A CHILD SA carried a packet from the peer.</summary>
    public void LastUsed(ChildSaId child, Timestamp at, Timestamp now, OutputList outputs) => Notice(child, new IkeInput.Notice.LastUsed(now, child, at), outputs);

    /// <summary>A CHILD SA carried a packet, in either direction; for those with <c>inactivity</c>.</summary>
    public void Carried(ChildSaId child, Timestamp at, Timestamp now, OutputList outputs) => Notice(child, new IkeInput.Notice.Carried(now, child, at), outputs);

    /// <summary>An authenticated ESP packet came from another address or port.</summary>
    public void NewAddress(ChildSaId child, IPEndPoint remote, Timestamp now, OutputList outputs) => Notice(child, new IkeInput.Notice.NewAddress(now, child, remote), outputs);

    /// <summary>Our addresses or routes have changed: IKE SAs that may move look for another way where theirs is gone.</summary>
    public void WaysChanged(Timestamp now, OutputList outputs)
    {
        foreach (var state in _table.All.Where(s => s is IkeSaState.Established { Peering: { Mobike: true, Began: true } }).ToList())
            Step(state.Peering.Id, new IkeInput.Notice.WaysChanged(now), outputs);
        Settle(now, outputs);
    }

    /// <summary>The answer to <see cref="IkeOutput.Ask.Resolve"/>.</summary>
    public void Resolved(IkeSaId sa, ValueList<IPAddress> addresses, Timestamp now, OutputList outputs)
    {
        Step(sa, new IkeInput.Answer.Addresses(now, addresses), outputs);
        Settle(now, outputs);
    }

    /// <summary>The answer to <see cref="IkeOutput.Ask.Fetch"/>; empty when there is none.</summary>
    public void Fetched(IkeSaId sa, string key, Octets content, Timestamp now, OutputList outputs)
    {
        Step(sa, new IkeInput.Answer.Fetched(now, key, content), outputs);
        Settle(now, outputs);
    }

    /// <summary>
    /// Takes all SAs back from their slots of the vault, before the first <see cref="LoadConnections"/>: the same keys, message ids, outstanding requests
    /// and timers. The list says what the Host must do for it, in order; until then no packet may pass.
    /// </summary>
    /// <param name="connections">As configured; an IKE SA whose connection is not among them is lost.</param>
    /// <param name="slots">The slots of IKE SAs.</param>
    /// <param name="journal">What the journal says of them.</param>
    /// <param name="holds">Whether the vault has the keys of a direction of a CHILD SA.</param>
    public ResumeReport Resume(
        IReadOnlyList<Connection> connections, IEnumerable<(KeyHandle Handle, Secret Content)> slots, JournalledSas journal, Func<KeyHandle, bool> holds, Timestamp now, OutputList outputs)
    {
        var (known, decoded, refused) = (new ConnectionIndex(connections), new List<IkeSaState>(), new List<string>());
        foreach (var (handle, content) in slots)
        {
            if (!IkeSaSnapshot.TryDecode(content.Span, known.Find, out var state, out var error) || !IsNew(handle, state, decoded, out error))
            {
                state?.Release();
                refused.Add(error!);
                outputs.Add(new IkeOutput.Shred(handle));
                continue;
            }

            decoded.Add(state);
        }

        var resumption = new Resumption(journal, decoded, holds);
        resumption.Run(outputs);
        foreach (var state in resumption.States)
        {
            _options.Numbers.Skip(state.Peering.Id, state is IkeSaState.Established { Children: var children } ? children.Select(c => c.Id) : []);
            Add(Spread(state, now), outputs);
        }

        outputs.Order(0);
        return new ResumeReport(
            [.. resumption.States.Select(s => s.Peering.Id)], [.. outputs.OfType<IkeOutput.Install>().Select(i => i.Parameters.Id)], resumption.Lost, refused);
    }

    /// <summary>Sets up again what was lost, where the connection says who its peer is. False when it does not.</summary>
    public bool Revive(ConnectionName name, ValueList<ChildName> children, Timestamp now, OutputList outputs)
    {
        if (_connections.Find(name) is not { } connection || !connection.RemoteAddresses.Any(a => a.Single is not null || a is AddressPattern.Name)) return false;
        var wanted = children.Where(c => connection.Child(c) is not null).ToValueList();
        if (wanted.Count == 0) return false;
        Begin(connection, wanted, 1, now, outputs);
        Settle(now, outputs);
        return true;
    }

    /// <summary>Takes no new IKE SAs any more; with a reason, also asks all peers to delete theirs.</summary>
    public void Close(string? reason, Timestamp now, OutputList outputs)
    {
        _closing = true;
        if (reason is not null)
            foreach (var state in _table.All.ToList()) Step(state.Peering.Id, new IkeInput.Command.TerminateIkeSa(now, reason), outputs);
        Settle(now, outputs);
    }

    public void Dispose()
    {
        foreach (var state in _table.All) state.Release();
        _cookies.Dispose();
        _keys.Dispose();
    }

    private bool Command(ConnectionName name, ChildName? child, ulong? number, OutputList outputs, Timestamp now, Func<IkeSaState, IkeInput.Command> command)
    {
        var found = _table.Of(name).Where(s => s is IkeSaState.Connecting or IkeSaState.Established
            && (child is not { } c
                ? number is null || s.Peering.Id.Value == number
                : s is IkeSaState.Established e && e.Children.Any(x => x.Name == c && x.Installed && (number is null || x.Id.Value == number)))).ToList();
        foreach (var state in found) Step(state.Peering.Id, command(state), outputs);
        Settle(now, outputs);
        return found.Count > 0;
    }

    private static ChildSaId? Only(ulong? number) => number is { } n ? new ChildSaId(n) : null;

    private void Notice(ChildSaId child, IkeInput.Notice notice, OutputList outputs)
    {
        if (_table.OwnerOf(child) is { } owner) Step(owner.Peering.Id, notice, outputs);
        Settle(notice.Now, outputs);
    }

    // Also for IKE SAs that were resumed: the configuration may have changed right before the crash.
    private void Reconfigure(Connection connection, Timestamp now, OutputList outputs)
    {
        foreach (var state in _table.Of(connection.Name))
        {
            var sameButChildren = (state.Peering.Connection.Spec with { Children = connection.Spec.Children }) == connection.Spec;
            if (state is IkeSaState.Established established)
                foreach (var name in established.Children.Select(c => c.Name).Distinct().Where(n => connection.Child(n) is null))
                    Step(state.Peering.Id, new IkeInput.Command.TerminateChild(now, name, "configuration-removed"), outputs);
            if (sameButChildren && _table.TryGet(state.Peering.Id, out var current)) Update(current, current with { Peering = current.Peering with { Connection = connection } });
        }
    }

    // An IKE SA of the connection that is up or on its way and knows the children takes them, else a new one is begun.
    private void Begin(Connection connection, ValueList<ChildName> children, int @try, Timestamp now, OutputList outputs)
    {
        if (_closing) return;
        var existing = _table.Of(connection.Name)
            .Where(s => children.All(c => s.Peering.Connection.Child(c) is not null))
            .Where(s => s is IkeSaState.Established || (s is IkeSaState.Connecting && s.Peering.IsInitiator))
            .OrderBy(s => s is IkeSaState.Established ? 0 : 1).ThenByDescending(s => s.Peering.Id.Value).FirstOrDefault();
        if (existing is not null)
        {
            foreach (var child in children.AsSpan()) Step(existing.Peering.Id, new IkeInput.Command.InitiateChild(now, child), outputs);
            return;
        }

        Launch(connection, children, @try, null, now, outputs);
    }

    private void Launch(Connection connection, ValueList<ChildName> children, int @try, Peering? replacing, Timestamp now, OutputList outputs)
    {
        var start = outputs.Count;
        try
        {
            var state = _sa.Initiate(connection, children, @try, now, outputs, replacing);
            if (state is not IkeSaState.Gone) Add(state, outputs);
            TellSent(state.Peering, outputs, start);
            Absorb(state.Peering.Id, outputs, start, now);
        }
        catch (Exception)
        {
            outputs.RemoveFrom(start);
            Dropped(IkeDrop.Fault);
        }
    }

    private void Take(IkeSaId id, IkeInput.Datagram datagram, OutputList outputs)
    {
        if (_table.TryGet(id, out var state)) _options.Exchanged?.Invoke(state.Peering.Connection.Name, datagram.Message, true);
        Step(id, datagram, outputs);
    }

    // Tells of what a step sends; before its outputs are carried out, as others' may then stand between them.
    private void TellSent(Peering by, OutputList outputs, int start)
    {
        if (_options.Exchanged is not { } tell) return;
        for (var i = start; i < outputs.Count; i++)
            if (outputs[i] is IkeOutput.Send send) tell(by.Connection.Name, send.Payload, false);
    }

    private void OnStranger(IkeInput.Datagram datagram, IkeHeader header, OutputList outputs)
    {
        // RFC 7296 §2.2: the first request has message id 0.
        if (header.Exchange != ExchangeType.IkeSaInit || header.MessageId != MessageId.Zero) Dropped(IkeDrop.NotARequest);
        else if (_closing) Dropped(IkeDrop.ShuttingDown);
        else if (MayOpen(datagram, header, outputs)) Accept(datagram, outputs);
    }

    private void Accept(IkeInput.Datagram datagram, OutputList outputs)
    {
        var start = outputs.Count;
        IkeSaState? state = null;
        try
        {
            state = _sa.Accept(datagram, outputs);
        }
        catch (Exception)
        {
            // A bug costs this request, not the engine.
            outputs.RemoveFrom(start);
            Dropped(IkeDrop.Fault);
        }

        if (state is not null)
        {
            Add(state, outputs, datagram);
            _options.Exchanged?.Invoke(state.Peering.Connection.Name, datagram.Message, true);
            TellSent(state.Peering, outputs, start);
        }

        Absorb(state?.Peering.Id, outputs, start, datagram.Now);
    }

    // RFC 7296 §2.6: under a flood a stranger must first show that it receives at its address.
    private bool MayOpen(IkeInput.Datagram datagram, IkeHeader header, OutputList outputs)
    {
        var settings = _options.Settings;
        var source = datagram.Remote.Address;
        if (_table.HalfOpen >= settings.CookieThreshold)
        {
            if (!MessageCodec.TryParse(datagram.Message.Span, out var message, out _) || message.Find<NoncePayload>()?.Nonce is not { } nonce)
            {
                Dropped(IkeDrop.Malformed);
                return false;
            }

            var cookie = message.Notify(NotifyType.Cookie)?.Data;
            if (cookie is not { } given || !_cookies.IsOurs(given, nonce, source, header.InitiatorSpi, datagram.Now))
            {
                Dropped(cookie is null ? IkeDrop.CookieRequested : IkeDrop.WrongCookie);
                Stateless.Answer(outputs, datagram, header, NotifyType.Cookie, _cookies.Bake(nonce, source, header.InitiatorSpi, datagram.Now));
                return false;
            }
        }

        if (_table.HalfOpenOf(source) >= settings.HalfOpenPerSource)
        {
            Dropped(IkeDrop.HalfOpenLimitOfSource);
            return false;
        }

        if (_table.HalfOpen < settings.HalfOpenLimit) return true;
        Dropped(IkeDrop.HalfOpenLimit);
        return false;
    }

    private void Step(IkeSaId id, IkeInput input, OutputList outputs)
    {
        if (!_table.TryGet(id, out var before)) return;
        var start = outputs.Count;
        IkeSaState after;
        try
        {
            after = _sa.Step(before, input, outputs);
        }
        catch (Exception)
        {
            // One SA's bug loses that SA, not the engine.
            outputs.RemoveFrom(start);
            Dropped(IkeDrop.Fault);
            after = Lose(before, outputs);
        }

        if (BetweenSteps is { } between) after = between(after);
        Update(before, after);
        Account(before.Peering, after is IkeSaState.Gone ? null : after.Peering, outputs);
        TellSent(after.Peering, outputs, start);
        Absorb(id, outputs, start, input.Now);
    }

    private static IkeSaState.Gone Lose(IkeSaState state, OutputList outputs)
    {
        foreach (var timer in state.Timers.Keys) outputs.Add(new IkeOutput.CancelTimer(timer));
        if (state is IkeSaState.Established established)
        {
            foreach (var child in established.Children.Where(c => c.Installed))
            {
                outputs.Add(new IkeOutput.Fact(new ChildSaClosed(child.Id, state.Peering.Id, state.Peering.Connection.Name, child.Name, "fault")));
                outputs.Add(new IkeOutput.Uninstall(child.Id));
                outputs.Add(new IkeOutput.Shred(child.Parameters.InboundKey));
                outputs.Add(new IkeOutput.Shred(child.Parameters.OutboundKey));
            }

            outputs.Add(new IkeOutput.Fact(new IkeSaClosed(state.Peering.Id, state.Peering.Connection.Name, "fault")));
        }

        outputs.Add(new IkeOutput.Shred(state.Peering.Slot));
        state.Release();
        return new IkeSaState.Gone { Peering = state.Peering, Reason = "fault" };
    }

    // Carries out what is the engine's own affair, and leaves the rest to the Host.
    private void Absorb(IkeSaId? id, OutputList outputs, int start, Timestamp now)
    {
        for (var i = start; i < outputs.Count; i++)
        {
            switch (outputs[i])
            {
                case IkeOutput.SetTimer set:
                    _deadlines.Set(id!.Value, set.Id, set.At);
                    break;
                case IkeOutput.CancelTimer cancel:
                    _deadlines.Cancel(id!.Value, cancel.Id);
                    break;
                case IkeOutput.Successor successor:
                    Add(successor.State, outputs);
                    break;
                case IkeOutput.Handover handover:
                    // What the heir stores comes before what the other one forgets.
                    var inherited = new OutputList();
                    if (_table.TryGet(handover.To, out var heir) && heir is IkeSaState.Established)
                    {
                        _table.Adopt(handover.To, handover.Estate.Estate.Children);
                        Step(handover.To, handover.Estate, inherited);
                    }
                    else
                    {
                        Orphan(handover.Estate, inherited);
                    }

                    outputs.InsertRange(i + 1, inherited);
                    outputs.RemoveAt(i--);
                    continue;
                case IkeOutput.Supersede supersede:
                    _afterwards.Enqueue((at, list) => Supersede(supersede, at, list));
                    break;
                case IkeOutput.Reauthenticate reauthenticate:
                    _afterwards.Enqueue((at, list) => Reauthenticate(reauthenticate, at, list));
                    break;
                case IkeOutput.Retire retire:
                    _afterwards.Enqueue((at, list) => Step(retire.IkeSa, new IkeInput.Command.TerminateIkeSa(at, retire.Reason), list));
                    break;
                case IkeOutput.Trap trap:
                    _traps.Add((trap.Connection, trap.Child));
                    break;
                case IkeOutput.Restart restart:
                    _afterwards.Enqueue((at, list) => Restart(restart, at, list));
                    break;
                case IkeOutput.Drop drop:
                    Dropped(drop.Reason);
                    break;
                case IkeOutput.Fact { Event: IkeSaFailed failure }:
                    if (_failures.Pass(failure, now) is { } passed) outputs.Replace(i, new IkeOutput.Fact(passed));
                    else outputs.RemoveAt(i--);
                    continue;
                case IkeOutput.Install install:
                    _table.Installed(install.Parameters);
                    continue;
                case IkeOutput.Uninstall uninstall:
                    _table.Uninstalled(uninstall.Child);
                    continue;
                default:
                    continue;
            }

            outputs.RemoveAt(i--);
        }
    }

    // The heir is gone before it inherited.
    private static void Orphan(IkeInput.Inherit estate, OutputList outputs)
    {
        foreach (var child in estate.Estate.Children.Where(c => c.Installed))
        {
            outputs.Add(new IkeOutput.Fact(new ChildSaClosed(child.Id, estate.From, child.Parameters.Connection, child.Name, "lost")));
            outputs.Add(new IkeOutput.Uninstall(child.Id));
            outputs.Add(new IkeOutput.Shred(child.Parameters.InboundKey));
            outputs.Add(new IkeOutput.Shred(child.Parameters.OutboundKey));
        }
    }

    private void Settle(Timestamp now, OutputList outputs)
    {
        while (_afterwards.TryDequeue(out var action)) action(now, outputs);
    }

    private void Supersede(IkeOutput.Supersede supersede, Timestamp now, OutputList outputs)
    {
        foreach (var other in Between(supersede.LocalId, supersede.RemoteId, supersede.By).ToList())
            Step(other.Peering.Id, supersede.Silently ? new IkeInput.Command.Abandon(now, "initial-contact") : new IkeInput.Command.TerminateIkeSa(now, "replaced"), outputs);
    }

    private void Reauthenticate(IkeOutput.Reauthenticate wish, Timestamp now, OutputList outputs)
    {
        if (_closing || _connections.Find(wish.Old.Connection.Name) is not { } connection) return;
        Launch(connection, wish.Children.Where(c => connection.Child(c) is not null).ToValueList(), 1, wish.Old, now, outputs);
    }

    private void Restart(IkeOutput.Restart restart, Timestamp now, OutputList outputs)
    {
        if (_connections.Find(restart.Connection) is { } connection) Begin(connection, restart.Children.ToValueList(), restart.Try, now, outputs);
    }

    private IEnumerable<IkeSaState> Between(Identity local, Identity remote, IkeSaId except) => _table.Between(local, remote).Where(s => s.Peering.Id != except);

    private bool IsNew(KeyHandle handle, IkeSaState state, List<IkeSaState> others, out string? error)
    {
        var id = state.Peering.Id;
        error = state.Peering.Slot != handle ? $"The slot of IKE SA {id} is another one's."
            : _table.TryGet(id, out _) || _table.IsTaken(state.Peering.OurSpi) || others.Exists(o => o.Peering.Id == id) ? $"IKE SA {id} is up already." : null;
        return error is null;
    }

    // Checks for life that fell due while nobody was there are spread over a while, so that a thousand peers are not asked at once.
    private IkeSaState Spread(IkeSaState state, Timestamp now)
    {
        // When a child last carried something nobody wrote down: it counts as if that was now.
        foreach (var idle in state.Timers.Keys.Where(t => t.Kind == TimerKind.ChildIdle))
            if (state is IkeSaState.Established e && Agenda.Find(e, new ChildSaId(idle.Number)) is { } child && e.Peering.Connection.Child(child.Name) is { } config)
                state = state with { Timers = state.Timers.SetItem(idle, now + config.Inactivity) };
        var liveness = new TimerId(TimerKind.Liveness);
        if (!state.Timers.TryGetValue(liveness, out var at) || at > now) return state;
        var most = state.Peering.Connection.DpdDelay < _spread ? state.Peering.Connection.DpdDelay : _spread;
        Span<byte> random = stackalloc byte[2];
        _options.Entropy.Fill(random);
        return state with { Timers = state.Timers.SetItem(liveness, now + (most * ((random[0] << 8 | random[1]) / 65536.0))) };
    }

    // Addresses are had by all living IKE SAs that name them, so that a rekeyed one hands them on, and the last one gives them back.
    private void Account(Peering? before, Peering? after, OutputList outputs)
    {
        var (ours, theirs) = (after?.OwnVips ?? default, after?.PeerVips ?? default);
        var (oursBefore, theirsBefore) = (before?.OwnVips ?? default, before?.PeerVips ?? default);
        if (theirs != theirsBefore)
        {
            foreach (var address in theirs) _leases.Use(address);
            foreach (var address in theirsBefore)
                if (_leases.Leave(address) is { } released) outputs.Add(new IkeOutput.Fact(released));
        }

        if (ours != oursBefore)
        {
            foreach (var address in ours)
                if ((_ownVips[address] = _ownVips.GetValueOrDefault(address) + 1) == 1) outputs.Add(new IkeOutput.AddAddress(address));
            foreach (var address in oursBefore)
                if (--_ownVips[address] == 0 && _ownVips.Remove(address)) outputs.Add(new IkeOutput.RemoveAddress(address));
        }

        if (_found.Count == 0) return;
        foreach (var released in _leases.Unused(_found)) outputs.Add(new IkeOutput.Fact(released));
        _found.Clear();
    }

    private void Add(IkeSaState state, OutputList outputs, IkeInput.Datagram? request = null)
    {
        if (BetweenSteps is { } between) state = between(state);
        Account(null, state.Peering, outputs);
        _table.Add(state, request is null ? null : SaTable.KeyOf(request));
        _options.Changed?.Invoke(state.Peering.Id, state);
        foreach (var (timer, at) in state.Timers) _deadlines.Set(state.Peering.Id, timer, at);
    }

    private void Update(IkeSaState before, IkeSaState after)
    {
        if (ReferenceEquals(before, after)) return;
        _table.Update(before, after);
        _options.Changed?.Invoke(before.Peering.Id, after is IkeSaState.Gone ? null : after);
    }

    private bool MayAnswerStrangers(Timestamp now)
    {
        var second = now.Milliseconds / 1000;
        if (_unsolicited.Second != second) _unsolicited = (second, 0);
        return ++_unsolicited.Answers <= MaxUnsolicited;
    }

    private void Dropped(IkeDrop reason) => _drops[(int)reason]++;

    /// <summary>What a step may ask of the engine.</summary>
    private sealed class Directory(IkeEngine engine) : IDirectory
    {
        public Connection? Find(ConnectionName name) => engine._connections.Find(name);

        public IReadOnlyList<Connection> Between(IPAddress local, IPAddress remote) => engine._connections.Between(local, remote);

        public Secret? SharedKey(Identity local, Identity remote) => engine._secrets.Find(local, remote) is { } best ? engine._options.Secrets.Open(best.Handle) : null;

        public Credentials Credentials => engine._keys.Credentials;

        public RevocationCache Revocation => engine._keys.Revocation;

        public PrivateKey? PrivateKey(KeyHandle handle) => engine._keys.PrivateKey(handle);

        public Secret? EapPassword(Identity user, Identity server) => engine._keys.EapPassword(user, server);

        public Secret? NtHash(Identity user, Identity server) => engine._keys.NtHash(user, server);

        public Secret? Ppk(string id) => engine._keys.Ppk(id);

        public DateTimeOffset TimeOfDay(Timestamp now) => engine._options.TimeOfDay(now);

        public IPAddress? LocalAddressTowards(IPAddress remote) => engine._options.LocalAddressTowards(remote);

        public Timestamp? LastCarried(ChildSaId child, Timestamp now) => engine._options.LastCarried(child, now);

        public Lease? Lease(LeaseRequest request)
        {
            var lease = engine._leases.Find(request);
            if (lease is not null) engine._found.Add(lease.Address);
            return lease;
        }

        public IkeSaId NextIkeSa() => engine._options.Numbers.NextIkeSa();

        public ChildSaId NextChildSa() => engine._options.Numbers.NextChildSa();

        public bool IsTaken(Spi spi) => engine._table.IsTaken(spi);

        public bool IsTaken(IkeSpi spi) => engine._table.IsTaken(spi);

        public bool HasOther(Identity local, Identity remote, IkeSaId than) => engine.Between(local, remote, than).Any();
    }
}
