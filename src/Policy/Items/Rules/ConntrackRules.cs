using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of how flows are tracked.</summary>
internal sealed class ConntrackRules : ItemRules<ConntrackSpec>
{
    private const int MaxInterfaces = 1024;
    private const long LongestTime = 100 * 86_400;

    protected override void Check(string name, ConntrackSpec spec, ValidationContext context, ErrorScope at)
    {
        foreach (var (field, time) in spec.Times)
            if (time.Seconds is < 1 or > LongestTime) at[field].Add(ErrorCode.OutOfRange, "Expected 1s to 100d.");
        if (spec.Always && spec.AlwaysOn.Count > 0) at["always_on"].Add(ErrorCode.NotApplicable, "With 'always' flows are tracked on every interface.");
        if (spec.AlwaysOn.Count > MaxInterfaces) at["always_on"].Add(ErrorCode.TooMany, $"There are at most {MaxInterfaces}.");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < spec.AlwaysOn.Count; i++)
            if (!seen.Add(spec.AlwaysOn[i])) at["always_on"][i].Add(ErrorCode.Conflict, "The interface stands twice.");
    }

    protected override IEnumerable<Reference> References(ConntrackSpec spec) => spec.AlwaysOn.Select((name, i) => new Reference(new(ItemCatalog.Interface, name), $".always_on[{i}]"));

    // Two would each say how long flows live.
    protected override IEnumerable<HeldClaim> Claims(string name, ConntrackSpec spec) => [new(new("tracking of flows", "all"), "")];
}
