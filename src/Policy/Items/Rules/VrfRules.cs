using System.Net;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of VRFs.</summary>
internal sealed class VrfRules : ItemRules<VrfSpec>
{
    /// <summary>Beside the default one.</summary>
    private const int MaxVrfs = 255;
    private const int MaxDescription = 255;

    protected override void Check(string name, VrfSpec spec, ValidationContext context, ErrorScope at)
    {
        if (name == VrfSpec.Default) at.Add(ErrorCode.Conflict, "The default VRF is always there.");
        if (spec.Description is { } text && !Names.IsPrintable(text, MaxDescription)) at["description"].Add(ErrorCode.InvalidValue, $"A description has 1–{MaxDescription} printable characters.");
    }

    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        if (all.OfKind(ItemCatalog.Vrf).Count() <= MaxVrfs) return;
        foreach (var (key, at) in put)
        {
            if (key.Kind != ItemCatalog.Vrf) continue;
            at.Add(ErrorCode.TooMany, $"There are at most {MaxVrfs} VRFs beside the default one.");
            return;
        }
    }

    /// <summary>The reference to a VRF that a field names; none for the default one.</summary>
    public static IEnumerable<Reference> ReferenceTo(string? name, string path) =>
        VrfSpec.Canonical(name) is { } vrf ? [new Reference(new(ItemCatalog.Vrf, vrf), path)] : [];

    /// <summary>An own address is unique within its VRF.</summary>
    public static Claim AddressIn(string? vrf, IPAddress address) =>
        new(InterfaceRules.AddressClaim, VrfSpec.Canonical(vrf) is { } name ? $"{address} in vrf {name}" : address.ToString());
}
