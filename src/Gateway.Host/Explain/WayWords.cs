using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Explain;
using Gateway.Host.Api.Views;
using Gateway.Host.Journal.History;

namespace Gateway.Host.Explain;

/// <summary>Turns a packet's way into the answer: the verdict, and each step with the command behind it.</summary>
internal sealed class WayWords(DecisionWords words, Blames blames, JournalState state)
{
    public ExplainView View(string text, FlowWay way, IReadOnlyList<string> notes)
    {
        List<ExplainStep> steps = [];
        for (var i = 0; i < way.Own; i++)
        {
            var row = way.Steps[i];
            // The end of a packet is told where it met it.
            if (row.Drop is not null && steps.Count > 0) steps[^1] = steps[^1] with { Drop = row.Drop };
            else if (i == 0 || row.Node != way.Steps[i - 1].Node || row.Decision != way.Steps[i - 1].Decision) steps.Add(Step(row));
        }

        if (way.End is WayEnd.Refused && steps.Count > 0) steps[^1] = steps[^1] with { Drop = ((WayEnd.Refused)way.End).Reason };
        for (var i = way.Own; i < way.Steps.Count; i++)
            if (way.Steps[i].Drop is null && way.Steps[i].Node != way.Steps[i - 1].Node) steps.Add(Step(way.Steps[i]) with { What = $"(what the gateway answers) {words.Of(way.Steps[i]).What}".TrimEnd() });
        var decisive = steps.FindLast(s => s.Drop is not null);
        return new ExplainView
        {
            Flow = text,
            Verdict = VerdictOf(way.End),
            Sentence = Sentence(way, decisive),
            Reason = way.End switch { WayEnd.Dropped d => d.Reason, WayEnd.Refused r => r.Reason, WayEnd.Waits => "no-sa", _ => null },
            Interfaces = way.End is WayEnd.Left left ? left.Interfaces : [],
            Revision = state.Configuration.Configuration.Revision,
            Position = state.Configuration.Position,
            Time = state.Time() ?? DateTimeOffset.UnixEpoch,
            Steps = steps,
            Notes = notes,
        };
    }

    private ExplainStep Step(TraceRow row)
    {
        var text = words.Of(row);
        var origin = text.Item is { } item ? blames.Of(item, text.Path) : null;
        return new ExplainStep
        {
            Node = row.Node,
            What = text.What,
            Item = origin is null ? null : text.Item?.ToString(),
            Line = origin is null ? null : text.Line,
            Revision = origin?.Revision,
            Time = origin?.Time,
            Principal = origin?.Principal.ToString(),
            Issuer = origin?.Issuer,
            Why = origin?.Reason,
        };
    }

    private static string VerdictOf(WayEnd end) => end switch
    {
        WayEnd.Left => "passes",
        WayEnd.Delivered => "delivered",
        WayEnd.Dropped => "dropped",
        WayEnd.Refused => "refused",
        _ => "waits",
    };

    private string Sentence(FlowWay way, ExplainStep? decisive)
    {
        var by = decisive is { What.Length: > 0 } d ? $" ({d.What}{(d.Item is { } item ? $"; {item}, revision {d.Revision}" : "")})" : "";
        return way.End switch
        {
            WayEnd.Left left => $"passes: leaves by {string.Join(", ", left.Interfaces)}{OnTheWay(way)}",
            WayEnd.Delivered { To: "host" } => $"delivered: to the gateway's host{OnTheWay(way)}",
            WayEnd.Delivered { To: "ike" } => "delivered: to the IKE engine",
            WayEnd.Delivered taken => $"delivered: the gateway takes it at {taken.To}",
            WayEnd.Dropped dropped => $"dropped: {dropped.Reason}: {dropped.Sentence}{by}",
            WayEnd.Refused refused => $"refused: {refused.Reason}: {refused.Sentence}{by}; its sender gets {(refused.By.StartsWith("tcp", StringComparison.Ordinal) ? "a reset" : "an ICMP error")}",
            WayEnd.Waits waits => $"waits: {waits.Policy} protects it and has no CHILD SA, which is asked for; without one it is dropped",
            _ => "",
        };
    }

    /// <summary>What was done to it.</summary>
    private string OnTheWay(FlowWay way)
    {
        List<string> done = [];
        foreach (var step in way.Steps.Take(way.Own))
            switch (step.Decision)
            {
                case StepDecision.Nat { From: not null } or StepDecision.KnownFlow:
                    done.Add(words.Of(step).What);
                    break;
                case StepDecision.Sa { Inbound: false } sa:
                    done.Add($"protected by {sa.Connection}/{sa.Child} #{sa.Id.Value.ToString(System.Globalization.CultureInfo.InvariantCulture)}");
                    break;
            }

        return done.Count == 0 ? "" : "; " + string.Join("; ", done);
    }
}

/// <summary>Times of states.</summary>
internal static class StateTimes
{
    public static DateTimeOffset? Time(this JournalState state) => state.Configuration.Time;
}
