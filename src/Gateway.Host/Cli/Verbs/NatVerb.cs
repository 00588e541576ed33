using System.CommandLine;
using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway nat who ADDRESS:PORT [--at AT]</c>: whose an outside port is or was; from the journal, also without a running gateway.</summary>
internal static class NatVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var endpoint = new Argument<string>("ADDRESS:PORT") { Description = "An outside address and port; the address alone asks for all who have some of it." };
        var at = new Option<string?>("--at") { Description = "A revision, @POSITION or a time; default now.", HelpName = "AT" };
        var who = new Command("who", "Which inside host has, or had at a moment, an outside address and port.") { endpoint, at };
        who.SetAction(async (parsed, stop) =>
        {
            var (asked, moment) = (parsed.GetValue(endpoint)!, parsed.GetValue(at));
            var rows = await Ask.Async(
                where, parsed, client => client.GetAsync<List<NatHolderRow>>(Query.Path("/v1/nat/who", ("endpoint", asked), ("at", moment)), stop),
                async records => [.. await records.NatWhoAsync(asked, moment, stop).ConfigureAwait(false)]).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(rows);
            else Print(rows, screen, "Nobody had it then.");
            return rows.Count == 0 ? ExitCodes.Rejected : ExitCodes.Done;
        });
        return new Command("nat", "Tells of address translation.") { who };
    }

    public static void Print(List<NatHolderRow> rows, Screen screen, string none) => screen.Rows(
        rows, none, ("HOST", r => r.Vrf is null ? r.Host : $"{r.Host} vrf {r.Vrf}"), ("OUTSIDE", r => r.Outside), ("PORTS", r => string.Create(CultureInfo.InvariantCulture, $"{r.FirstPort}-{r.LastPort}")),
        ("SINCE", r => Format.Time(r.Since)), ("RULE", r => r.Rule), ("POSITION", r => r.Position?.ToString(CultureInfo.InvariantCulture)));
}
