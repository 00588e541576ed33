using Gateway.Policy.Items;

namespace Gateway.Policy.Events;

/// <summary>One row of the event catalogue: a stored name and the record that it reads as.</summary>
/// <param name="Name">Stable, with version: <c>ike.child-installed.v1</c>. Never changed, never used again for something else.</param>
/// <param name="Type">The CLR record; may be renamed freely.</param>
/// <param name="Kind">The item kind, for the events that are stored per kind.</param>
public sealed record EventRow(string Name, Type Type, ItemKind? Kind = null);
