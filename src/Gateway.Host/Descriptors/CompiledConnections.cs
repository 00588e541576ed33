using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Host.Descriptors;

/// <summary>
/// Connections made ready for use, once for each item and kept as long as the item stays: the start, the descriptor and the end of a pass ask for the same ones, and the
/// engine knows an unchanged connection by its being the same object.
/// </summary>
internal sealed class CompiledConnections
{
    private readonly ConditionalWeakTable<Item, Result> _known = [];

    private sealed record Result(Connection? Connection, string? Error);

    /// <summary>False with one sentence when something in the item cannot be used.</summary>
    public bool TryGet(Item item, [NotNullWhen(true)] out Connection? connection, [NotNullWhen(false)] out string? error)
    {
        (connection, error) = _known.GetValue(item, static i =>
            ConnectionCompiler.TryCompile(new ConnectionName(i.Key.Name), (ConnectionSpec)i.Spec, out var made, out var fault) ? new Result(made, null) : new Result(null, fault));
        return connection is not null;
    }
}
