using System.Diagnostics.CodeAnalysis;

namespace Gateway.Policy.Items;

/// <summary>Every kind of item, one row each (see <c>docs/howto/add-an-item-kind.md</c>).</summary>
public static class ItemCatalog
{
    public const string Interface = "interface";
    public const string Route = "route";
    public const string Neighbor = "neighbor";
    public const string Secret = "secret";
    public const string Connection = "connection";
    public const string Policy = "policy";

    /// <summary>The rows, in the order in which things are shown.</summary>
    public static IReadOnlyList<ItemKind> Kinds { get; } =
    [
        new(Interface, typeof(InterfaceSpec)),
        new(Route, typeof(RouteSpec)),
        new(Neighbor, typeof(NeighborSpec)),
        new(Secret, typeof(SecretSpec)),
        new(Connection, typeof(ConnectionSpec)),
        new(Policy, typeof(PolicySpec)),
    ];

    public static bool TryGet(string name, [NotNullWhen(true)] out ItemKind? kind)
    {
        kind = Kinds.FirstOrDefault(k => k.Name == name);
        return kind is not null;
    }
}
