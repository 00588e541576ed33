using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Journal;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>What can be told from the journal alone, with or without a running gateway.</summary>
/// <param name="journal">Read only.</param>
/// <param name="anchor">The head anchor as it is now; null where there is none.</param>
internal sealed class JournalRecords(IJournal journal, Func<JournalHead?> anchor)
{
    public async Task<ConfigView> ConfigAsync(string? at, CancellationToken stop)
    {
        var state = await StateAsync(at is null ? null : Moment(at), at, stop).ConfigureAwait(false);
        return new ConfigView(
            state.Configuration.Revision, state.Position, state.Time,
            [.. state.Configuration.Ordered().Select(i => new ItemView(i.Key.Kind, i.Key.Name, JsonSerializer.SerializeToElement(ItemJson.ShownSpec(i.Spec)), i.Owner?.ToString()))]);
    }

    public async IAsyncEnumerable<HistoryRow> HistoryAsync(HistoryFilter filter, [EnumeratorCancellation] CancellationToken stop)
    {
        if (filter.Limit is < 1 or > 100_000) throw new AskedWrongException("out-of-range", "limit must be 1–100000.");
        ItemKey? item = null;
        if (filter.Item is { } text) item = ItemKey.TryParse(text, out var key) ? key : throw new AskedWrongException("invalid-item", $"{text} is no item: write KIND/NAME.");
        var asked = new AuditFilter(item, filter.Since is { } since ? Moment(since) : null, filter.Until is { } until ? Moment(until) : null);
        var newest = new Queue<AuditEntry>();
        await foreach (var entry in AuditTrail.ReadAsync(journal.EventsAsync(1, stop), asked, stop).ConfigureAwait(false))
        {
            newest.Enqueue(entry);
            if (newest.Count > filter.Limit) newest.Dequeue();
        }

        foreach (var entry in newest) yield return Row(entry);
    }

    public async Task<IReadOnlyList<DiffRow>> DiffAsync(string a, string b, CancellationToken stop)
    {
        var from = await StateAsync(Moment(a), a, stop).ConfigureAwait(false);
        var to = await StateAsync(Moment(b), b, stop).ConfigureAwait(false);
        return
        [
            .. ConfigurationDiff.Between(from.Configuration, to.Configuration).Select(d => new DiffRow(
                JsonNamingPolicy.KebabCaseLower.ConvertName(d.Kind.ToString()), d.Key.ToString(), Element(d.From), Element(d.To))),
        ];
    }

    public async Task<VerifyView> VerifyAsync(CancellationToken stop)
    {
        // The anchor is read first: what is committed meanwhile is behind it.
        var result = await JournalVerifier.VerifyAsync(journal, anchor(), stop).ConfigureAwait(false);
        return new VerifyView(result.FirstBad is null, result.Events, result.Head.Position, result.Head.Hash.ToString(), result.FirstBad, result.Problem);
    }

    private static HistoryRow Row(AuditEntry entry) => new()
    {
        Position = entry.Position,
        Time = entry.Envelope.Time,
        Subject = entry.Envelope.Subject,
        Event = entry.Envelope.Name,
        Principal = entry.Envelope.Principal.ToString(),
        Issuer = entry.Envelope.Issuer,
        CommandId = entry.Envelope.CommandId,
        Revision = entry.Revision,
        Reason = entry.Reason,
        Summary = entry.Summary,
        Data = JsonSerializer.Deserialize<JsonElement>(entry.Envelope.Data.Span),
    };

    private static JsonElement? Element(Item? item) => item is null ? null : JsonSerializer.SerializeToElement<JsonNode>(ItemJson.ShownSpec(item.Spec));

    private static Moment Moment(string text) =>
        Projections.Moment.TryParse(text, out var moment) ? moment : throw new AskedWrongException("invalid-moment", $"{text} is no moment: write a revision, @POSITION or a time such as 2026-01-31T12:00:00Z.");

    private async Task<RunningConfigurationProjection> StateAsync(Moment? moment, string? text, CancellationToken stop) =>
        await RunningConfigurationProjection.AtAsync(journal.EventsAsync(1, stop), moment, stop).ConfigureAwait(false)
        ?? throw new AskedWrongException("moment-not-reached", $"The journal does not reach {text}.");
}
