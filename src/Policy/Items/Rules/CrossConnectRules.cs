using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of cross-connects.</summary>
internal sealed class CrossConnectRules : ItemRules<CrossConnectSpec>
{
    protected override void Check(string name, CrossConnectSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.A == spec.B) at["b"].Add(ErrorCode.Conflict, "An interface is not connected with itself.");
    }

    protected override IEnumerable<Reference> References(CrossConnectSpec spec) => [new(new(ItemCatalog.Interface, spec.A), ".a"), new(new(ItemCatalog.Interface, spec.B), ".b")];

    protected override IEnumerable<HeldClaim> Claims(string name, CrossConnectSpec spec) => [new(new(SwitchRules.SwitchedClaim, spec.A), ".a"), new(new(SwitchRules.SwitchedClaim, spec.B), ".b")];

    protected override void CheckAmong(CrossConnectSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (SwitchRules.FaultOfMember(all, spec.A) is { } a) at["a"].Add(ErrorCode.Conflict, a);
        if (SwitchRules.FaultOfMember(all, spec.B) is { } b) at["b"].Add(ErrorCode.Conflict, b);
    }
}
