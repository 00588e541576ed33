using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Unit.Api;

/// <summary>A gateway that remembers what it was asked.</summary>
internal sealed class FakeFace : IGatewayFace
{
    public List<(string Body, Principal Principal)> Commands { get; } = [];

    public OutcomeStatus Answer { get; set; } = OutcomeStatus.Accepted;

    public string Id { get; set; } = "c1";

    public ValueList<CommandError> Errors { get; set; }

    public ValueList<ItemOutcome> Items { get; set; }

    public IReadOnlyDictionary<string, string> LogLevels { get; } = new Dictionary<string, string> { ["ike"] = "information" };

    public Task<Outcome> HandleAsync(ReadOnlyMemory<byte> command, Principal principal, CancellationToken cancellationToken)
    {
        Commands.Add((Encoding.UTF8.GetString(command.Span), principal));
        return Task.FromResult(new Outcome { Id = Id, Status = Answer, Revision = 1, Errors = Errors, Items = Items });
    }

    public Rights Rights { get; set; } = Rights.All;

    public Rights RightsOf(Principal principal) => Rights;

    public GatewayView Gateway() => new()
    {
        Id = "gw1",
        Version = "1",
        Started = DateTimeOffset.UnixEpoch,
        Revision = 1,
        Position = 2,
        Journal = "ok",
        Bus = "in-memory",
        Aead = "portable",
        Pending = 0,
    };

    /// <summary>What else is shown, by topic.</summary>
    public Dictionary<string, IReadOnlyList<ItemRow>> Rows { get; } = [];

    public IReadOnlyList<object> Show(string topic, string? name) =>
        Rows.TryGetValue(topic, out var rows) ? [.. rows.Where(r => name is null || r.Item == name)] :
        topic == "neighbors" ? [new NeighborRow("wan", "198.51.100.254", "02:00:00:00:00:fe", "reachable")] : [];

    public Task<IReadOnlyList<object>> ShowAtAsync(string topic, string? name, string at, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<object>>([new NeighborRow(topic, at, name, "static")]);

    public Task<IReadOnlyList<BlameRow>> BlameAsync(string? item, string? at, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<BlameRow>>([]);

    public Task<IReadOnlyList<NatHolderRow>> NatWhoAsync(string endpoint, string? at, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<NatHolderRow>>([]);

    public Task<ConfigView> ConfigAsync(string? at, CancellationToken cancellationToken) => at == "nonsense"
        ? throw new AskedWrongException("invalid-moment", "nonsense is no moment.")
        : Task.FromResult(new ConfigView(1, 2, null, [new ItemView("route", "default", JsonSerializer.SerializeToElement(new { to = "0.0.0.0/0" }))]));

    public async IAsyncEnumerable<HistoryRow> HistoryAsync(HistoryFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        yield return new HistoryRow
        {
            Position = 1,
            Time = DateTimeOffset.UnixEpoch,
            Subject = filter.Item ?? "gateway",
            Event = "gateway.started.v1",
            Principal = "gateway:-",
            Summary = "The gateway started.",
            Data = JsonSerializer.SerializeToElement(new { }),
        };
    }

    public Task<IReadOnlyList<DiffRow>> DiffAsync(string a, string b, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<DiffRow>>([new DiffRow("put", "route/default", null, null)]);

    public Task<VerifyView> VerifyAsync(CancellationToken cancellationToken) => Task.FromResult(new VerifyView(true, 2, 2, "00", null, null));

    public KeyView Key() => new("gw1", "ECDSA P-256, SHA-256", "00", "-----BEGIN PUBLIC KEY-----");

    public Task ExportAsync(string? since, string? until, Stream to, CancellationToken cancellationToken) =>
        since == "nonsense" ? throw new AskedWrongException("invalid-moment", "nonsense is no moment.") : to.WriteAsync("a bundle"u8.ToArray(), cancellationToken).AsTask();

    public Task<ArchiveView> ArchiveAsync(string until, CancellationToken cancellationToken) => Task.FromResult(new ArchiveView(1, 7, "/srv/archive/gw1"));

    public Task<ExplainView> ExplainAsync(string? flow, string? at, bool reply, CancellationToken cancellationToken) =>
        Task.FromResult(new ExplainView { Flow = flow!, Verdict = "passes", Sentence = "passes: leaves by lan", Revision = 1, Position = 2, Time = default, Steps = [] });

    public void StartTrace(TraceWish wish)
    {
    }

    public Task<IReadOnlyList<TraceView>> ReadTraceAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<TraceView>>([]);

    public void SetLogLevel(string area, string level) => throw new AskedWrongException("unknown-area", $"There is no area {area}.");
}
