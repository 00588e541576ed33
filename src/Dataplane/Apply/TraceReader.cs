using Gateway.Dataplane.Explain;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Apply;

/// <summary>Turns the workers' trace rings into rows, and says of each step what decided there.</summary>
internal static unsafe class TraceReader
{
    public static IReadOnlyList<TraceRow> Read(JudgedTables on, GraphDefinition graph)
    {
        var buffer = new TraceRecord[8192];
        List<(int Worker, TraceRecord Record)> records = [];
        foreach (var worker in on.Workers)
        {
            var count = worker.Context.Trace.Read(buffer);
            for (var i = 0; i < count; i++) records.Add((worker.Context.Worker, buffer[i]));
        }
        // A stable sort: the steps of a packet stay in their order, also when it went on with another worker.
        var steps = records.OrderBy(r => r.Record.TraceId).ThenBy(r => r.Record.Time).ToList();
        return [.. steps.Select((step, at) => Row(on, graph, step.Worker, step.Record, at + 1 < steps.Count ? steps[at + 1].Record : default))];
    }

    private static TraceRow Row(JudgedTables on, GraphDefinition graph, int worker, TraceRecord record, TraceRecord next)
    {
        var isDropped = record.Drop != TraceRecord.NotDropped;
        var drop = isDropped ? $"{graph.Drops[record.Drop].Node}/{graph.Drops[record.Drop].Row.Name}" : null;
        var head = new ReadOnlySpan<byte>(record.Head, record.HeadLength).ToArray();
        var node = graph.Nodes[record.Node].Info.Name;
        var goesOn = next.TraceId == record.TraceId && next.Drop == TraceRecord.NotDropped && next.Node != 0;
        return new TraceRow(worker, record.TraceId, record.Time, node, drop, on.Interfaces.NameOf(record.RxInterface), record.TotalLength, head)
        {
            Decision = isDropped ? null : StepJudge.Judge(on, node, record, next, goesOn),
        };
    }
}
