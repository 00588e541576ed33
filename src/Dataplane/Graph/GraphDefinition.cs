namespace Gateway.Dataplane.Graph;

/// <summary>A node and the function that the graph calls for its frames.</summary>
internal sealed unsafe class NodeRegistration
{
    private NodeRegistration(NodeInfo info, delegate*<ref Frame, void> process)
    {
        Info = info;
        Process = process;
    }

    public NodeInfo Info { get; }

    public delegate*<ref Frame, void> Process { get; }

    public static NodeRegistration Of<TNode>()
        where TNode : INode => new(TNode.Info, &TNode.Process);
}

/// <summary>
/// The graph: nodes get numbers in the order of registration, edges are resolved by name, drops and counts get numbers over all nodes.
/// The order matters for speed alone: the lowest node with waiting packets runs next, so upstream nodes come first. Built once; immutable.
/// </summary>
internal sealed unsafe class GraphDefinition
{
    /// <summary>Largest number of nodes; the mask of waiting nodes has a bit for each.</summary>
    public const int MaxNodes = 128;

    /// <summary>Node 0: where edges to a node that is not in the graph lead.</summary>
    public const ushort DropNode = 0;

    private readonly Dictionary<string, ushort> _byName = [];

    public GraphDefinition(IEnumerable<NodeRegistration> nodes)
    {
        Nodes = [NodeRegistration.Of<AbsentNode>(), .. nodes];
        if (Nodes.Length > MaxNodes) throw new InvalidOperationException($"The graph has more than {MaxNodes} nodes.");
        for (var i = 0; i < Nodes.Length; i++)
            if (!_byName.TryAdd(Nodes[i].Info.Name, (ushort)i)) throw new InvalidOperationException($"Two nodes are named {Nodes[i].Info.Name}.");

        DropBase = new ushort[Nodes.Length];
        CountBase = new ushort[Nodes.Length];
        EdgeTargets = new ushort[Nodes.Length][];
        List<(string, NodeRow)> drops = [], counts = [];
        for (var i = 0; i < Nodes.Length; i++)
        {
            var info = Nodes[i].Info;
            DropBase[i] = (ushort)drops.Count;
            CountBase[i] = (ushort)counts.Count;
            drops.AddRange(info.Drops.Select(d => (info.Name, d)));
            counts.AddRange(info.Counts.Select(c => (info.Name, c)));
            EdgeTargets[i] = [.. info.Edges.Select(e => _byName.GetValueOrDefault(e, DropNode))];
        }
        Drops = [.. drops];
        Counts = [.. counts];
    }

    public NodeRegistration[] Nodes { get; }

    /// <summary>All drop reasons, by their number in <see cref="Buffers.PacketMeta.Drop"/>.</summary>
    public (string Node, NodeRow Row)[] Drops { get; }

    public (string Node, NodeRow Row)[] Counts { get; }

    /// <summary>Number of a node's first drop reason.</summary>
    public ushort[] DropBase { get; }

    public ushort[] CountBase { get; }

    public ushort[][] EdgeTargets { get; }

    /// <summary>Number of a node by its name; throws when it is not in the graph.</summary>
    public ushort Find(string name) => _byName[name];

    /// <summary>Number of a node by its name; <see cref="DropNode"/> when it is not in the graph.</summary>
    public ushort FindOr0(string name) => _byName.GetValueOrDefault(name, DropNode);

    /// <summary>Number of a drop reason as `node/reason`, for tests and dumps.</summary>
    public ushort FindDrop(string node, string reason)
    {
        for (var i = 0; i < Drops.Length; i++)
            if (Drops[i].Node == node && Drops[i].Row.Name == reason) return (ushort)i;
        throw new KeyNotFoundException($"No drop reason {node}/{reason}.");
    }
}
