using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs mirrors; their interfaces join when they come.</summary>
public sealed class SpanDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Span;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var spec = (SpanSpec)item.Spec;
        if (dataplane.Spans.Set(new SpanSettings(item.Key.Name, spec.Source, spec.Destination, spec.Direction != SpanDirection.Out, spec.Direction != SpanDirection.In))) return new(new StepResult.Done());
        return new(new StepResult.Pending($"interface/{(dataplane.TryFindInterface(spec.Source, out _) ? spec.Destination : spec.Source)}"));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Spans.Remove(item.Key.Name);
        return new(new StepResult.Done());
    }
}
