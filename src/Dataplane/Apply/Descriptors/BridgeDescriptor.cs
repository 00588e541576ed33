using System.Globalization;
using System.Net.NetworkInformation;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs bridges. A bridge depends on no member: those that are there work, and the others join when they come.</summary>
public sealed class BridgeDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Bridge;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var spec = (BridgeSpec)item.Spec;
        var whole = dataplane.Switching.SetBridge(new BridgeSettings
        {
            Name = item.Key.Name,
            Members = [.. spec.Members.Select(m => new BridgeMemberSettings(m.Interface, m.SplitHorizonGroup, m.Learn, m.MacLimit ?? 0, m.FloodRate ?? 0))],
            Bvi = spec.Bvi,
            MacAge = spec.MacAge.ToTimeSpan(),
            MacLimit = spec.MacLimit,
            Learn = spec.Learn,
            FloodUnknown = spec.FloodUnknown,
            Fixed = [.. spec.Static.Select(s => new FixedStation(PhysicalAddress.Parse(s.Mac.Value.ToString("X12", CultureInfo.InvariantCulture)), s.Interface))],
        });
        if (whole) return new(new StepResult.Done());
        var missing = spec.Members.Select(m => m.Interface).Append(spec.Bvi).First(name => name is not null && !dataplane.TryFindInterface(name, out _));
        return new(new StepResult.Pending($"interface/{missing}"));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Switching.RemoveBridge(item.Key.Name);
        return new(new StepResult.Done());
    }
}
