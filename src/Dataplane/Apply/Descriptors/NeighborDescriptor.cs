using System.Globalization;
using System.Net.NetworkInformation;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs static neighbors.</summary>
public sealed class NeighborDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Neighbor;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [new(ItemCatalog.Interface, ((NeighborSpec)item.Spec).Interface)];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => from is NeighborSpec a && to is NeighborSpec b && a.Interface == b.Interface && a.Address.Equals(b.Address);

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var neighbor = (NeighborSpec)item.Spec;
        if (!dataplane.TryFindInterface(neighbor.Interface, out var index)) return new(new StepResult.Pending($"interface/{neighbor.Interface}"));
        dataplane.AddNeighbor(index, neighbor.Address, PhysicalAddress.Parse(neighbor.Mac.Value.ToString("X12", CultureInfo.InvariantCulture)));
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        var neighbor = (NeighborSpec)item.Spec;
        if (dataplane.TryFindInterface(neighbor.Interface, out var index)) dataplane.RemoveNeighbor(index, neighbor.Address);
        return new(new StepResult.Done());
    }
}
