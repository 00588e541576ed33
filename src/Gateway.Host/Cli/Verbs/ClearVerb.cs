using System.CommandLine;
using System.Text.Json.Nodes;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway clear sessions</c>: ends flows.</summary>
internal static class ClearVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var address = new Option<string?>("--address") { Description = "Those with this address at any of their ends.", HelpName = "ADDRESS" };
        var rule = new Option<string?>("--rule") { Description = "Those of this rule of NAT.", HelpName = "NAME" };
        var vrf = new Option<string?>("--vrf") { Description = "Those that came from or went into this VRF.", HelpName = "NAME" };
        var all = new Option<bool>("--all") { Description = "All of them." };
        var reason = new Option<string?>("--reason") { Description = "Why, for the journal.", HelpName = "TEXT" };
        var sessions = new Command("sessions", "Ends tracked and translated flows; their next packets are judged as those of new ones.") { address, rule, vrf, all, reason };
        sessions.SetAction(async (parsed, stop) =>
        {
            var command = new JsonObject { ["command"] = "clear-sessions" };
            if (parsed.GetValue(address) is { } of) command["address"] = of;
            if (parsed.GetValue(rule) is { } by) command["rule"] = by;
            if (parsed.GetValue(vrf) is { } within) command["vrf"] = within;
            if (parsed.GetValue(all)) command["all"] = true;
            if (parsed.GetValue(reason) is { } why) command["reason"] = why;
            using var client = where.Connect(parsed);
            return OutcomePrinter.Print(await client.CommandAsync(ApplyVerb.Bytes(command), stop).ConfigureAwait(false), parsed.GetValue(where.Json), screen);
        });
        return new Command("clear", "Ends what is there now.") { sessions };
    }
}
