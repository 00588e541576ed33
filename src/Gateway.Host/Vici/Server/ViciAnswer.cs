using Gateway.Host.Vici.Wire;
using Gateway.Policy.Commands;

namespace Gateway.Host.Vici.Server;

/// <summary>The answers that many commands give.</summary>
internal static class ViciAnswer
{
    public static ViciSection Done() => new() { { "success", "yes" } };

    public static ViciSection Failed(string why) => new() { { "success", "no" }, { "errmsg", why } };

    /// <summary>The outcome of a command. Accepted is accepted, also where an item waits for something else.</summary>
    public static ViciSection Of(Outcome outcome) => Accepted(outcome) ? Done() : Failed(Why(outcome));

    public static bool Accepted(Outcome outcome) => (outcome.First ?? outcome.Status) == OutcomeStatus.Accepted;

    public static string Why(Outcome outcome) => string.Join("; ", outcome.Errors.Select(e => e.Path.Length > 1 ? $"{e.Path[1..].TrimStart('.')}: {e.Message}" : e.Message));
}
