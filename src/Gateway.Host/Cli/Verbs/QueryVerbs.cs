using System.CommandLine;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway history</c>.</summary>
internal static class HistoryVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var item = new Option<string?>("--item") { Description = "Only events about it.", HelpName = "KIND/NAME" };
        var since = new Option<string?>("--since") { Description = "From this moment on: a revision, @POSITION or a time.", HelpName = "AT" };
        var until = new Option<string?>("--until") { Description = "Up to this moment.", HelpName = "AT" };
        var limit = new Option<int>("--limit") { Description = "The newest so many.", DefaultValueFactory = _ => 1000, HelpName = "N" };
        var verb = new Command("history", "What happened, by whom and why.") { item, since, until, limit };
        verb.SetAction(async (parsed, stop) =>
        {
            var filter = new HistoryFilter(parsed.GetValue(item), parsed.GetValue(since), parsed.GetValue(until), parsed.GetValue(limit));
            var rows = await Ask.Async(
                where, parsed,
                client => client.GetAsync<List<HistoryRow>>(Query.Path("/v1/history", ("item", filter.Item), ("since", filter.Since), ("until", filter.Until), ("limit", filter.Limit.ToString(System.Globalization.CultureInfo.InvariantCulture))), stop),
                async records => await records.HistoryAsync(filter, stop).ToListAsync(stop).ConfigureAwait(false)).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(rows);
            else
            {
                screen.Rows(
                    rows, "Nothing happened then.",
                    ("POSITION", r => r.Position.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("TIME", r => Format.Time(r.Time)), ("BY", r => r.Issuer is { } i ? $"{r.Principal} ({i})" : r.Principal),
                    ("SUBJECT", r => r.Subject), ("WHAT", r => r.Summary), ("WHY", r => r.Reason));
            }

            return rows.Count == 0 && filter.Item is not null ? ExitCodes.Rejected : ExitCodes.Done;
        });
        return verb;
    }
}

/// <summary><c>gateway config [--at AT]</c>.</summary>
internal static class ConfigVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var at = new Option<string?>("--at") { Description = "A revision, @POSITION or a time; default now.", HelpName = "AT" };
        var verb = new Command("config", "The configuration, now or at any moment.") { at };
        verb.SetAction(async (parsed, stop) =>
        {
            var moment = parsed.GetValue(at);
            var view = await Ask.Async(
                where, parsed, client => client.GetAsync<ConfigView>(Query.Path("/v1/config", ("at", moment)), stop), records => records.ConfigAsync(moment, stop)).ConfigureAwait(false);
            if (parsed.GetValue(where.Json))
            {
                screen.Json(view);
                return ExitCodes.Done;
            }

            screen.Line($"# revision {view.Revision}, position {view.Position}{(view.Time is { } time ? ", " + Format.Time(time) : "")}");
            foreach (var line in view.Items) screen.Line($"{line.Kind}/{line.Name} {JsonSerializer.Serialize(line.Spec, ApiJson.Options)}{(line.Owner is { } owner ? $"  # {owner}" : "")}");
            return ExitCodes.Done;
        });
        return verb;
    }
}

/// <summary><c>gateway diff A B</c>.</summary>
internal static class DiffVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var a = new Argument<string>("A") { Description = "A revision, @POSITION or a time." };
        var b = new Argument<string>("B") { Description = "A revision, @POSITION or a time." };
        var verb = new Command("diff", "What differs between two moments.") { a, b };
        verb.SetAction(async (parsed, stop) =>
        {
            var (from, to) = (parsed.GetValue(a)!, parsed.GetValue(b)!);
            var rows = await Ask.Async(
                where, parsed, client => client.GetAsync<List<DiffRow>>(Query.Path("/v1/diff", ("a", from), ("b", to)), stop), async records => [.. await records.DiffAsync(from, to, stop).ConfigureAwait(false)]).ConfigureAwait(false);
            if (parsed.GetValue(where.Json))
            {
                screen.Json(rows);
                return ExitCodes.Done;
            }

            if (rows.Count == 0) screen.Line("Nothing differs.");
            foreach (var row in rows)
            {
                if (row.From is { } before) screen.Line($"- {row.Item} {JsonSerializer.Serialize(before, ApiJson.Options)}");
                if (row.To is { } after) screen.Line($"+ {row.Item} {JsonSerializer.Serialize(after, ApiJson.Options)}");
                foreach (var field in row.Fields ?? []) screen.Line($"    {field.Path}: {field.From?.ToJsonString() ?? "-"} → {field.To?.ToJsonString() ?? "-"}");
            }

            return ExitCodes.Done;
        });
        return verb;
    }
}
