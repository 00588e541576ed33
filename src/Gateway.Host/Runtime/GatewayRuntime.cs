using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Crypto.Aead;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Io;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Appliance;
using Gateway.Host.Bus;
using Gateway.Host.Control;
using Gateway.Host.Control.Senders;
using Gateway.Host.Descriptors;
using Gateway.Host.Diagnostics;
using Gateway.Host.Explain;
using Gateway.Host.Ike;
using Gateway.Host.Journal;
using Gateway.Host.Vault;
using Gateway.Host.Vici.Server;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>
/// Puts the parts together, in the order in which they can be trusted: vault, journal, what the journal says, security policies, ports, IKE, and only
/// then the doors. Everything a door can ask is answered here or handed on.
/// </summary>
internal sealed class GatewayRuntime : IGatewayFace, IPuntSink, INoticeSink, IAsyncDisposable
{
    /// <summary>Packets that are followed at most to find those that are dropped; a number in a packet tells them apart.</summary>
    private const int MostFollowed = 60_000;

    private readonly ApplianceConfig _appliance;
    private readonly Logs _logs;
    private readonly ILogger _log;
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private readonly Stack<IAsyncDisposable> _parts = new();
    private readonly Lock _inventoryGate = new();
    private readonly CompiledConnections _compiled = new();
    private VaultFile _vault = null!;
    private IJournal _journal = null!;
    private JournalKeeping _keeping = null!;
    private JournalSequencer _sequencer = null!;
    private JournalRecords _records = null!;
    private DataplaneControl _dataplane = null!;
    private PortFactory _ports = null!;
    private PuntKeeper? _punt;
    private HeapTrim _heap = null!;
    private IkeDriver _ike = null!;
    private Reconciler _reconciler = null!;
    private CommandHandler _commands = null!;
    private readonly Followers<ViciFact> _facts = new();
    private SaInventory _inventory = SaInventory.Empty;
    private LeaseBook _leases = LeaseBook.Empty;
    private ShowViews _views = null!;
    private Explainer _explainer = null!;
    private NamesNow _names = null!;
    private volatile TraceWish _traced = new(1000);
    private IBus? _bus;
    private string? _journalTrouble;
    private volatile bool _resumed;
    private Authorization _authorization = null!;
    private Func<PortSpec, PacketPool, IPacketPort?>? _wires;

    private GatewayRuntime(ApplianceConfig appliance, Logs logs)
    {
        (_appliance, _logs) = (appliance, logs);
        _log = logs.For("host");
    }

    public static string Version { get; } = typeof(GatewayRuntime).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Why the gateway ends, for the journal.</summary>
    public string StopReason { get; set; } = "stopped";

    /// <summary>The packets' side.</summary>
    internal DataplaneControl Dataplane => _dataplane;

    /// <summary>It ends because it could not go on.</summary>
    public bool Failed { get; private set; }

    public IReadOnlyDictionary<string, string> LogLevels => _logs.Levels;

