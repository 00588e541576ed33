namespace Gateway.Dataplane.Filter;

/// <summary>One combination of a rule's addresses, ports and the rest, before it is compiled.</summary>
/// <param name="Rule">Number of the rule; the lowest that matches wins.</param>
/// <param name="Value">Words of the key as they must be, where the mask says so; the ports' word is left out of account.</param>
/// <param name="Mask">Bits of the words that matter.</param>
/// <param name="Sources">Source ports (<see cref="FilterPorts"/>), or ICMP types.</param>
/// <param name="Destinations">Destination ports, or ICMP codes.</param>
internal readonly record struct FilterRow(uint Rule, uint[] Value, uint[] Mask, uint Sources = FilterPorts.Any, uint Destinations = FilterPorts.Any);
