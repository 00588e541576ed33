using System.Net;
using Gateway.Dataplane.Flow;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs rules of NAT44. A rule does not depend on its interface: it waits for it, and goes on when the interface is made anew.</summary>
public sealed class NatDescriptor(DataplaneControl dataplane) : IGatheringDescriptor
{
    public string Kind => ItemCatalog.Nat;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => VrfDescriptor.Before(((NatSpec)item.Spec).Vrf, ((NatSpec)item.Spec).OutsideVrf);

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var spec = (NatSpec)item.Spec;
        return new(dataplane.Flows.SetRule(ToRule(item.Key.Name, spec)) ? new StepResult.Done() : new StepResult.Pending($"interface/{spec.OutInterface}"));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Flows.RemoveRule(item.Key.Name);
        return new(new StepResult.Done());
    }

    public void Gather() => dataplane.Flows.Gather();

    public void TakeEffect() => dataplane.Flows.TakeEffect();

    /// <summary>All rules of a configuration.</summary>
    public static IEnumerable<NatRule> RulesOf(RunningConfiguration configuration) => configuration.OfKind(ItemCatalog.Nat).Select(i => ToRule(i.Key.Name, (NatSpec)i.Spec));

    /// <summary>The rule that an item asks for; the item's own rules have made sure that it has what it needs.</summary>
    internal static NatRule ToRule(string name, NatSpec spec) => spec.Type switch
    {
        NatType.Source => new NatRule.Source
        {
            Name = name,
            Order = spec.Order,
            Vrf = VrfSpec.Canonical(spec.Vrf),
            OutsideVrf = spec.OutsideVrf,
            From = [.. spec.From.Select(p => new IPNetwork(p.Address, p.Length))],
            OutInterface = spec.OutInterface,
            Addresses = [.. spec.Addresses.Select(a => (a.Start, a.End))],
            Exempt = spec.Exempt,
            FirstPort = spec.FirstPort,
            LastPort = spec.LastPort,
            Protected = spec.Protected,
            BlockSize = spec.BlockSize ?? 0,
            BlocksPerHost = spec.BlocksPerHost,
        },
        NatType.Static => new NatRule.Static
        {
            Name = name,
            Order = spec.Order,
            Vrf = VrfSpec.Canonical(spec.Vrf),
            OutsideVrf = spec.OutsideVrf,
            Outside = spec.Outside!,
            Inside = spec.Inside!,
            Protocol = ProtocolOf(spec.Protocol),
            OutsidePort = spec.OutsidePort ?? 0,
            InsidePort = spec.InsidePort ?? spec.OutsidePort ?? 0,
        },
        _ => new NatRule.Service
        {
            Name = name,
            Order = spec.Order,
            Vrf = VrfSpec.Canonical(spec.Vrf),
            OutsideVrf = spec.OutsideVrf,
            Outside = spec.Outside!,
            Protocol = ProtocolOf(spec.Protocol),
            OutsidePort = spec.OutsidePort!.Value,
            Backends = [.. spec.Backends.Select(b => new NatBackend(b.Address, b.Port, b.Weight))],
            Affinity = spec.Affinity,
        },
    };

    private static byte ProtocolOf(NatProtocol? protocol) => protocol switch
    {
        NatProtocol.Tcp => 6,
        NatProtocol.Udp => 17,
        _ => 0,
    };
}
