using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Host.Control;

/// <summary>Where an item stands between desired and applied, as <c>show plan</c> tells it.</summary>
/// <param name="WaitsFor">Of a pending item.</param>
/// <param name="Since">When it came into this state.</param>
/// <param name="Attempts">Attempts that failed since it was last in force.</param>
public sealed record ItemStatus(ItemKey Key, long Revision, ItemState State, string? WaitsFor, DateTimeOffset Since, int Attempts);