    /// <summary>Starts everything; on failure what was started is ended again.</summary>
    /// <param name="mustStop">Called when the gateway cannot go on, with the reason.</param>
    /// <param name="wires">Ports in place of devices; null none.</param>
    public static async Task<GatewayRuntime> StartAsync(ApplianceConfig appliance, Logs logs, Action<string> mustStop, CancellationToken stop, Func<PortSpec, PacketPool, IPacketPort?>? wires = null)
    {
        var gateway = new GatewayRuntime(appliance, logs) { _wires = wires };
        try
        {
            await gateway.StartAsync(mustStop, stop).ConfigureAwait(false);
            return gateway;
        }
        catch
        {
            gateway.Failed = true;
            await gateway.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public Task<Outcome> HandleAsync(ReadOnlyMemory<byte> command, Principal principal, CancellationToken cancellationToken) => _commands.HandleAsync(command, principal, cancellationToken);

    public Rights RightsOf(Principal principal) => _authorization.Of(principal).Speaker.Rights;

    public GatewayView Gateway() => new()
    {
        Id = _appliance.Id,
        Version = Version,
        Started = _started,
        Revision = _commands.Running.Revision,
        Position = _sequencer.Stored.Position,
        Journal = _journal is IJournalHealth { Health: { Sentence: not "ok" } health } ? health.Sentence : _journalTrouble ?? "ok",
        Bus = _bus?.Status ?? "starting",
        Aead = AesGcmEngine.Path,
        Pending = _reconciler.Statuses.Count(s => s.State == ItemState.Pending),
    };

    public IReadOnlyList<object> Show(string topic, string? name)
    {
        SaInventory inventory;
        LeaseBook leases;
        lock (_inventoryGate) (inventory, leases) = (_inventory, _leases);
        return topic == "pools" ? _views.Pools(name, leases) : _views.Rows(topic, name, inventory);
    }

    public Task<IReadOnlyList<object>> ShowAtAsync(string topic, string? name, string at, CancellationToken cancellationToken) => _records.ShowAsync(topic, name, at, cancellationToken);

    public Task<IReadOnlyList<BlameRow>> BlameAsync(string? item, string? at, CancellationToken cancellationToken) => _records.BlameAsync(item, at, cancellationToken);

    public Task<IReadOnlyList<NatHolderRow>> NatWhoAsync(string endpoint, string? at, CancellationToken cancellationToken) => _records.NatWhoAsync(endpoint, at, cancellationToken);

    public Task<ConfigView> ConfigAsync(string? at, CancellationToken cancellationToken) => _records.ConfigAsync(at, cancellationToken);

    public IAsyncEnumerable<HistoryRow> HistoryAsync(HistoryFilter filter, CancellationToken cancellationToken) => _records.HistoryAsync(filter, cancellationToken);

    public Task<IReadOnlyList<DiffRow>> DiffAsync(string a, string b, CancellationToken cancellationToken) => _records.DiffAsync(a, b, cancellationToken);

    public KeyView Key() => _keeping.KeyView();

    public Task ExportAsync(string? since, string? until, Stream to, CancellationToken cancellationToken) => _keeping.ExportAsync(since, until, to, cancellationToken);

    public Task<ArchiveView> ArchiveAsync(string until, CancellationToken cancellationToken) => _keeping.ArchiveAsync(until, cancellationToken);

    public Task<VerifyView> VerifyAsync(CancellationToken cancellationToken) => _records.VerifyAsync(cancellationToken);

    public Task<ExplainView> ExplainAsync(string? flow, string? at, bool reply, CancellationToken cancellationToken) => _explainer.ExplainAsync(flow, at, reply, cancellationToken);

    public void StartTrace(TraceWish wish)
    {
        uint index = 0;
        if (wish.Interface is not null && !_dataplane.TryFindInterface(wish.Interface, out index)) throw new AskedWrongException("unknown-interface", $"There is no interface {wish.Interface}.");
        TraceFilter? filter = null;
        if (wish.Flow is not null && !TraceText.TryParse(wish.Flow, out filter, out var error)) throw new AskedWrongException("invalid-flow", error);
        _traced = wish;
        // Nobody knows beforehand which packets are dropped: of many that are followed the newest are kept.
        _dataplane.StartTrace(wish.Drops ? MostFollowed : wish.Count, index, filter);
    }

    public async Task<IReadOnlyList<TraceView>> ReadTraceAsync(CancellationToken cancellationToken)
    {
        var rows = _dataplane.ReadTrace();
        if (rows.Count == 0) return [];
        return TraceViews.Of(rows, await _names.GetAsync(cancellationToken).ConfigureAwait(false), _traced.Drops, _traced.Count);
    }

    public void SetLogLevel(string area, string level) => _logs.Set(area, level);

    void IPuntSink.OnDatagram(PuntedDatagram datagram) => _ike?.Receive(datagram);

    void INoticeSink.OnNotice(DataplaneNotice notice)
    {
        if (notice is DataplaneNotice.NeighborLearned or DataplaneNotice.NeighborUnreachable) HostLog.NoticeDetail(_log, notice.ToString());
        else if (notice is DataplaneNotice.AddressConflict or DataplaneNotice.WorkerDied) HostLog.Notice(_log, notice.ToString());
        // An SA that is about to be resumed must not be asked for anew.
        else if (_resumed || notice is not AcquireNotice) _ike?.Notice(notice);
    }

    public async ValueTask DisposeAsync()
    {
        HostLog.Stopping(_log, _appliance.Id, StopReason);
        while (_parts.TryPop(out var part)) await part.DisposeAsync().ConfigureAwait(false);
    }

    private async Task StartAsync(Action<string> mustStop, CancellationToken stop)
    {
        var bootId = VaultFile.CurrentBootId();
        var key = KeyEncryptionKey.Load(_appliance.Vault.Key, mayCreate: !File.Exists(_appliance.Vault.Path));
        _parts.Push(new Ending(key.Dispose));
        _vault = VaultFile.Open(_appliance.Vault.Path, key, _appliance.Id, bootId);
        _parts.Push(new Ending(_vault.Dispose));
        // Beside the replay: with many SAs both take a while.
        var slots = Task.Run(() => _vault.Doubt == VaultDoubt.None ? SaSlots.Read(_vault) : new SaSlots(), CancellationToken.None);
        _parts.Push(new Ending(() => slots.GetAwaiter().GetResult().Dispose()));
        // So is the dataplane: it has no port yet and knows nothing of the journal. The vault, which is open, keeps a second gateway away.
        var dataplane = Task.Run(MakeDataplane, CancellationToken.None);
        _parts.Push(new DataplaneEnd(dataplane));
        var secrets = new VaultSecrets(_vault);
        _parts.Push(new Ending(secrets.Dispose));

        _journal = Journals.Create(_appliance, _logs.For("journal"));
        _parts.Push(_journal);
        var head = await _journal.OpenAsync(stop).ConfigureAwait(false);
        if (_journal is not MemoryJournal) _vault.RefuseEmptyJournal(head, _appliance.Journal.Path);
        _keeping = new JournalKeeping(_appliance, _journal, _vault, _logs.For("journal"));
        _parts.Push(new Ending(_keeping.Dispose));
        _records = _keeping.Records;
        var past = await _keeping.ReplayAsync(head, stop).ConfigureAwait(false);
        var (running, inventory) = (past.Configuration, past.Sas);
        (_inventory, _leases) = (inventory, past.Fold.Leases);

        _sequencer = new JournalSequencer(_journal, head, EventCatalog.Encode);
        _parts.Push(_keeping.Begin(_sequencer));
        _parts.Push(_sequencer);
        _sequencer.Subscribe(OnStored);
        _sequencer.Rewound += e => _journalTrouble = e.Message;
        void GiveUp(Exception e)
        {
            Failed = true;
            HostLog.JournalLost(_log, e.Message);
            mustStop("the journal was lost");
        }

        _sequencer.Fatal += GiveUp;
        if (_journal is IJournalHealth health) health.Ended += GiveUp;
        _vault.CheckJournal(head);
        _sequencer.Storing += _vault.JournalWillStore;
        _sequencer.Kept += _vault.JournalStored;
        Report([new GatewayStarted(Version, bootId.ToString()), .. _keeping.News()]);
        _parts.Push(new Ending(() => Report([new GatewayStopped(StopReason)])));
        // Secrets that nothing names were left by a crash between vault and journal.
        var named = running.Configuration.OfKind(ItemCatalog.Secret).Select(i => ((SecretSpec)i.Spec).Handle).ToHashSet();
        if (_vault.KnowsJournal) secrets.ShredStrays(named);
        else if (secrets.Strays(named) is { Count: > 0 } kept) HostLog.StraysKept(_log, kept.Count);

        (_ports, _dataplane, _) = await dataplane.ConfigureAwait(false);
        // Before there is any port: what must be protected is, with the SAs that go on.
        _dataplane.Security.SetPolicies(SecurityPolicies.Of(running.Configuration));
        _dataplane.Flows.KeepAccount(new NatLedger(_sequencer), NatLedger.BlocksOf(past.Fold.NatBlocks));
        _dataplane.Flows.SetRules(NatDescriptor.RulesOf(running.Configuration));
        _dataplane.Flows.SetSettings(ConntrackDescriptor.SettingsOf(running.Configuration));
        if (_dataplane.Flows.Trouble is { } trouble) HostLog.Notice(_log, trouble);
        CreateIke(inventory, past.Fold.Leases);
        var facts = new FactWriter(_sequencer, TimeProvider.System);
        _parts.Push(facts);
        _reconciler = new Reconciler(
            [
                .. DataplaneDescriptors.Of(_dataplane, _ports, _wires),
                new SecretDescriptor(secrets), new CertificateDescriptor(), new AuthorityDescriptor(), new PoolDescriptor(), new ConnectionDescriptor(_compiled), new PolicyDescriptor(),
            ],
            TimeProvider.System, facts.Write, new ReconcilerOptions(), Phases(secrets, running.Configuration));
        _parts.Push(_reconciler);
        _ports.LinkChanged += change => _reconciler.Poke($"device {change.Device}");
        // Ports open while the SAs come back. Until they are there what must be protected is dropped; what is left for the IKE engine waits in its mailbox.
        var configured = _reconciler.StartAsync(running.Configuration, running.Pending);
        using (var read = await slots.ConfigureAwait(false)) await ResumeAsync(read, running.Configuration, inventory, head, stop).ConfigureAwait(false);
        _resumed = true;
        _ike.Start();
        await configured.ConfigureAwait(false);
        foreach (var device in _ports.ReleaseUnclaimed()) HostLog.GivenBack(_log, device);

        _authorization = new Authorization(_appliance.Authorization, _appliance.Limits);
        _commands = new CommandHandler(
            new CommandHandlerParts
            {
                IkePorts = [_appliance.Ike.Port, _appliance.Ike.PortNatT],
                Sequencer = _sequencer,
                Journal = _journal,
                Reconciler = _reconciler,
                Vault = secrets,
                Digest = secrets,
                SaCommands = _ike,
                Sessions = new FlowCommands(_dataplane.Flows),
                Proposals = new IkeProposalSyntax(),
                Certificates = new CertificateData(),
                Clock = TimeProvider.System,
                Authorization = _authorization,
                Past = async (at, cancel) => (await _records.StateAsync(at, blame: false, cancel).ConfigureAwait(false)).Configuration.Configuration,
            },
            running.Configuration);
        _parts.Push(_commands);
        _views = new ShowViews(_dataplane, _ike, _reconciler, () => _commands.Running, _commands.Counters, () => _bus?.Counters);
        _names = new NamesNow(_records, () => _commands.Running);
        _explainer = new Explainer(_records, TwinBox.Of(_appliance, _dataplane));
        _parts.Push(new Ending(_explainer.Dispose));
        if (head.Position == 0) await FirstConfigurationAsync(stop).ConfigureAwait(false);

        var api = await ApiServer.StartAsync(_appliance.Api, this, _logs.Factory, stop).ConfigureAwait(false);
        _parts.Push(api);
        if (_appliance.Vici.Socket is { Length: > 0 } vici) _parts.Push(ViciServer.Start(vici, new ViciFace(this), _logs.For("vici")));
        await StartBusAsync(stop).ConfigureAwait(false);
        _parts.Push(new Ending(new Telemetry(_appliance.Telemetry, this).Dispose));
        HostLog.Started(_log, _appliance.Id, Version, _commands.Running.Revision, _sequencer.Stored.Position, AesGcmEngine.Path);
    }

    private async Task ResumeAsync(SaSlots slots, RunningConfiguration configuration, SaInventory inventory, JournalHead head, CancellationToken stop)
    {
        if (_vault.Doubt is not VaultDoubt.None and var doubt)
        {
            if (inventory.IkeSas.Count > 0) HostLog.NotResumed(_log, inventory.IkeSas.Count, doubt.Sentence());
            Report([.. inventory.IkeSas.Values.Select(sa => new SaLost(sa.Id, doubt.Word()))]);
            _vault.Shred([.. _vault.Slots().Where(s => s.Kind is SlotKind.IkeSa or SlotKind.ChildSa).Select(s => s.Handle)]);
            _vault.Trust();
            _ike.Revive(SaRecords.Under(inventory, inventory.IkeSas.Values.Select(s => s.Id).ToHashSet()));
            return;
        }

        if (inventory.IkeSas.Count == 0 && slots.IkeSas.Count == 0 && slots.Others.Count == 0) return;
        var named = inventory.IkeSas.Values.Select(s => s.Established.Slot).ToHashSet();
        var unnamed = slots.IkeSas.Exists(s => !named.Contains(s.Handle));
        var ended = unnamed ? await SaRecords.EndedAsync(_journal, head, stop).ConfigureAwait(false) : new HashSet<IkeSaId>();
        var connections = new List<Connection>();
        foreach (var item in configuration.OfKind(ItemCatalog.Connection))
            if (_compiled.TryGet(item, out var connection, out _)) connections.Add(connection);
        var report = await _ike.ResumeAsync(slots, connections, SaRecords.Of(inventory, ended)).ConfigureAwait(false);
        var log = _logs.For("ike");
        foreach (var refused in report.Refused) IkeLog.SlotRefused(log, refused);
        foreach (var group in report.Lost.GroupBy(l => l.Reason)) HostLog.NotResumed(_log, group.Count(), group.Key);
        IkeLog.Resumed(log, report.IkeSas.Count, report.ChildSas.Count);
        _ike.Revive(SaRecords.Under(inventory, report.Lost.Select(l => l.IkeSa).ToHashSet()));
    }

    /// <summary>Ports, workers and what was learned before a crash; nothing else of this gateway is touched, so it may run beside the replay.</summary>
    private DataplaneSet MakeDataplane()
    {
        var section = _appliance.Dataplane;
        var folder = Path.GetDirectoryName(_appliance.Vault.Path)!;
        PortFactory ports;
        try
        {
            // Beside the vault: what was taken from the host is remembered over a crash, and forgotten by itself on another boot.
            ports = new PortFactory(Path.Combine(folder, "takeover.json"));
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidDataException)
        {
            throw new IOException(e.Message, e);
        }

        ports.AttachFailed += (device, reason) => HostLog.AttachFailed(_log, device, reason);
        DataplaneControl? control = null;
        try
        {
            control = new DataplaneControl(new DataplaneOptions { Workers = section.CountWorkers(), Cores = section.Cores, Buffers = section.Buffers, Hugepages = section.Hugepages, Flows = section.Sessions, FlowsPerSource = section.SessionsPerSource ?? 0, FlowFolder = folder, Boot = VaultFile.CurrentBootId(), IkePorts = new IkePorts((ushort)_appliance.Ike.Port, (ushort)_appliance.Ike.PortNatT) }, this, this);
            control.Start();
            var warm = new WarmKeeper(folder, VaultFile.CurrentBootId(), [new WarmNeighbors(control)], sentence => HostLog.Notice(_log, sentence));
            warm.Start();
            return new DataplaneSet(ports, control, warm);
        }
        catch
        {
            control?.Dispose();
            ports.Dispose();
            throw;
        }
    }

    private void CreateIke(SaInventory inventory, LeaseBook leases)
    {
        var section = _appliance.Ike;
        var keyLog = KeyLog.Open(_appliance.Debug.KeyLog);
        if (keyLog is not null) IkeLog.KeyLogOn(_logs.For("ike"));
        _heap = new HeapTrim(_vault.LetGo);
        _parts.Push(new Ending(_heap.Dispose));
        _ike = new IkeDriver(new IkeDriverParts
        {
            Installed = () => _heap.Changed(1),
            Vault = _vault,
            Sequencer = _sequencer,
            Dataplane = _dataplane,
            Security = _dataplane.Security,
            Leases = [.. leases.Leases.Values.Select(l => new JournalledLease(l.Pool, l.Address, l.Identity, l.Online))],
            Numbers = new SaNumbers(inventory.LastIkeSaId, inventory.LastChildSaId),
            Log = _logs.For("ike"),
            KeyLog = keyLog,
            Settings = new IkeSettings
            {
                IkePort = section.Port,
                NattPort = section.PortNatT,
                SignatureAuthentication = section.SignatureAuthentication,
                RetransmitTimeout = TimeSpan.FromSeconds(section.RetransmitTimeout),
                RetransmitBase = section.RetransmitBase,
                RetransmitTries = section.RetransmitTries,
                Keepalive = TimeSpan.FromSeconds(section.KeepAlive),
                // As with strongSwan, 0 switches a threshold off.
                MakeBeforeBreak = section.MakeBeforeBreak,
                CookieThreshold = section.CookieThreshold == 0 ? int.MaxValue : section.CookieThreshold,
                HalfOpenPerSource = section.BlockThreshold == 0 ? int.MaxValue : section.BlockThreshold,
                HalfOpenTimeout = TimeSpan.FromSeconds(section.HalfOpenTimeout),
                FragmentSize = section.FragmentSize,
            },
        });
        _parts.Push(_ike);
    }

    private ConfigurationPhases Phases(VaultSecrets secrets, RunningConfiguration protects)
    {
        if (_appliance.Dataplane.PuntTap.Length > 0)
        {
            _punt = new PuntKeeper(_dataplane, _ports, _appliance.Dataplane.PuntTap, _logs.For("dataplane"));
            _parts.Push(new Ending(_punt.Dispose));
        }

        return new ConfigurationPhases(_dataplane.Security, _ike, secrets, _compiled, _punt, _heap, protects);
    }

    private async Task FirstConfigurationAsync(CancellationToken stop)
    {
        if (_appliance.Config is not { } items || items.GetArrayLength() == 0) return;
        var command = new JsonObject { ["id"] = "appliance.json", ["issuer"] = "appliance.json", ["reason"] = "first start", ["put"] = JsonNode.Parse(items.GetRawText(), documentOptions: ApplianceFile.Lenient) };
        var outcome = await _commands.HandleAsync(JsonSerializer.SerializeToUtf8Bytes(command), new Principal("config", "appliance.json"), stop).ConfigureAwait(false);
        foreach (var error in outcome.Errors) HostLog.FirstConfigRefused(_log, error.Item, error.Path, error.Message);
    }

    // The gateway forwards whether or not a broker answers; the bus joins when one does.
    private async Task StartBusAsync(CancellationToken stop)
    {
        _bus = BusFactory.Create(new BusParts
        {
            Section = _appliance.Bus,
            GatewayId = _appliance.Id,
            Handle = HandleAsync,
            LastPosition = () => _sequencer.Stored.Position,
            RightsOf = RightsOf,
            Journal = _journal,
            CheckpointPath = BusParts.CheckpointOf(_appliance),
            Head = _appliance.Journal.PublishHeads ? () => _keeping.Signer?.Last : null,
            Log = _logs.For("bus"),
        });
        _parts.Push(_bus);
        await _bus.StartAsync(stop).ConfigureAwait(false);
    }

    private void OnStored(Envelope envelope, GatewayEvent e)
    {
        _journalTrouble = null;
        ViciFact fact;
        lock (_inventoryGate)
        {
            var before = _inventory;
            _inventory = before.Apply(new JournalEvent(envelope, e));
            _leases = _leases.Apply(new JournalEvent(envelope, e));
            fact = new ViciFact(envelope, e, before, _inventory);
        }

        _facts.Tell(fact);
    }

    // A fact of the gateway itself that cannot be stored now is in the log; the state it tells of is shown anyway.
    private void Report(IReadOnlyList<GatewayEvent> events)
    {
        try
        {
            _ = _sequencer.Append(events, new EventContext(Principal.Gateway, DateTimeOffset.UtcNow), Durability.Soon).Stored
                .ContinueWith(t => HostLog.Notice(_log, t.Exception!.InnerException!.Message), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
        catch (JournalUnavailableException e)
        {
            HostLog.Notice(_log, e.Message);
        }
    }

    /// <summary>What the vici door asks, answered from the same parts as everything else.</summary>
    private sealed class ViciFace(GatewayRuntime gateway) : IViciFace
    {
        public string Version => GatewayRuntime.Version;

        public DateTimeOffset Started => gateway._started;

        public Policy.Items.RunningConfiguration Running => gateway._commands.Running;

        public IReadOnlyList<IkeSaView> IkeSas => gateway._ike.Sas;

        public SaInventory Inventory
        {
            get
            {
                lock (gateway._inventoryGate) return gateway._inventory;
            }
        }

        public LeaseBook Leases
        {
            get
            {
                lock (gateway._inventoryGate) return gateway._leases;
            }
        }

        public IReadOnlySet<string> Owned => gateway._ike.Owned;

        public void ForgetRevocation() => gateway._ike.ForgetRevocation();

        public IkeMessageCounts Messages => gateway._ike.Messages;

        public int HalfOpen => gateway._ike.HalfOpen;

        public Rights RightsOf(Principal principal) => gateway.RightsOf(principal);

        public Task<Outcome> HandleAsync(Command command, Principal principal, CancellationToken cancellationToken) =>
            gateway._commands.HandleAsync(command, principal, cancellationToken);

        public IReadOnlyList<Dataplane.Esp.SaStatus> Carried() => gateway._dataplane.Security.Sas();

        public IReadOnlyList<Dataplane.Esp.SecurityRuleStatus> Policies() => gateway._dataplane.Security.Rules();

        public IDisposable Follow(Action<ViciFact> onStored) => gateway._facts.Follow(onStored);

        public IDisposable FollowMessages(Action<MessageSeen> onSeen) => gateway._ike.Seen.Follow(onSeen);

        public void TraceMessages(bool on) => gateway._ike.Trace.IsOn = on;

        public IDisposable FollowLog(Action<LogLine> onLogged) => gateway._logs.Follow(onLogged);
    }

    private sealed record DataplaneSet(PortFactory Ports, DataplaneControl Control, WarmKeeper Warm);

    /// <summary>Ends the dataplane, also when the gateway never came to use it.</summary>
    private sealed class DataplaneEnd(Task<DataplaneSet> made) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await ((Task)made).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!made.IsCompletedSuccessfully) return;
            var (ports, control, warm) = await made.ConfigureAwait(false);
            warm.Dispose();
            control.Dispose();
            ports.Dispose();
        }
    }

    private sealed class Ending(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }
}
