using System.CommandLine;
using System.Globalization;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway blame [ITEM] [--at AT]</c>.</summary>
internal static class BlameVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var item = new Argument<string?>("ITEM") { Arity = ArgumentArity.ZeroOrOne, Description = "KIND/NAME, or a kind; without it everything." };
        var at = new Option<string?>("--at") { Description = "A revision, @POSITION or a time; default now.", HelpName = "AT" };
        var verb = new Command("blame", "Which command made each line of the configuration.") { item, at };
        verb.SetAction(async (parsed, stop) =>
        {
            var (what, moment) = (parsed.GetValue(item), parsed.GetValue(at));
            var rows = await Ask.Async(
                where, parsed, client => client.GetAsync<List<BlameRow>>(Query.Path("/v1/blame", ("item", what), ("at", moment)), stop),
                async records => [.. await records.BlameAsync(what, moment, stop).ConfigureAwait(false)]).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(rows);
            else
            {
                screen.Rows(
                    rows, "There was nothing then.",
                    ("REV", r => r.Revision.ToString(CultureInfo.InvariantCulture)), ("TIME", r => Format.Time(r.Time)), ("BY", r => r.Issuer is { } i ? $"{r.Principal} ({i})" : r.Principal),
                    ("COMMAND", r => r.CommandId), ("ITEM", r => r.Item), ("FIELD", r => r.Path), ("VALUE", r => r.Value.GetRawText()), ("WHY", r => r.Reason));
            }

            return rows.Count == 0 && what is not null ? ExitCodes.Rejected : ExitCodes.Done;
        });
        return verb;
    }
}
