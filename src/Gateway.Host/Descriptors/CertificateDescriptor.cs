using Gateway.Host.Control;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>A certificate is in force when it can be read; the engine takes all of them together at the end of a pass (<see cref="ConfigurationPhases"/>).</summary>
internal sealed class CertificateDescriptor : IDescriptor
{
    public string Kind => ItemCatalog.Certificate;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) =>
        new(CertificateData.Read((CertificateSpec)item.Spec, out var fault) is null ? new StepResult.Failed(fault!) : new StepResult.Done());

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
}

/// <summary>An authority only says where to ask; it goes to the engine with the certificates.</summary>
internal sealed class AuthorityDescriptor : IDescriptor
{
    public string Kind => ItemCatalog.Authority;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [new(ItemCatalog.Certificate, ((AuthoritySpec)item.Spec).Cacert)];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => new(new StepResult.Done());

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
}
