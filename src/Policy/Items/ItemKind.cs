using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Items;

/// <summary>One kind of item: its name in commands, stored events and CLI, the record that its spec reads as, and what must hold of it.</summary>
/// <param name="Name">Kebab-case.</param>
/// <param name="SpecType">The record; its JSON Schema is made from it.</param>
/// <param name="Rules">What types alone cannot say.</param>
public sealed record ItemKind(string Name, Type SpecType, ItemRules Rules);
