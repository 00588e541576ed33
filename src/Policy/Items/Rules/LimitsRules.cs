using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of the limits.</summary>
internal sealed class LimitsRules : ItemRules<LimitsSpec>
{
    private const long MaxReassemblyTime = 120;

    protected override void Check(string name, LimitsSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.ReassemblyTime.Seconds is < 1 or > MaxReassemblyTime) at["reassembly_time"].Add(ErrorCode.OutOfRange, $"Expected 1s to {MaxReassemblyTime}s.");
    }

    protected override IEnumerable<HeldClaim> Claims(string name, LimitsSpec spec) => [new(new("limits of", "the gateway"), "")];
}
