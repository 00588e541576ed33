using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gateway.Host.Appliance;

/// <summary>
/// The box itself, from <c>appliance.json</c>: where it keeps things and how it is reached; never its configuration, but for <see cref="Config"/>,
/// the items of the very first transaction. Paths are relative to the file. JSON Schema: <c>docs/appliance.schema.json</c>.
/// </summary>
public sealed record ApplianceConfig
{
    /// <summary>Name of the gateway, 1–64 of <c>a–z 0–9 . _ -</c>; names its command queue and is bound into its vault.</summary>
    public required string Id { get; init; }

    public JournalSection Journal { get; init; } = new();

    public VaultSection Vault { get; init; } = new();

    public BusSection Bus { get; init; } = new();

    public ApiSection Api { get; init; } = new();

    /// <summary>Who may do what; left out: whoever comes through a door may do everything.</summary>
    public AuthorizationSection? Authorization { get; init; }

    /// <summary>What each sender of commands may use.</summary>
    public LimitsSection Limits { get; init; } = new();

    public ViciSocketSection Vici { get; init; } = new();

    public DataplaneSection Dataplane { get; init; } = new();

    public IkeSection Ike { get; init; } = new();

    public TelemetrySection Telemetry { get; init; } = new();

    public LogSection Log { get; init; } = new();

    public DebugSection Debug { get; init; } = new();

    /// <summary>Items, each <c>{"kind":…,"name":…,"spec":…}</c>, applied as the first transaction when the journal is empty.</summary>
    public JsonElement? Config { get; init; }

    /// <summary>The folder of the file.</summary>
    [JsonIgnore]
    public string Folder { get; init; } = "";
}

public enum JournalKind
{
    Sqlite,
    Memory,
    Eventstoredb,
}

/// <summary>Where events are stored.</summary>
public sealed record JournalSection
{
    public JournalKind Kind { get; init; }

    /// <summary>The SQLite file; with an event store, what the local files beside it are named after: its head anchor, its spool, its index of commands.</summary>
    public string Path { get; init; } = "var/journal.db";

    /// <summary>Kind eventstoredb: <c>esdb://user@host1:2113,host2:2113,host3:2113?tlsCAFile=ca.pem</c>; the password may come from <see cref="PasswordFile"/> instead.</summary>
    public string? Uri { get; init; }

    public string? PasswordFile { get; init; }

    /// <summary>Kind eventstoredb: the stream; none = <c>gateway-ID</c>.</summary>
    public string? Stream { get; init; }

    /// <summary>Kind eventstoredb: seconds that a start waits for a store that cannot be reached, 0–86400; -1 = for ever.</summary>
    public int StartTimeout { get; init; } = 300;

    /// <summary>Kind eventstoredb: megabytes of facts that may wait for a store that is away, 1–4096.</summary>
    public int SpoolMegabytes { get; init; } = 64;

    /// <summary>Events from one snapshot to the next, 1,000–1,000,000: what a start and a look into the past fold at most.</summary>
    public int SnapshotEvents { get; init; } = 5_000;

    /// <summary>Events after which the journal's head is signed at the latest, 1–1,000,000.</summary>
    public int SignEvents { get; init; } = 1000;

    /// <summary>Seconds after which it is signed at the latest, when there was anything new, 1–86,400.</summary>
    public int SignSeconds { get; init; } = 60;

    /// <summary>Signed heads are also published on the bus, so that somebody else has them.</summary>
    public bool PublishHeads { get; init; }

    /// <summary>Folder of the bundles into which old events are archived.</summary>
    public string Archive { get; init; } = "var/archive";

    /// <summary>Days after which events are archived by themselves; 0 = never.</summary>
    public int KeepDays { get; init; }
}

/// <summary>Where secrets and SA state are stored.</summary>
public sealed record VaultSection
{
    public string Path { get; init; } = "var/vault";

    /// <summary>File of the key-encryption key, 0600, made at the first start; under systemd a credential's path.</summary>
    public string Key { get; init; } = "var/vault.key";
}

public enum BusKind
{
    InMemory,
    Rabbitmq,
}

/// <summary>The message bus.</summary>
public sealed record BusSection
{
    public BusKind Kind { get; init; }

    /// <summary><c>amqp://user:password@host:port/vhost</c>; the password may come from <see cref="PasswordFile"/> instead.</summary>
    public string? Uri { get; init; }

    public string? PasswordFile { get; init; }

    /// <summary>Whether the gateway logs in with a password or with its certificate.</summary>
    public BusLogin Login { get; init; }

    /// <summary>With <c>amqps</c>: authorities, certificate and key.</summary>
    public BusTlsSection? Tls { get; init; }
}

/// <summary>The HTTP interface, which is also the CLI's.</summary>
public sealed record ApiSection
{
    /// <summary>Unix socket, 0600: whoever may open it is authenticated by its uid.</summary>
    public string Socket { get; init; } = "var/gateway.sock";

