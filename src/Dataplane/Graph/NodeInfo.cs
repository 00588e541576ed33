using System.Runtime.CompilerServices;
using System.Text;

namespace Gateway.Dataplane.Graph;

/// <summary>A drop reason or a count of a node: the name that `show counters` prints and a sentence for people.</summary>
internal sealed record NodeRow(string Name, string Sentence);

/// <summary>The static description of a node: its name, where its edges lead, why it drops, what else it counts. Row n belongs to the enum value n.</summary>
internal sealed class NodeInfo
{
    private NodeInfo(string name, string[] edges, NodeRow[] drops, NodeRow[] counts) => (Name, Edges, Drops, Counts) = (name, edges, drops, counts);

    public string Name { get; }

    /// <summary>Names of the nodes that the edges lead to.</summary>
    public string[] Edges { get; }

    public NodeRow[] Drops { get; }

    public NodeRow[] Counts { get; }

    /// <summary>An enum for a node without edges, drops or counts.</summary>
    public enum None : ushort;

    public static NodeInfo Of<TEdge>(string name, (TEdge Edge, string Node)[] edges)
        where TEdge : unmanaged, Enum => Of<TEdge, None, None>(name, edges, [], []);

    public static NodeInfo Of<TEdge, TReason>(string name, (TEdge Edge, string Node)[] edges, (TReason Reason, string Sentence)[] drops)
        where TEdge : unmanaged, Enum
        where TReason : unmanaged, Enum => Of<TEdge, TReason, None>(name, edges, drops, []);

    /// <summary>Throws when a row of an enum is missing, doubled or out of order: a bug that every start would show.</summary>
    public static NodeInfo Of<TEdge, TReason, TCount>(
        string name,
        (TEdge Edge, string Node)[] edges,
        (TReason Reason, string Sentence)[] drops,
        (TCount Count, string Sentence)[] counts)
        where TEdge : unmanaged, Enum
        where TReason : unmanaged, Enum
        where TCount : unmanaged, Enum
    {
        // Plain loops, not LINQ: LINQ would be compiled anew at every start, for the enums of every node.
        var (names, targets) = (Names<TEdge>(name, edges.Length), new string[edges.Length]);
        for (var row = 0; row < names.Length; row++)
        {
            InOrder(name, edges[row].Edge, row);
            targets[row] = edges[row].Node;
        }

        return new NodeInfo(name, targets, Rows(name, drops), Rows(name, counts));
    }

    private static NodeRow[] Rows<T>(string node, (T Value, string Sentence)[] rows)
        where T : unmanaged, Enum
    {
        var (names, made) = (Names<T>(node, rows.Length), new NodeRow[rows.Length]);
        for (var row = 0; row < made.Length; row++)
        {
            InOrder(node, rows[row].Value, row);
            made[row] = new NodeRow(Kebab(names[row]), rows[row].Sentence);
        }

        return made;
    }

    // The names of an enum come in the order of its values.
    private static string[] Names<T>(string node, int rows)
        where T : unmanaged, Enum
    {
        if (Unsafe.SizeOf<T>() != sizeof(ushort)) throw new InvalidOperationException($"{typeof(T)} of node {node} must be an enum : ushort.");
        var type = typeof(T);
        var names = Enum.GetNames(type);
        return names.Length == rows ? names : throw OutOfOrder(node, typeof(T));
    }

    private static void InOrder<T>(string node, T value, int row)
        where T : unmanaged, Enum
    {
        if (Unsafe.BitCast<T, ushort>(value) != row) throw OutOfOrder(node, typeof(T));
    }

    private static InvalidOperationException OutOfOrder(string node, Type rows) => new($"The rows of {rows} of node {node} must name each value once and in order.");

    private static string Kebab(string name)
    {
        var text = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsUpper(letter) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(letter));
        }
        return text.ToString();
    }
}
