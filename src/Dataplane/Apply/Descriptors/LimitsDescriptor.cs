using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs the limits of the workers.</summary>
public sealed class LimitsDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Limits;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var spec = (LimitsSpec)item.Spec;
        dataplane.SetLimits(new WorkerLimits
        {
            IcmpErrors = spec.IcmpErrors,
            IcmpErrorBurst = spec.IcmpErrorBurst,
            EchoReplies = spec.EchoReplies,
            TcpResets = spec.TcpResets,
            NeighborRequests = spec.NeighborRequests,
            NewNeighbors = spec.NewNeighbors,
            ReassemblyPackets = spec.ReassemblyPackets,
            ReassemblyFragments = spec.ReassemblyFragments,
            ReassemblyBuffers = spec.ReassemblyBuffers,
            ReassemblyTime = TimeSpan.FromSeconds(spec.ReassemblyTime.Seconds),
        });
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.SetLimits(WorkerLimits.Default);
        return new(new StepResult.Done());
    }
}
