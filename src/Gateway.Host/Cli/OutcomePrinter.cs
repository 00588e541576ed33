using Gateway.Policy.Commands;

namespace Gateway.Host.Cli;

/// <summary>Shows an outcome and gives the exit code that goes with it.</summary>
internal static class OutcomePrinter
{
    public static int Print(Outcome outcome, bool json, Screen screen)
    {
        var rejected = outcome.Status == OutcomeStatus.Rejected || outcome is { Status: OutcomeStatus.Duplicate, First: OutcomeStatus.Rejected };
        if (json) screen.Json(outcome);
        else Words(outcome, rejected, screen);
        return rejected ? ExitCodes.Rejected : ExitCodes.Done;
    }

    private static void Words(Outcome outcome, bool rejected, Screen screen)
    {
        if (outcome.Status == OutcomeStatus.Duplicate) screen.Line($"This command was decided before; its first outcome was {Word(outcome.First ?? OutcomeStatus.Accepted)}.");
        if (rejected)
        {
            screen.Error("The command was rejected; nothing was changed.");
            foreach (var error in outcome.Errors) screen.ErrorOut.WriteLine($"  {error.Item}{(error.Item.Length > 0 ? "  " : "")}{error.Path}  {error.Message} ({error.Code})");
            return;
        }

        if (outcome.Status == OutcomeStatus.Planned)
        {
            screen.Line(outcome.Steps.Count == 0 ? "Nothing would change." : $"These steps would be done, in this order, as revision {outcome.Revision}:");
            foreach (var step in outcome.Steps) screen.Line("  " + step);
        }
        else if (outcome.Revision is { } revision)
        {
            screen.Line($"{Word(outcome.Status)}: revision {revision}, position {outcome.Position}");
        }
        else
        {
            screen.Line($"{Word(outcome.Status)}: position {outcome.Position}");
        }

        foreach (var item in outcome.Items.Where(i => i.State != ItemState.Unchanged))
            screen.Line($"  {item.Item}  {Word(item.State)}{(item.WaitsFor is { } waits ? ", waits for " + waits : "")}");
    }

    private static string Word<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
