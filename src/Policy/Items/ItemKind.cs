namespace Gateway.Policy.Items;

/// <summary>One kind of item: its name in commands, stored events and CLI, and the record that its spec reads as.</summary>
/// <param name="Name">Kebab-case.</param>
/// <param name="SpecType">The record; its JSON Schema is made from it.</param>
public sealed record ItemKind(string Name, Type SpecType);
