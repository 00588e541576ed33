using System.CommandLine;
using System.Globalization;
using Gateway.Host.Api.Views;
using Gateway.Host.Explain;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway explain FLOW</c>: what becomes of a packet, and whose doing that is.</summary>
internal static class ExplainVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var flow = new Argument<string[]>("FLOW") { Arity = ArgumentArity.OneOrMore, Description = $"As: in wan tcp 203.0.113.9:40000 10.2.0.10:443. The form: {FlowText.Form}." };
        var at = new Option<string?>("--at") { Description = "A revision, @POSITION or a time; default now.", HelpName = "AT" };
        var reply = new Option<bool>("--reply") { Description = "Explain the packet that answers as well." };
        var flags = new Option<string?>("--flags") { Description = "TCP flags between commas; default syn, or ack in a flow that is known.", HelpName = "F" };
        var size = new Option<int?>("--size") { Description = "Octets of the IP packet.", HelpName = "N" };
        var df = new Option<bool>("--df") { Description = "It must not be fragmented." };
        var mac = new Option<string[]>("--mac") { Description = "Source and destination of the frame.", Arity = new ArgumentArity(2, 2), AllowMultipleArgumentsPerToken = true, HelpName = "SRC DST" };
        var isNew = new Option<bool>("--new") { Description = "As a new flow, also when the gateway knows it." };
        var verb = new Command("explain", "Says what becomes of a packet, by which rule, route, translation and SA, and whose doing that is. Sends nothing.") { flow, at, reply, flags, size, df, mac, isNew };
        verb.SetAction(async (parsed, stop) =>
        {
            List<string> words = [.. parsed.GetValue(flow)!];
            if (parsed.GetValue(flags) is { } f) words.AddRange(["flags", f]);
            if (parsed.GetValue(size) is { } n) words.AddRange(["size", n.ToString(CultureInfo.InvariantCulture)]);
            if (parsed.GetValue(df)) words.Add("df");
            if (parsed.GetValue(mac) is { Length: 2 } macs) words.AddRange(["mac", .. macs]);
            if (parsed.GetValue(isNew)) words.Add("new");
            var text = string.Join(' ', words);
            // What cannot be read is wrong usage, whether or not a gateway is there.
            if (!FlowText.TryParse(text, out _, out var error)) throw new CliException(ExitCodes.Usage, error);
            var (moment, answer) = (parsed.GetValue(at), parsed.GetValue(reply));
            var view = await Ask.Async(
                where, parsed,
                client => client.GetAsync<ExplainView>(Query.Path("/v1/explain", ("flow", text), ("at", moment), ("reply", answer ? "true" : null)), stop),
                async records =>
                {
                    using var explainer = new Explainer(records, TwinBox.Of(where.Offline(parsed)!, null));
                    return await explainer.ExplainAsync(text, moment, answer, stop).ConfigureAwait(false);
                }).ConfigureAwait(false);
            if (parsed.GetValue(where.Json)) screen.Json(view);
            else Print(view, screen);
            return view.Verdict is "passes" or "delivered" ? ExitCodes.Done : ExitCodes.Rejected;
        });
        return verb;
    }

    private static void Print(ExplainView view, Screen screen)
    {
        screen.Line(view.Sentence);
        screen.Line($"{view.Flow}, revision {view.Revision.ToString(CultureInfo.InvariantCulture)}");
        foreach (var note in view.Notes) screen.Line($"note: {note}");
        screen.Line("");
        screen.Rows(
            view.Steps, "It never began.",
            ("STEP", s => s.Node), ("WHAT", s => s.Drop is { } drop ? $"{s.What}{(s.What.Length > 0 ? "  " : "")}DROPPED: {drop}" : s.What), ("ITEM", s => s.Line is { } line ? $"{s.Item} {line}" : s.Item),
            ("REV", s => s.Revision?.ToString(CultureInfo.InvariantCulture)), ("TIME", s => s.Time is { } time ? Format.Time(time) : null),
            ("BY", s => s.Issuer is { } issuer ? $"{s.Principal} ({issuer})" : s.Principal), ("WHY", s => s.Why));
        if (view.Reply is not { } reply) return;
        screen.Line("");
        screen.Line("the answer:");
        Print(reply, screen);
    }
}
