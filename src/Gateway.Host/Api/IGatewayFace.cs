using Gateway.Host.Api.Views;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Host.Api;

/// <summary>What the doors can ask of a gateway: the one way in for commands, and the reading verbs.</summary>
public interface IGatewayFace
{
    /// <summary>Takes one command as UTF-8 JSON and answers with its outcome; see <c>CommandHandler</c>.</summary>
    Task<Outcome> HandleAsync(ReadOnlyMemory<byte> command, Principal principal, CancellationToken cancellationToken);

    /// <summary>What a principal may do.</summary>
    Rights RightsOf(Principal principal);

    /// <summary>The state of the box as a whole.</summary>
    GatewayView Gateway();

    /// <summary>The rows of a topic of <see cref="ShowTopics"/>; with a name, those of that name.</summary>
    IReadOnlyList<object> Show(string topic, string? name);

    /// <summary>The rows of a topic as the journal has them at a moment.</summary>
    /// <exception cref="AskedWrongException">The topic is not journalled, or the moment is none.</exception>
    Task<IReadOnlyList<object>> ShowAtAsync(string topic, string? name, string at, CancellationToken cancellationToken);

    /// <summary>Which command made each line of the configuration at a moment; <paramref name="item"/> is KIND/NAME, a kind, or null.</summary>
    Task<IReadOnlyList<BlameRow>> BlameAsync(string? item, string? at, CancellationToken cancellationToken);

    /// <summary>The configuration at a moment (<c>REV</c>, <c>@POSITION</c> or a time), null = now.</summary>
    /// <exception cref="AskedWrongException">The moment cannot be read or lies outside the journal.</exception>
    Task<ConfigView> ConfigAsync(string? at, CancellationToken cancellationToken);

    /// <summary>Which inside host had an outside address and port (<c>198.51.100.48:5001</c>) at a moment, by the blocks of ports that the journal tells of; without a port all hosts that had some of the address.</summary>
    /// <exception cref="AskedWrongException">The endpoint or the moment cannot be read, or the journal does not reach it.</exception>
    Task<IReadOnlyList<NatHolderRow>> NatWhoAsync(string endpoint, string? at, CancellationToken cancellationToken);

    /// <summary>What happened, oldest first.</summary>
    IAsyncEnumerable<HistoryRow> HistoryAsync(HistoryFilter filter, CancellationToken cancellationToken);

    /// <summary>Items that differ between two moments.</summary>
    Task<IReadOnlyList<DiffRow>> DiffAsync(string a, string b, CancellationToken cancellationToken);

    /// <summary>Recomputes the hash chain of the whole journal.</summary>
    Task<VerifyView> VerifyAsync(CancellationToken cancellationToken);

    /// <summary>The public key by which heads and bundles are verified.</summary>
    KeyView Key();

    /// <summary>Writes a period of the journal (both moments may be null) as a bundle.</summary>
    Task ExportAsync(string? since, string? until, Stream to, CancellationToken cancellationToken);

    /// <summary>Moves the events up to a moment into a bundle of the archive.</summary>
    Task<ArchiveView> ArchiveAsync(string until, CancellationToken cancellationToken);

    /// <summary>Says what becomes of a packet, now or at a moment, and why, without sending it.</summary>
    /// <param name="flow">As <c>docs/cli.md</c> says.</param>
    /// <param name="at">A moment; null = now.</param>
    /// <param name="reply">The packet that answers as well.</param>
    /// <exception cref="AskedWrongException">The flow or the moment cannot be read.</exception>
    Task<ExplainView> ExplainAsync(string? flow, string? at, bool reply, CancellationToken cancellationToken);

    /// <summary>Traces the next packets.</summary>
    /// <exception cref="AskedWrongException">There is no such interface, or the flow cannot be read.</exception>
    void StartTrace(TraceWish wish);

    /// <summary>The packets traced since the last <see cref="StartTrace"/>.</summary>
    Task<IReadOnlyList<TraceView>> ReadTraceAsync(CancellationToken cancellationToken);

    /// <summary>Log level per area.</summary>
    IReadOnlyDictionary<string, string> LogLevels { get; }

    /// <summary>Sets the level (debug, information, warning, error) of an area, or of all with <c>*</c>.</summary>
    /// <exception cref="AskedWrongException">There is no such area or level.</exception>
    void SetLogLevel(string area, string level);
}

/// <summary>The question itself is wrong: <see cref="Code"/> is a stable word, the message a sentence.</summary>
public sealed class AskedWrongException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

/// <summary>Which packets to trace.</summary>
/// <param name="Count">At most so many.</param>
/// <param name="Interface">Only those that come in here; null all.</param>
/// <param name="Flow">Only those between two ends, as <c>docs/cli.md</c> says; null all.</param>
/// <param name="Drops">Only those that are dropped: the newest of them.</param>
public sealed record TraceWish(int Count, string? Interface = null, string? Flow = null, bool Drops = false);

/// <summary>What to tell of the journal.</summary>
/// <param name="Item">Only events about <c>kind/name</c>.</param>
/// <param name="Since">A moment; null = the beginning.</param>
/// <param name="Until">A moment, inclusive; null = now.</param>
/// <param name="Limit">The newest so many, 1–100,000.</param>
public sealed record HistoryFilter(string? Item = null, string? Since = null, string? Until = null, int Limit = 1000);

/// <summary>The topics of <c>gateway show</c>.</summary>
public static class ShowTopics
{
    public static IReadOnlyList<string> All { get; } =
        ["interfaces", "bridges", "routes", "route-lists", "neighbors", "connections", "pools", "sas", "policies", "acls", "mac-acls", "policers", "source-limits", "abf", "nat", "nat-blocks", "sessions", "conntrack", "counters", "plan", "workers", "items"];
}
