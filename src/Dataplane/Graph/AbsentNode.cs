namespace Gateway.Dataplane.Graph;

/// <summary>Takes what an edge sends to a node that this graph was built without.</summary>
internal readonly struct AbsentNode : INode
{
    private enum Reason : ushort
    {
        NoSuchNode,
        NodeQueueFull,
    }

    /// <summary>Number of the drop reason for a packet that found a node's queue full; this node is the first, so its rows are too.</summary>
    public const ushort NodeQueueFull = (ushort)Reason.NodeQueueFull;

    public static NodeInfo Info { get; } = NodeInfo.Of<NodeInfo.None, Reason>(
        "drop",
        [],
        [
            (Reason.NoSuchNode, "The next step for this packet is not part of the graph."),
            (Reason.NodeQueueFull, "Too many packets waited for one node."),
        ]);

    public static unsafe void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++) frame.Drop(Reason.NoSuchNode, frame.Indices[i]);
    }
}
