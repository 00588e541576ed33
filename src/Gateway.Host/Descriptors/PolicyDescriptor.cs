using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>Policies are put in force all together at the beginning of a pass (<see cref="ConfigurationPhases"/>), before any port opens; here there is nothing left to do.</summary>
internal sealed class PolicyDescriptor : IDescriptor
{
    public string Kind => ItemCatalog.Policy;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => new(new StepResult.Done());

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
}
