using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Gateway.Projections.Folds;

namespace Gateway.Host.Runtime;

/// <summary>What can be told from the journal alone, with or without a running gateway.</summary>
/// <param name="history">The journal, read only.</param>
/// <param name="against">What verifying holds the journal to, as it is now.</param>
internal sealed class JournalRecords(JournalHistory history, Func<VerifyAgainst> against)
{
    /// <summary>The journal together with what was archived; null when nothing can have been.</summary>
    public JournalHistory? Archived { get; init; }

    public async Task<ConfigView> ConfigAsync(string? at, CancellationToken stop)
    {
        var state = (await StateAsync(at, blame: false, stop).ConfigureAwait(false)).Configuration;
        return new ConfigView(
            state.Configuration.Revision, state.Position, state.Time,
            [.. state.Configuration.Ordered().Select(i => new ItemView(i.Key.Kind, i.Key.Name, JsonSerializer.SerializeToElement(ItemJson.ShownSpec(i.Spec)), i.Owner?.ToString()))]);
    }

    /// <summary>The rows of <c>gateway show TOPIC</c> as they were at <paramref name="at"/>.</summary>
    public async Task<IReadOnlyList<object>> ShowAsync(string topic, string? name, string at, CancellationToken stop)
    {
        if (!PastViews.Topics.Contains(topic)) throw new AskedWrongException("not-journalled", $"The journal says nothing about {topic}; with a moment there are {string.Join(", ", PastViews.Topics)}.");
        return PastViews.Rows(topic, name, await StateAsync(at, blame: false, stop).ConfigureAwait(false));
    }

    /// <summary>Which command made each line of the configuration.</summary>
    /// <param name="item">KIND/NAME, a kind, or null for all.</param>
    public async Task<IReadOnlyList<BlameRow>> BlameAsync(string? item, string? at, CancellationToken stop)
    {
        var state = await StateAsync(at, blame: true, stop).ConfigureAwait(false);
        var rows = new List<BlameRow>();
        foreach (var (key, fields) in state.Fold.Blame!.Items)
        {
            if (item is not null && item != key.Kind && item != key.ToString()) continue;
            foreach (var (path, field) in fields) rows.Add(Row(key, path, field));
        }

        return rows;
    }

    /// <summary>Which inside host had an outside address and port at a moment.</summary>
    /// <param name="endpoint"><c>198.51.100.48:5001</c>, or an address alone for all of it.</param>
    public async Task<IReadOnlyList<NatHolderRow>> NatWhoAsync(string endpoint, string? at, CancellationToken stop)
    {
        if (!IPEndPoint.TryParse(endpoint, out var asked) || asked.AddressFamily != AddressFamily.InterNetwork) throw new AskedWrongException("invalid-endpoint", $"{endpoint} is no ADDRESS:PORT of IPv4.");
        var state = await StateAsync(at, blame: false, stop).ConfigureAwait(false);
        return [.. state.Fold.NatBlocks.Who(asked.Address, endpoint.Contains(':', StringComparison.Ordinal) ? asked.Port : null).Select(FlowViews.Row)];
    }

    public async IAsyncEnumerable<HistoryRow> HistoryAsync(HistoryFilter filter, [EnumeratorCancellation] CancellationToken stop)
    {
        if (filter.Limit is < 1 or > 100_000) throw new AskedWrongException("out-of-range", "limit must be 1–100000.");
        ItemKey? item = null;
        if (filter.Item is { } text) item = ItemKey.TryParse(text, out var key) ? key : throw new AskedWrongException("invalid-item", $"{text} is no item: write KIND/NAME.");
        var begin = await BeginAsync(stop).ConfigureAwait(false);
        // Without a beginning it is the journal's own; what was archived is told when it is asked for.
        var since = filter.Since is { } from ? await PositionAsync(from, stop).ConfigureAwait(false) : begin;
        var source = since < begin && Archived is not null ? Archived : history;
        var until = filter.Until is { } to ? await PositionAsync(to, stop).ConfigureAwait(false) : await history.LastAsync(stop).ConfigureAwait(false);
        // Without an item every event makes a row, but for those of cut-off transactions: the newest rows are not far from the end.
        var reach = item is null ? (2L * filter.Limit) + 100 : long.MaxValue / 8;
        var newest = new Queue<AuditEntry>();
        while (true)
        {
            var after = Math.Max(since, until - reach);
            newest.Clear();
            var events = JournalReplay.EventsAsync(source.Journal, await source.HeadAtAsync(after, stop).ConfigureAwait(false), stop);
            await foreach (var entry in AuditTrail.ReadAsync(events, new AuditFilter(item, null, new Moment.AtPosition(until)), stop).ConfigureAwait(false))
            {
                newest.Enqueue(entry);
                if (newest.Count > filter.Limit) newest.Dequeue();
            }

            if (newest.Count == filter.Limit || after == since) break;
            reach *= 8;
        }

        foreach (var entry in newest) yield return Row(entry);
    }

