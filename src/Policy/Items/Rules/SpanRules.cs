using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of mirrors.</summary>
internal sealed class SpanRules : ItemRules<SpanSpec>
{
    /// <summary>An interface has one mirror.</summary>
    private const string MirroredClaim = "mirrored interface";

    protected override void Check(string name, SpanSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Source == spec.Destination) at["destination"].Add(ErrorCode.Conflict, "An interface is not mirrored to itself.");
    }

    protected override IEnumerable<Reference> References(SpanSpec spec) =>
        [new(new(ItemCatalog.Interface, spec.Source), ".source"), new(new(ItemCatalog.Interface, spec.Destination), ".destination")];

    protected override IEnumerable<HeldClaim> Claims(string name, SpanSpec spec) => [new(new(MirroredClaim, spec.Source), ".source")];

    protected override void CheckAmong(SpanSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (!HasFrames(all, spec.Source)) at["source"].Add(ErrorCode.Conflict, "The interface has no Ethernet frames.");
        if (!HasFrames(all, spec.Destination)) at["destination"].Add(ErrorCode.Conflict, "The interface has no Ethernet frames.");
        // Copies are not copied again, so a mirror of a mirror would show nothing.
        if (all.HolderOf(new(MirroredClaim, spec.Destination)) is { } other) at["destination"].Add(ErrorCode.Conflict, $"The interface is mirrored itself, by {other}.");
        if (all.OfKind(ItemCatalog.Span).FirstOrDefault(i => ((SpanSpec)i.Spec).Destination == spec.Source) is { } onto) at["source"].Add(ErrorCode.Conflict, $"The interface takes the copies of {onto.Key}.");
    }

    private static bool HasFrames(RunningConfiguration all, string name) =>
        !all.TryGetValue(new(ItemCatalog.Interface, name), out var item) || item.Spec is InterfaceSpec { Type: not InterfaceType.Loopback, IsPointToPoint: false };
}
