using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway undo REV</c>: an ordinary transaction that brings the items which REV changed back to what they were before it.</summary>
internal static class UndoVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var revision = new Argument<long>("REV") { Description = "The revision to take back." };
        var plan = new Option<bool>("--plan") { Description = "Show the steps; change nothing." };
        var take = ApplyVerb.TakeOwnership();
        var verb = new Command("undo", "Takes back what a revision changed.") { revision, plan, take };
        verb.SetAction(async (parsed, stop) =>
        {
            using var client = where.Connect(parsed);
            var undone = parsed.GetValue(revision);
            if (undone < 1) throw new CliException(ExitCodes.Usage, "Revisions begin at 1.");
            var (a, b) = ((undone - 1).ToString(CultureInfo.InvariantCulture), undone.ToString(CultureInfo.InvariantCulture));
            var rows = await client.GetAsync<List<DiffRow>>(Query.Path("/v1/diff", ("a", b), ("b", a)), stop).ConfigureAwait(false);
            var command = Transaction(rows, undone);
            if (parsed.GetValue(plan)) command["mode"] = "plan";
            if (parsed.GetValue(take)) command["take_ownership"] = true;
            return OutcomePrinter.Print(await client.CommandAsync(ApplyVerb.Bytes(command), stop).ConfigureAwait(false), parsed.GetValue(where.Json), screen);
        });
        return verb;
    }

    private static JsonObject Transaction(List<DiffRow> rows, long undone)
    {
        var (put, delete) = (new JsonArray(), new JsonArray());
        foreach (var row in rows)
        {
            var slash = row.Item.IndexOf('/', StringComparison.Ordinal);
            var item = new JsonObject { ["kind"] = row.Item[..slash], ["name"] = row.Item[(slash + 1)..] };
            if (row.To is { } spec)
            {
                item["spec"] = JsonSerializer.SerializeToNode(spec);
                put.Add((JsonNode)item);
            }
            else
            {
                delete.Add((JsonNode)item);
            }
        }

        return new JsonObject { ["reason"] = $"undo of revision {undone}", ["put"] = put, ["delete"] = delete };
    }
}