    public async Task<IReadOnlyList<DiffRow>> DiffAsync(string a, string b, CancellationToken stop)
    {
        var from = await StateAsync(a, blame: false, stop).ConfigureAwait(false);
        var to = await StateAsync(b, blame: false, stop).ConfigureAwait(false);
        return
        [
            .. ConfigurationDiff.Between(from.Configuration.Configuration, to.Configuration.Configuration).Select(d => new DiffRow(
                JsonNamingPolicy.KebabCaseLower.ConvertName(d.Kind.ToString()), d.Key.ToString(), Element(d.From), Element(d.To),
                d.Fields.Count == 0 ? null : [.. d.Fields.Select(f => new FieldRow(f.Path, f.From, f.To))])),
        ];
    }

    public async Task<VerifyView> VerifyAsync(CancellationToken stop)
    {
        var held = against();
        return View(await JournalVerifier.HoldAsync(history.Journal, held, stop).ConfigureAwait(false), held.Key);
    }

    public static VerifyView View(Verification result, HeadKey? key) => new(result.Problem is null, result.Events, result.Head.Position, result.Head.Hash.ToString(), result.FirstBad, result.Problem)
    {
        Begin = result.Begin,
        SignedHeads = result.Signed,
        SignedUpTo = result.SignedUpTo,
        Key = key?.Fingerprint.ToString(),
        ClockSteps = result.ClockSteps,
    };

    /// <summary>A period as a journal to read, the event before it, and the position of its last event.</summary>
    public async Task<(JournalHistory From, JournalHead Begin, long To)> PeriodAsync(string? since, string? until, CancellationToken stop)
    {
        var to = until is null ? await history.LastAsync(stop).ConfigureAwait(false) : await PositionAsync(until, stop).ConfigureAwait(false);
        var after = since is null ? await BeginAsync(stop).ConfigureAwait(false) : await PositionAsync(since, stop).ConfigureAwait(false);
        if (after >= to) throw new AskedWrongException("empty-period", "There is no event in that period.");
        return await WithArchiveAsync(async from => (from, await from.HeadAtAsync(after, stop).ConfigureAwait(false), to)).ConfigureAwait(false);
    }

    /// <summary>Position of the last event up to a moment as somebody wrote it.</summary>
    public async Task<long> PositionAsync(string text, CancellationToken stop) =>
        await WithArchiveAsync(from => from.PositionOfAsync(Parse(text), stop)).ConfigureAwait(false) ?? throw NotReached(text);

    /// <summary>The state at a moment as somebody wrote it; null = now.</summary>
    /// <exception cref="AskedWrongException">It is no moment, or the journal does not reach it.</exception>
    public async Task<JournalState> StateAsync(string? at, bool blame, CancellationToken stop)
    {
        var moment = at is null ? null : Parse(at);
        return await WithArchiveAsync(from => from.AtAsync(moment, blame, stop)).ConfigureAwait(false) ?? throw NotReached(at);
    }

    private async Task<long> BeginAsync(CancellationToken stop) => (await history.Journal.BaseAsync(stop).ConfigureAwait(false))?.Head.Position ?? 0;

    /// <summary>Asks the journal, and where that begins too late the archive.</summary>
    private async Task<T> WithArchiveAsync<T>(Func<JournalHistory, Task<T>> ask)
    {
        try
        {
            return await ask(history).ConfigureAwait(false);
        }
        catch (JournalArchivedException) when (Archived is not null)
        {
            // What was archived is asked for below.
        }
        catch (JournalArchivedException e)
        {
            throw new AskedWrongException("archived", e.Message);
        }

        try
        {
            return await ask(Archived).ConfigureAwait(false);
        }
        catch (JournalArchivedException e)
        {
            throw new AskedWrongException("archived", e.Message);
        }
        catch (BundleException e)
        {
            throw new AskedWrongException("archived", e.Message);
        }
    }

    private static Moment Parse(string text) =>
        Moment.TryParse(text, out var moment) ? moment : throw new AskedWrongException("invalid-moment", $"{text} is no moment: write a revision, @POSITION or a time such as 2026-01-31T12:00:00Z.");

    private static AskedWrongException NotReached(string? at) => new("moment-not-reached", $"The journal does not reach {at}.");

    private static BlameRow Row(ItemKey key, string path, BlamedField field) => new()
    {
        Item = key.ToString(),
        Path = key.Kind == ItemCatalog.Secret && path == "handle" ? "secret" : path,
        Value = key.Kind == ItemCatalog.Secret && path == "handle" ? JsonSerializer.SerializeToElement("***") : JsonElement.Parse(field.Value),
        Revision = field.Origin.Revision,
        Position = field.Origin.Position,
        Time = field.Origin.Time,
        Principal = field.Origin.Principal.ToString(),
        Issuer = field.Origin.Issuer,
        CommandId = field.Origin.CommandId,
        Reason = field.Origin.Reason,
    };

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
}
