using Gateway.Host.Control;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>A secret is in force when the vault holds its value; a shredded one must be given again.</summary>
internal sealed class SecretDescriptor(ISecretVault vault) : IDescriptor
{
    public string Kind => ItemCatalog.Secret;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) =>
        new(vault.Holds(((SecretSpec)item.Spec).Handle) ? new StepResult.Done() : new StepResult.Pending("secret needed"));

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
}
