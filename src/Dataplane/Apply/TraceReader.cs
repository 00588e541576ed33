using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Apply;

/// <summary>Turns the workers' trace rings into rows.</summary>
internal static unsafe class TraceReader
{
    public static IReadOnlyList<TraceRow> Read(IReadOnlyList<Worker> workers, GraphDefinition graph, InterfaceBook interfaces)
    {
        var records = new TraceRecord[8192];
        List<TraceRow> rows = [];
        foreach (var worker in workers)
        {
            var count = worker.Context.Trace.Read(records);
            for (var i = 0; i < count; i++) rows.Add(Row(worker.Context.Worker, records[i], graph, interfaces));
        }
        // A stable sort: the steps of a packet stay in their order, also when it went on with another worker.
        return [.. rows.OrderBy(r => r.Packet).ThenBy(r => r.Nanoseconds)];
    }

    private static TraceRow Row(int worker, TraceRecord record, GraphDefinition graph, InterfaceBook interfaces)
    {
        var drop = record.Drop == TraceRecord.NotDropped ? null : $"{graph.Drops[record.Drop].Node}/{graph.Drops[record.Drop].Row.Name}";
        var head = new ReadOnlySpan<byte>(record.Head, record.HeadLength).ToArray();
        return new TraceRow(worker, record.TraceId, record.Time, graph.Nodes[record.Node].Info.Name, drop, interfaces.NameOf(record.RxInterface), record.TotalLength, head);
    }
}
