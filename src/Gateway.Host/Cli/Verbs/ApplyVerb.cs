using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway apply FILE|-</c>: a transaction, or a bare list of items to put.</summary>
internal static class ApplyVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var file = new Argument<string>("FILE") { Description = "JSON file, or - for standard input: a transaction, or a list of items to put." };
        var plan = new Option<bool>("--plan") { Description = "Validate and show the steps; change nothing." };
        var replace = new Option<bool>("--replace") { Description = "The items are the whole desired state of what is yours; with --take-ownership of everything." };
        var take = TakeOwnership();
        var at = new Option<string?>("--at") { Description = "With --plan: upon the configuration of a moment that is past.", HelpName = "AT" };
        var reason = new Option<string?>("--reason") { Description = "Why, for the journal.", HelpName = "TEXT" };
        var verb = new Command("apply", "Puts and deletes items in one transaction.") { file, plan, replace, take, reason, at };
        verb.SetAction(async (parsed, stop) =>
        {
            var transaction = Read(parsed.GetValue(file)!);
            if (parsed.GetValue(plan)) transaction["mode"] = "plan";
            if (parsed.GetValue(at) is { } moment)
            {
                if (!parsed.GetValue(plan)) throw new CliException(ExitCodes.Usage, "The past cannot be changed: --at goes with --plan.");
                transaction["at"] = moment;
            }

            if (parsed.GetValue(replace)) transaction["replace"] = true;
            if (parsed.GetValue(take)) transaction["take_ownership"] = true;
            if (parsed.GetValue(reason) is { } why) transaction["reason"] = why;
            using var client = where.Connect(parsed);
            return OutcomePrinter.Print(await client.CommandAsync(Bytes(transaction), stop).ConfigureAwait(false), parsed.GetValue(where.Json), screen);
        });
        return verb;
    }

    /// <summary>The option of every verb that changes items.</summary>
    public static Option<bool> TakeOwnership() => new("--take-ownership") { Description = "Change what belongs to others too, and own it from then on." };

    /// <summary>A command with the id and issuer that it lacks.</summary>
    public static ReadOnlyMemory<byte> Bytes(JsonObject command)
    {
        command["id"] ??= Guid.CreateVersion7().ToString();
        command["issuer"] ??= "cli";
        return JsonSerializer.SerializeToUtf8Bytes(command);
    }

    private static JsonObject Read(string file)
    {
        try
        {
            var text = file == "-" ? Console.In.ReadToEnd() : File.ReadAllText(file);
            var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };
            return JsonNode.Parse(text, documentOptions: options) switch
            {
                JsonObject transaction => transaction,
                JsonArray items => new JsonObject { ["put"] = items },
                _ => throw new CliException(ExitCodes.Usage, $"{file} holds neither a transaction nor a list of items."),
            };
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCodes.Usage, $"{file}, line {e.LineNumber + 1}: {e.Message.Split(" LineNumber:")[0]}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"{file} cannot be read: {e.Message}");
        }
    }
}
