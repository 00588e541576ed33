using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Host.Ike;
using Gateway.Host.Vici.Server;
using Gateway.Ike.Engine;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Unit.Vici;

/// <summary>A gateway that remembers what vici asked of it and takes what a real decider would take.</summary>
internal sealed class FakeViciFace : IViciFace
{
    private readonly List<Action<ViciFact>> _followers = [];
    private long _position;

    public List<(Command Command, Principal Principal)> Commands { get; } = [];

    /// <summary>Called with each command before its outcome goes out.</summary>
    public Action<Command> OnCommand { get; set; } = _ => { };

    public string? Refusal { get; set; }

    public string Version => "1.2.3";

    public DateTimeOffset Started { get; } = DateTimeOffset.UtcNow.AddMinutes(-5);

    public RunningConfiguration Running { get; set; } = RunningConfiguration.Empty;

    public IReadOnlyList<IkeSaView> IkeSas { get; set; } = [];

    public SaInventory Inventory { get; private set; } = SaInventory.Empty;

    public LeaseBook Leases { get; set; } = LeaseBook.Empty;

    public IReadOnlySet<string> Owned { get; set; } = new HashSet<string>();

    /// <summary>How often revocation was to be forgotten.</summary>
    public int Forgotten { get; private set; }

    public void ForgetRevocation() => Forgotten++;

    public IkeMessageCounts Messages { get; } = new();

    public int HalfOpen => 0;

    public Rights Rights { get; set; } = Rights.All;

    public int Following => _followers.Count;

    public Rights RightsOf(Principal principal) => Rights;

    public Task<Outcome> HandleAsync(Command command, Principal principal, CancellationToken cancellationToken)
    {
        lock (Commands) Commands.Add((command, principal));
        OnCommand(command);
        return Task.FromResult(Refusal is null
            ? new Outcome { Id = command.Id, Status = OutcomeStatus.Accepted, Revision = 1, Position = 1 }
            : new Outcome { Id = command.Id, Status = OutcomeStatus.Rejected, Errors = [new CommandError("", "$", ErrorCode.InvalidValue, Refusal)] });
    }

    public IReadOnlyList<SaStatus> Carried() => [];

    public IReadOnlyList<SecurityRuleStatus> Policies() => [];

    public IDisposable Follow(Action<ViciFact> onStored)
    {
        lock (_followers) _followers.Add(onStored);
        return new Ending(() =>
        {
            lock (_followers) _followers.Remove(onStored);
        });
    }

    /// <summary>Whether somebody reads messages.</summary>
    public bool Traces { get; private set; }

    public Action<MessageSeen> OnMessage { get; private set; } = _ => { };

    public IDisposable FollowMessages(Action<MessageSeen> onSeen)
    {
        OnMessage = onSeen;
        return new Ending(() => { });
    }

    public void TraceMessages(bool on) => Traces = on;

    public IDisposable FollowLog(Action<LogLine> onLogged) => new Ending(() => { });

    /// <summary>Lets an event happen.</summary>
    public void Happen(GatewayEvent e)
    {
        var envelope = new Envelope
        {
            Position = ++_position,
            Subject = e.Subject,
            Name = "test",
            Time = DateTimeOffset.UtcNow,
            Principal = Principal.Gateway,
            Data = "{}"u8.ToArray(),
            Hash = new byte[32],
        };
        var before = Inventory;
        Inventory = before.Apply(new JournalEvent(envelope, e));
        Action<ViciFact>[] followers;
        lock (_followers) followers = [.. _followers];
        foreach (var follower in followers) follower(new ViciFact(envelope, e, before, Inventory));
    }

    public static IkeSaEstablished Established(ulong id, IkeSaId? replaces = null) => new()
    {
        Id = new IkeSaId(id),
        Connection = new ConnectionName("lab"),
        Initiator = false,
        InitiatorSpi = "0102030405060708",
        ResponderSpi = "1112131415161718",
        LocalAddress = IPAddress.Parse("198.51.100.1"),
        LocalPort = 4500,
        RemoteAddress = IPAddress.Parse("203.0.113.2"),
        RemotePort = 4500,
        LocalId = "left.lab",
        RemoteId = "right.lab",
        Proposal = "aes128gcm16-prfsha256-x25519",
        Authentication = "psk",
        Replaces = replaces,
    };

    public static ChildSaParameters Child(ulong id, ulong ike = 1) => new()
    {
        Id = new ChildSaId(id),
        IkeSa = new IkeSaId(ike),
        Connection = new ConnectionName("lab"),
        Child = new ChildName("net"),
        InboundSpi = new Spi(0xc1),
        OutboundSpi = new Spi(0xc2),
        LocalAddress = IPAddress.Parse("198.51.100.1"),
        RemoteAddress = IPAddress.Parse("203.0.113.2"),
        Transforms = new EspTransforms(20, 128),
        InboundKey = default,
        OutboundKey = default,
        LocalSelectors = [TrafficSelector.OfPrefix(IPAddress.Parse("10.1.0.0"), 24)],
        RemoteSelectors = [TrafficSelector.OfPrefix(IPAddress.Parse("10.2.0.0"), 24)],
    };

    /// <summary>The SA of <see cref="Established"/> as the engine shows it, with a child or without.</summary>
    public static IkeSaView View(ulong id, string state = "ESTABLISHED", ChildSaParameters? child = null) => new(
        new IkeSaId(id), new ConnectionName("lab"), state, true, "0102030405060708", "1112131415161718",
        new IPEndPoint(IPAddress.Parse("198.51.100.1"), 4500), new IPEndPoint(IPAddress.Parse("203.0.113.2"), 4500), "left.lab", "right.lab", "aes256-sha256-modp2048", false, true,
        TimeSpan.FromHours(4), child is null ? [] : [new ChildSaView(child, "aes128gcm16-x25519-esn", "INSTALLED", TimeSpan.FromHours(1), TimeSpan.FromHours(2))]);

    /// <summary>A configuration with connection <c>lab</c> and its child <c>net</c>, and a secret, that belong to somebody.</summary>
    public void Configure(Principal? owner, StartAction start = StartAction.None)
    {
        var round = new AuthenticationRound { Id = "left.lab" };
        var spec = new ConnectionSpec { RemoteAddrs = ["203.0.113.2"], Local = [round], Remote = [round], Children = new Dictionary<string, ChildSpec> { ["net"] = new() { LocalTs = ["10.1.0.0/24"], RemoteTs = ["10.2.0.0/24"], StartAction = start } } };
        var connection = new Item(new ItemKey(ItemCatalog.Connection, "lab"), spec) { Owner = owner };
        var secret = new Item(new ItemKey(ItemCatalog.Secret, "ike-lab"), new SecretSpec { Type = SecretType.Ike }) { Owner = owner };
        Running = Running.With([new ItemChange(connection.Key, connection), new ItemChange(secret.Key, secret)], 1);
    }

    private sealed class Ending(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
