using System.CommandLine;
using System.Text.Json.Nodes;
using Gateway.Policy.Commands;

using Command = System.CommandLine.Command;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway undo REV</c> and <c>gateway restore AT</c>: the gateway puts the transaction together; its plan is shown before it is carried out.</summary>
internal static class UndoVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var revision = new Argument<long>("REV") { Description = "The revision to take back." };
        var force = new Option<bool>("--force") { Description = "Take back also what was changed again since." };
        var verb = new Command("undo", "Takes back what a revision changed.") { revision, force };
        return Complete(verb, where, screen, parsed =>
        {
            var undone = parsed.GetValue(revision);
            if (undone < 1) throw new CliException(ExitCodes.Usage, "Revisions begin at 1.");
            var command = new JsonObject { ["command"] = "undo", ["revision"] = undone };
            if (parsed.GetValue(force)) command["force"] = true;
            return command;
        });
    }

    public static Command MakeRestore(Where where, Screen screen)
    {
        var at = new Argument<string>("AT") { Description = "A revision, @POSITION or a time." };
        var verb = new Command("restore", "Goes back to the configuration of a moment.") { at };
        return Complete(verb, where, screen, parsed => new JsonObject { ["command"] = "restore", ["at"] = parsed.GetValue(at) });
    }

    private static Command Complete(Command verb, Where where, Screen screen, Func<ParseResult, JsonObject> make)
    {
        var plan = new Option<bool>("--plan") { Description = "Show the steps; change nothing." };
        var yes = new Option<bool>("--yes") { Description = "Do not ask." };
        var take = ApplyVerb.TakeOwnership();
        var reason = new Option<string?>("--reason") { Description = "Why, for the journal.", HelpName = "TEXT" };
        foreach (var option in new Option[] { plan, yes, take, reason }) verb.Options.Add(option);
        verb.SetAction(async (parsed, stop) =>
        {
            var command = make(parsed);
            if (parsed.GetValue(take)) command["take_ownership"] = true;
            if (parsed.GetValue(reason) is { } why) command["reason"] = why;
            var json = parsed.GetValue(where.Json);
            using var client = where.Connect(parsed);
            var trial = (JsonObject)command.DeepClone();
            trial["mode"] = "plan";
            var planned = await client.CommandAsync(ApplyVerb.Bytes(trial), stop).ConfigureAwait(false);
            if (parsed.GetValue(plan) || planned.Status != OutcomeStatus.Planned) return OutcomePrinter.Print(planned, json, screen);
            if (!json) OutcomePrinter.Print(planned, json, screen);
            if (planned.Items.All(i => i.State == ItemState.Unchanged))
            {
                if (json) screen.Json(planned);
                return ExitCodes.Done;
            }

            if (!parsed.GetValue(yes) && !screen.Confirm("Carry it out?")) return ExitCodes.Rejected;
            // What was planned is carried out, or nothing: somebody may have been quicker.
            command["expected_revision"] = (planned.Revision ?? 1) - 1;
            return OutcomePrinter.Print(await client.CommandAsync(ApplyVerb.Bytes(command), stop).ConfigureAwait(false), json, screen);
        });
        return verb;
    }
}
