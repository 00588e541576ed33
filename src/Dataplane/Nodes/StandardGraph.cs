using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>The nodes of a gateway in the order in which packets meet them. A new node is a row here and an edge in the node before it.</summary>
internal static class StandardGraph
{
    public static GraphDefinition Create() => new(
    [
    ]);
}
