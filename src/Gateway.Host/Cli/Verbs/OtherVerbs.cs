using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Api.Views;
using Gateway.Host.Explain;
using Gateway.Host.Import;
using Gateway.Policy;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway trace</c>: follows the next packets node by node.</summary>
internal static class TraceVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var count = new Option<int>("--count") { Description = "How many packets, 1–1000.", DefaultValueFactory = _ => 8, HelpName = "N" };
        var from = new Option<string?>("--interface") { Description = "Only packets that come in here.", HelpName = "NAME" };
        var wait = new Option<int>("--wait") { Description = "Seconds to wait for them.", DefaultValueFactory = _ => 10, HelpName = "S" };
        var flow = new Option<string?>("--flow") { Description = $"Only packets between two ends, either way: {TraceText.Form}.", HelpName = "FLOW" };
        var drops = new Option<bool>("--drops") { Description = "Only packets that are dropped." };
        var hex = new Option<bool>("--hex") { Description = "Print the octets of each step too." };
        var verb = new Command("trace", "Follows the next packets node by node, and says what decided at each.") { count, from, wait, flow, drops, hex };
        verb.SetAction(async (parsed, stop) =>
        {
            if (parsed.GetValue(flow) is { } text && !TraceText.TryParse(text, out _, out var error)) throw new CliException(ExitCodes.Usage, error);
            using var client = where.Connect(parsed);
            var wanted = parsed.GetValue(count);
            await client.DoAsync(
                HttpMethod.Post,
                Query.Path("/v1/trace", ("count", wanted.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("interface", parsed.GetValue(from)), ("flow", parsed.GetValue(flow)), ("drops", parsed.GetValue(drops) ? "true" : null)),
                stop).ConfigureAwait(false);
            List<TraceView> packets = [];
            for (var i = 0; i < parsed.GetValue(wait) * 10 && packets.Count < wanted; i++)
            {
                await Task.Delay(100, stop).ConfigureAwait(false);
                packets = await client.GetAsync<List<TraceView>>("/v1/trace", stop).ConfigureAwait(false);
            }

            if (parsed.GetValue(where.Json))
            {
                screen.Json(packets);
                return ExitCodes.Done;
            }

            if (packets.Count == 0) screen.Line("No packet came.");
            foreach (var packet in packets)
            {
                screen.Line($"packet {packet.Number} from {packet.Interface}");
                foreach (var step in packet.Steps) screen.Line(parsed.GetValue(hex) ? $"{Line(step)}\n  {"",-22} {step.Text}" : Line(step));
            }

            return ExitCodes.Done;
        });
        return verb;
    }

    private static string Line(TraceStep step)
    {
        var by = step.Item is null ? "" : $"  [{step.Item}{(step.Line is { } line ? " " + line : "")}, revision {step.Revision}]";
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"  {step.Node,-18} {step.Microseconds,8:0.0} µs {step.Length,5} B  {step.What}{by}{(step.Drop is { } drop ? $"  DROPPED: {drop}" : "")}").TrimEnd();
    }
}

/// <summary><c>gateway import swanctl FILE</c>.</summary>
internal static class ImportVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var file = new Argument<string>("FILE") { Description = "A strongSwan swanctl.conf." };
        var plan = new Option<bool>("--plan") { Description = "Validate and show the steps; change nothing." };
        var take = ApplyVerb.TakeOwnership();
        var print = new Option<bool>("--print") { Description = "Print the items instead of applying them (with their secrets)." };
        var swanctl = new Command("swanctl", "Reads a strongSwan swanctl.conf and applies it; names what it cannot carry over.") { file, plan, print, take };
        swanctl.SetAction(async (parsed, stop) =>
        {
            var report = SwanctlImport.Read(parsed.GetValue(file)!, SupportedProposals.Check);
            if (report.Error is { } error) throw new CliException(ExitCodes.Rejected, error);
            foreach (var lost in report.NotCarriedOver) screen.ErrorOut.WriteLine($"not carried over: {lost}");
            var command = new JsonObject { ["put"] = JsonSerializer.SerializeToNode(report.Items, PolicyJson.Options), ["reason"] = $"import of {Path.GetFileName(parsed.GetValue(file)!)}" };
            if (parsed.GetValue(print))
            {
                screen.Json(command);
                return ExitCodes.Done;
            }

            if (parsed.GetValue(plan)) command["mode"] = "plan";
            if (parsed.GetValue(take)) command["take_ownership"] = true;
            using var client = where.Connect(parsed);
            return OutcomePrinter.Print(await client.CommandAsync(ApplyVerb.Bytes(command), stop).ConfigureAwait(false), parsed.GetValue(where.Json), screen);
        });
        return new Command("import", "Takes over another product's configuration.") { swanctl };
    }
}

/// <summary><c>gateway schema [KIND]</c>.</summary>
internal static class SchemaVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var kind = new Argument<string?>("KIND") { Arity = ArgumentArity.ZeroOrOne, Description = "A kind of item; without it the kinds are listed." };
        var verb = new Command("schema", "The JSON Schema of an item's spec.") { kind };
        verb.SetAction(async (parsed, stop) =>
        {
            using var client = where.Connect(parsed);
            if (parsed.GetValue(kind) is { } name) screen.Json(await client.GetAsync<JsonElement>($"/v1/schemas/{Uri.EscapeDataString(name)}", stop).ConfigureAwait(false));
            else foreach (var one in await client.GetAsync<List<string>>("/v1/schemas", stop).ConfigureAwait(false)) screen.Line(one);
            return ExitCodes.Done;
        });
        return verb;
    }
}

/// <summary><c>gateway log-level [AREA LEVEL]</c>.</summary>
internal static class LogLevelVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var area = new Argument<string?>("AREA") { Arity = ArgumentArity.ZeroOrOne, Description = "An area, or * for all." };
        var level = new Argument<string?>("LEVEL") { Arity = ArgumentArity.ZeroOrOne, Description = "debug, information, warning or error." };
        var verb = new Command("log-level", "Shows or sets how much is logged.") { area, level };
        verb.SetAction(async (parsed, stop) =>
        {
            using var client = where.Connect(parsed);
            if (parsed.GetValue(area) is { } of)
            {
                var to = parsed.GetValue(level) ?? throw new CliException(ExitCodes.Usage, "Give a level: debug, information, warning or error.");
                await client.DoAsync(HttpMethod.Put, $"/v1/log-levels/{Uri.EscapeDataString(of)}?level={Uri.EscapeDataString(to)}", stop).ConfigureAwait(false);
                return ExitCodes.Done;
            }

            var levels = await client.GetAsync<Dictionary<string, string>>("/v1/log-levels", stop).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(levels);
            else foreach (var (name, current) in levels.OrderBy(l => l.Key)) screen.Line($"{name,-12} {current}");
            return ExitCodes.Done;
        });
        return verb;
    }
}
