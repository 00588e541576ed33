using Gateway.Dataplane.Explain;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Journal.History;
using Gateway.Host.Runtime;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Explain;

/// <summary>
/// Says what becomes of a packet, now or at an earlier moment, and which item of whose doing decides: sends it through a twin of the dataplane that the journal's configuration is programmed into.
/// One question at a time, each with a limit of its own.
/// </summary>
/// <param name="records">The journal.</param>
/// <param name="box">Of the gateway; without a running dataplane all that is not journalled is taken as it should be.</param>
internal sealed class Explainer(JournalRecords records, TwinBox box) : IDisposable
{
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60), _patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _one = new(1);

    /// <param name="text">The flow.</param>
    /// <param name="at">A moment; null now.</param>
    /// <param name="reply">Explain the packet that answers as well.</param>
    /// <param name="stop">Ends the work.</param>
    /// <exception cref="AskedWrongException">The flow or the moment cannot be read, or too many ask at once.</exception>
    public async Task<ExplainView> ExplainAsync(string? text, string? at, bool reply, CancellationToken stop)
    {
        if (!FlowText.TryParse(text, out var question, out var error)) throw new AskedWrongException("invalid-flow", error);
        if (!await _one.WaitAsync(_patience, stop).ConfigureAwait(false)) throw new AskedWrongException("busy", "Others are asking; ask again.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_longest);
        try
        {
            return await AnswerAsync(question, at, reply, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new AskedWrongException("too-long", $"The answer took longer than {_longest.TotalSeconds} s.");
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<ExplainView> AnswerAsync(FlowQuestion question, string? at, bool reply, CancellationToken stop)
    {
        var state = await records.StateAsync(at, blame: true, stop).ConfigureAwait(false);
        var running = at is null ? box.Running : null;
        var configuration = state.Configuration.Configuration;
        List<string> notes = [];
        var begin = Begin(question, state);
        using var twin = await TwinMaker.MakeAsync(configuration, state.Configuration.Pending, state.Sas, state.Fold.NatBlocks, question.Flow, box with { Running = running }, notes, stop).ConfigureAwait(false);
        var flow = question.Flow;
        if (running is not null && !question.IsNew && twin.Adopt(running, flow, begin) is { } known)
        {
            notes.Add($"The gateway knows this flow: {known.State} for {known.Age.TotalSeconds:0} s, {known.Packets} packets and {known.ReplyPackets} back{(known.Rule is { } rule ? $", translated by {rule}" : "")}. With the word new it is explained as a new one.");
            // Somebody who asks about a connection that stands means its next segment.
            if (flow.Protocol == 6 && !question.HasFlags && known.State != "syn-sent") flow = flow with { TcpFlags = 0x10 };
        }

        var way = twin.Send(flow, begin, out var fault) ?? throw new AskedWrongException("no-beginning", fault!);
        var words = new WayWords(new DecisionWords(configuration), new Blames(state.Fold.Blame!), state);
        var view = words.View(question.Text, way, notes);
        if (!reply || way.Answer is not { } answer) return view;
        return twin.Send(answer.Flow, answer.Begin, out fault) is { } back
            ? view with { Reply = words.View(TextOf(answer.Flow, answer.Begin, state), back, []) }
            : view with { Notes = [.. view.Notes, $"The answer cannot be explained: {fault}"] };
    }

    private static WayBegin Begin(FlowQuestion question, JournalState state) => question.Begin switch
    {
        FlowBegin.In of => new WayBegin.ByInterface(of.Interface),
        FlowBegin.Gateway => new WayBegin.Own(),
        FlowBegin.From from => new WayBegin.OutOfSa(NewestOf(from, state.Sas) ?? throw new AskedWrongException("no-sa", $"{from.Connection}/{from.Child} has no CHILD SA {(state.Time() is { } time ? $"at {time:yyyy-MM-ddTHH:mm:ssZ}" : "then")}: nothing comes from there.")),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static ChildSaId? NewestOf(FlowBegin.From from, SaInventory sas) =>
        sas.ChildSas.Values.LastOrDefault(c => c.Parameters.Connection == from.Connection && c.Parameters.Child == from.Child)?.Id;

    private static string TextOf(ProbeFlow flow, WayBegin begin, JournalState state)
    {
        var where = begin switch
        {
            WayBegin.ByInterface on => $"in {on.Name}",
            WayBegin.OutOfSa of when state.Sas.ChildSas.TryGetValue(of.Id.Value, out var sa) => $"from {sa.Parameters.Connection}/{sa.Parameters.Child}",
            _ => "from gateway",
        };
        return $"{where} {FlowText.NameOf(flow.Protocol)} {FlowText.End(flow, source: true)} {FlowText.End(flow, source: false)}";
    }
}
