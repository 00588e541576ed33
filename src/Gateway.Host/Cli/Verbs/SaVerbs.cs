using System.CommandLine;
using System.Text.Json.Nodes;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway initiate|rekey|terminate NAME</c>: a connection, <c>connection/child</c>, or a child whose name is unique.</summary>
internal static class SaVerbs
{
    public static Command Make(string name, Where where, Screen screen)
    {
        var target = new Argument<string>("NAME") { Description = "A connection, CONNECTION/CHILD, or a child whose name is unique." };
        var reason = new Option<string?>("--reason") { Description = "Why, for the journal.", HelpName = "TEXT" };
        var what = name switch { "initiate" => "Sets SAs up.", "rekey" => "Gives SAs new keys.", _ => "Ends SAs." };
        var reauth = new Option<bool>("--reauth") { Description = "Authenticate anew: with a new IKE SA in the old one's place." };
        var verb = new Command(name, what) { target, reason };
        if (name == "rekey") verb.Options.Add(reauth);
        verb.SetAction(async (parsed, stop) =>
        {
            using var client = where.Connect(parsed);
            var (connection, child) = await FindAsync(client, parsed.GetValue(target)!, stop).ConfigureAwait(false);
            var command = new JsonObject { ["command"] = name, ["connection"] = connection };
            if (child is not null) command["child"] = child;
            if (name == "rekey" && parsed.GetValue(reauth)) command["reauth"] = true;
            if (parsed.GetValue(reason) is { } why) command["reason"] = why;
            return OutcomePrinter.Print(await client.CommandAsync(ApplyVerb.Bytes(command), stop).ConfigureAwait(false), parsed.GetValue(where.Json), screen);
        });
        return verb;
    }

    private static async Task<(string Connection, string? Child)> FindAsync(GatewayClient client, string name, CancellationToken stop)
    {
        var rows = await client.GetAsync<List<ConnectionRow>>("/v1/show/connections", stop).ConfigureAwait(false);
        if (rows.Exists(r => r.Name == name)) return (name, null);
        if (name.Split('/', 2) is [var connection, var child]) return (connection, child);
        return rows.Where(r => r.Children.Contains(name)).ToList() switch
        {
            [var one] => (one.Name, name),
            [] => throw new CliException(ExitCodes.Rejected, $"There is no connection and no child {name}."),
            var several => throw new CliException(ExitCodes.Usage, $"{name} is a child of several connections: {string.Join(", ", several.Select(r => $"{r.Name}/{name}"))}."),
        };
    }
}
