using System.Net;
using System.Text.Json;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy.Commands;

namespace Gateway.Host.Appliance;

/// <summary>Reads <c>appliance.json</c>: strict about unknown members, ranges checked, paths made absolute.</summary>
public static class ApplianceFile
{
    /// <summary>The name that is looked for in the working folder.</summary>
    public const string DefaultName = "appliance.json";

    /// <summary>Comments and trailing commas are allowed in the file, and so in the items that it holds.</summary>
    internal static JsonDocumentOptions Lenient { get; } = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <exception cref="ApplianceException">The file is missing, unreadable or wrong; the message says where.</exception>
    public static ApplianceConfig Load(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ApplianceException($"{path} cannot be read: {e.Message}", e);
        }

        try
        {
            var config = SettingsReader.Read<ApplianceConfig>(bytes);
            var problems = Problems(config).ToList();
            if (problems.Count > 0) throw new ApplianceException($"{path}: {string.Join(" ", problems)}");
            return Resolve(config, Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (JsonException e)
        {
            throw new ApplianceException($"{path}, line {e.LineNumber + 1}, at {e.Path ?? "$"}: {e.Message.Split(" Path:")[0]}", e);
        }
    }

    private static IEnumerable<string> Problems(ApplianceConfig c)
    {
        if (!IsName(c.Id)) yield return "id must be 1–64 of a–z, 0–9, dot, underscore and hyphen.";
        if (c.Journal.SnapshotEvents is < 1000 or > 1_000_000) yield return "journal.snapshot_events must be 1000–1000000.";
        if (c.Journal.SignEvents is < 1 or > 1_000_000) yield return "journal.sign_events must be 1–1000000.";
        if (c.Journal.SignSeconds is < 1 or > 86_400) yield return "journal.sign_seconds must be 1–86400.";
        if (c.Journal.KeepDays is < 0 or > 36_500) yield return "journal.keep_days must be 0–36500.";
        if (c.Dataplane.CountWorkers() is < 1 or > 63) yield return "dataplane.workers must be 1–63.";
        if (c.Dataplane.Cores.Count != 0 && c.Dataplane.Cores.Count != c.Dataplane.CountWorkers()) yield return "dataplane.cores must name a processor for every worker, and no more.";
        if (c.Dataplane.Cores.Distinct().Count() != c.Dataplane.Cores.Count) yield return "dataplane.cores names a processor twice.";
        if (c.Dataplane.Cores.Any(core => core < 0 || core >= 1024)) yield return "dataplane.cores must be processor numbers.";
        if (c.Dataplane.Sessions is < 1024 or > 16_777_216) yield return "dataplane.sessions must be 1024–16777216.";
        if (c.Dataplane.SessionsPerSource is < 1) yield return "dataplane.sessions_per_source must be 1 or more.";
        if (c.Dataplane.Buffers is < 4096 or > 4_194_304) yield return "dataplane.buffers must be 4096–4194304.";
        if (c.Dataplane.PuntTap.Length > 15) yield return "dataplane.punt_tap is longer than a device name may be (15).";
        if (c.Bus.Kind == BusKind.Rabbitmq && (!System.Uri.TryCreate(c.Bus.Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps")))
            yield return "bus.uri must be amqp://user@host:port/vhost or amqps://….";
        if (c.Bus is { Kind: BusKind.Rabbitmq, Tls: not null } && c.Bus.Uri?.StartsWith("amqps:", StringComparison.Ordinal) != true) yield return "bus.tls needs an amqps:// URI.";
        if (c.Bus.Tls is { } tls && (tls.Cert is null) != (tls.Key is null)) yield return "bus.tls.cert and bus.tls.key go together.";
        if (c.Bus.Login == BusLogin.Certificate && c.Bus.Tls?.Cert is null) yield return "bus.login certificate needs bus.tls.cert and bus.tls.key.";
        if (c.Api.Listen is { } listen && !(IPEndPoint.TryParse(listen, out var at) && at.Port != 0 && (c.Api.Tls is not null || IPAddress.IsLoopback(at.Address))))
            yield return "api.listen must be a loopback address with a port, for example 127.0.0.1:8080; with api.tls it may be any.";
        if (c.Api is { Tls: not null, Listen: null }) yield return "api.tls needs api.listen.";
        if (JournalProblem(c.Journal) is { } journal) yield return journal;
        if (c.Journal.StartTimeout is < -1 or > 86_400) yield return "journal.start_timeout must be 0–86400 seconds, or -1.";
        if (c.Journal.SpoolMegabytes is < 1 or > 4096) yield return "journal.spool_megabytes must be 1–4096.";
        if (c.Ike.Port is < 1 or > 65535 || c.Ike.PortNatT is < 1 or > 65535 || c.Ike.Port == c.Ike.PortNatT) yield return "ike.port and ike.port_nat_t must be different ports, 1–65535.";
        if (c.Ike.RetransmitTimeout is < 0.1 or > 60) yield return "ike.retransmit_timeout must be 0.1–60 seconds.";
        if (c.Ike.RetransmitBase is < 1 or > 10) yield return "ike.retransmit_base must be 1–10.";
        if (c.Ike.RetransmitTries is < 1 or > 50) yield return "ike.retransmit_tries must be 1–50.";
        if (c.Ike.KeepAlive is < 0 or > 3600) yield return "ike.keep_alive must be 0–3600 seconds.";
        if (c.Ike.CookieThreshold < 0 || c.Ike.BlockThreshold < 0) yield return "ike.cookie_threshold and ike.block_threshold must not be negative.";
        if (c.Ike.HalfOpenTimeout is < 1 or > 3600) yield return "ike.half_open_timeout must be 1–3600 seconds.";
        if (c.Ike.FragmentSize is < 576 or > 9000) yield return "ike.fragment_size must be 576–9000.";
        if (c.Telemetry.Otlp is { } otlp && !(System.Uri.TryCreate(otlp, UriKind.Absolute, out var endpoint) && endpoint.Scheme is "http" or "https"))
            yield return "telemetry.otlp must be a URL such as http://127.0.0.1:4317.";
        foreach (var problem in Problems("limits", c.Limits).Concat((c.Authorization?.Rules ?? []).SelectMany((rule, i) => Problems($"authorization.rules[{i}]", rule)))) yield return problem;
        if (c.Vici.Socket is { Length: > 0 } vici && vici == c.Api.Socket) yield return "vici.socket and api.socket must differ.";
        if (c.Config is { ValueKind: not JsonValueKind.Array }) yield return "config must be a list of items.";
    }

    private static IEnumerable<string> Problems(string at, AuthorizationRule rule)
    {
        if (rule.Who.Count == 0 || rule.Who.Any(w => w.Length == 0 || (w[0] != '*' && !w.StartsWith("bus:", StringComparison.Ordinal) && !w.StartsWith("http:", StringComparison.Ordinal) && !w.StartsWith("vici:", StringComparison.Ordinal))))
            yield return $"{at}.who must name principals such as bus:user:onap, http:uid:1000, http:cn:*, vici:uid:1000 or *.";
        foreach (var item in rule.Items.Where(i => !ItemPattern.TryParse(i, out _))) yield return $"{at}.items: {item} names no items; write *, a kind, or KIND/NAME with * in it.";
        foreach (var problem in rule.Limits is { } limits ? Problems($"{at}.limits", limits) : []) yield return problem;
    }

    private static IEnumerable<string> Problems(string at, LimitsSection limits)
    {
        if (limits.Rate is not (>= 0 and <= 1_000_000)) yield return $"{at}.rate must be 0–1000000 commands a second.";
        if (limits.Burst is < 1 or > 1_000_000) yield return $"{at}.burst must be 1–1000000.";
        if (limits.InFlight is < 1 or > 100_000) yield return $"{at}.in_flight must be 1–100000.";
        if (limits.Bytes < 1024 || limits.Bytes > CommandLimits.Default.MaxBytes) yield return $"{at}.bytes must be 1024–{CommandLimits.Default.MaxBytes}.";
        if (limits.Items < 1 || limits.Items > CommandLimits.Default.MaxItems) yield return $"{at}.items must be 1–{CommandLimits.Default.MaxItems}.";
    }

    private static string? JournalProblem(JournalSection journal)
    {
        if (journal.Kind != JournalKind.Eventstoredb) return journal.Uri is null && journal.Stream is null ? null : "journal.uri and journal.stream go with the kind eventstoredb.";
        if (journal.Uri is null) return "journal.uri must be esdb://user@host:2113 or esdb://host1:2113,host2:2113?tls=….";
        return EventStoreUri.TryParse(journal.Uri, out _, out var error) ? null : $"journal.uri: {error}";
    }

    private static ApplianceConfig Resolve(ApplianceConfig c, string folder) => c with
    {
        Journal = c.Journal with
        {
            Path = Path.GetFullPath(c.Journal.Path, folder),
            Archive = Path.GetFullPath(c.Journal.Archive, folder),
            PasswordFile = Full(c.Journal.PasswordFile, folder),
        },
        Folder = folder,
        Vault = c.Vault with { Path = Path.GetFullPath(c.Vault.Path, folder), Key = Path.GetFullPath(c.Vault.Key, folder) },
        Api = c.Api with
        {
            Socket = Path.GetFullPath(c.Api.Socket, folder),
            Tls = c.Api.Tls is { } tls ? tls with { Cert = Path.GetFullPath(tls.Cert, folder), Key = Path.GetFullPath(tls.Key, folder), ClientCa = Path.GetFullPath(tls.ClientCa, folder) } : null,
        },
        Bus = c.Bus with
        {
            PasswordFile = Full(c.Bus.PasswordFile, folder),
            Tls = c.Bus.Tls is { } bus ? bus with { Ca = Full(bus.Ca, folder), Cert = Full(bus.Cert, folder), Key = Full(bus.Key, folder) } : null,
        },
        Vici = c.Vici with { Socket = c.Vici.Socket is { } vici ? vici.Length == 0 ? "" : Path.GetFullPath(vici, folder) : Path.ChangeExtension(Path.GetFullPath(c.Api.Socket, folder), ".vici") },
    };

    private static string? Full(string? path, string folder) => path is null ? null : Path.GetFullPath(path, folder);

    private static bool IsName(string text)
    {
        foreach (var c in text)
            if (!(char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-')) return false;
        return text.Length is >= 1 and <= 64;
    }
}

/// <summary>Something is wrong with <c>appliance.json</c>; the message is for the operator.</summary>
public sealed class ApplianceException(string message, Exception? inner = null) : Exception(message, inner);