    /// <summary>An additional address such as <c>127.0.0.1:8080</c>. Without <see cref="Tls"/> it must be a loopback address, and is for reading only.</summary>
    public string? Listen { get; init; }

    /// <summary>Makes <see cref="Listen"/> HTTPS for clients with a certificate, on any address.</summary>
    public ApiTlsSection? Tls { get; init; }
}

/// <summary>strongSwan's vici protocol, for <c>swanctl</c> and what else speaks it.</summary>
public sealed record ViciSocketSection
{
    /// <summary>Unix socket, 0600: whoever may open it is authenticated by its uid. Left out: beside <c>api.socket</c>, ending in <c>.vici</c>; empty: there is none.</summary>
    public string? Socket { get; init; }
}

/// <summary>The packet workers.</summary>
public sealed record DataplaneSection
{
    /// <summary>Number of workers, 1–63; left out: one for each of the cores, or one.</summary>
    public int? Workers { get; init; }

    /// <summary>Processor numbers to pin the workers to, one for each; none = not pinned.</summary>
    public IReadOnlyList<int> Cores { get; init; } = [];

    /// <summary>Packet buffers of 4096 octets, 4,096–4,194,304.</summary>
    public int Buffers { get; init; } = 32_768;

    /// <summary>Use 2 MB pages for the buffers when there are any.</summary>
    public bool Hugepages { get; init; } = true;

    /// <summary>Flows (connections, translations) that can be known at once, 1,024–16,777,216; some 160 octets of memory each, taken when they are there.</summary>
    public int Sessions { get; init; } = 65_536;

    /// <summary>Flows of one source address in each worker; left out: as many as there is room for.</summary>
    public int? SessionsPerSource { get; init; }

    /// <summary>Name of the TAP device through which the host's own programs speak with the gateway's addresses; empty = none.</summary>
    public string PuntTap { get; init; } = "";

    /// <summary>How many workers there shall be.</summary>
    public int CountWorkers() => Workers ?? Math.Max(1, Cores.Count);
}

/// <summary>What holds for all connections, in the units of strongSwan's <c>charon.*</c>.</summary>
public sealed record IkeSection
{
    /// <summary>UDP port of IKE.</summary>
    public int Port { get; init; } = 500;

    /// <summary>UDP port of IKE and ESP where there is a NAT.</summary>
    public int PortNatT { get; init; } = 4500;

    /// <summary>Announce and use digital signatures (RFC 7427); without them public keys prove themselves by the methods that came before.</summary>
    public bool SignatureAuthentication { get; init; } = true;

    /// <summary>Seconds before the first retransmission.</summary>
    public double RetransmitTimeout { get; init; } = 4;

    /// <summary>Factor from one wait to the next, 1–10.</summary>
    public double RetransmitBase { get; init; } = 1.8;

    /// <summary>Retransmissions before the peer counts as dead, 1–50.</summary>
    public int RetransmitTries { get; init; } = 5;

    /// <summary>Seconds between NAT keepalives; 0 = none.</summary>
    public double KeepAlive { get; init; } = 20;

    /// <summary>With <c>reauth_time</c> the new IKE SA is made before the old one is closed; else after.</summary>
    public bool MakeBeforeBreak { get; init; }

    /// <summary>Half-open IKE SAs from which on a cookie is asked for; 0 = never.</summary>
    public int CookieThreshold { get; init; } = 30;

    /// <summary>Half-open IKE SAs that one source address may have; 0 = any number.</summary>
    public int BlockThreshold { get; init; } = 5;

    /// <summary>Seconds that a set-up which a peer began may take.</summary>
    public double HalfOpenTimeout { get; init; } = 30;

    /// <summary>Octets of the largest IP packet that an IKE message may make before it is fragmented (RFC 7383), 576–9000.</summary>
    public int FragmentSize { get; init; } = 1280;
}

/// <summary>Where measurements go.</summary>
public sealed record TelemetrySection
{
    /// <summary>OTLP endpoint, for example <c>http://127.0.0.1:4317</c>; none = not exported.</summary>
    public string? Otlp { get; init; }
}

/// <summary>For developers and tests only.</summary>
public sealed record DebugSection
{
    /// <summary>Write the keys of SAs, in Wireshark's formats, to the folder that the environment variable <c>GATEWAY_KEYLOG</c> names. Without the variable nothing is written.</summary>
    public bool KeyLog { get; init; }
}

public enum LogLevelName
{
    Debug,
    Information,
    Warning,
    Error,
}

/// <summary>How much is logged to stderr, per area; can be changed at run time.</summary>
public sealed record LogSection
{
    public LogLevelName Level { get; init; } = LogLevelName.Information;

    /// <summary>Area (<c>ike</c>, <c>dataplane</c>, <c>bus</c>, <c>api</c>, <c>journal</c>, <c>control</c>) to level.</summary>
    public IReadOnlyDictionary<string, LogLevelName> Areas { get; init; } = new Dictionary<string, LogLevelName>();
}
