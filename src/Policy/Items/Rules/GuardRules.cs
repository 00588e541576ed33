using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of what an interface asks of its Ethernet frames.</summary>
internal static class GuardRules
{
    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        foreach (var (name, field) in Policers(spec))
            if (name is not null && !HasFrames(spec)) at[field].Add(ErrorCode.NotApplicable, "The interface has no Ethernet frames of its own; rules of its ACLs may name the policer.");
    }

    public static IEnumerable<Reference> References(InterfaceSpec spec)
    {
        foreach (var (name, field) in Policers(spec))
            if (name is not null) yield return new(new(ItemCatalog.Policer, name), $".{field}");
    }

    /// <summary>Whether what comes in and leaves has Ethernet headers, and comes from elsewhere.</summary>
    private static bool HasFrames(InterfaceSpec spec) => !spec.IsPointToPoint && spec.Type != InterfaceType.Loopback;

    private static (string? Name, string Field)[] Policers(InterfaceSpec spec) => [(spec.PolicerIn, "policer_in"), (spec.PolicerOut, "policer_out")];
}
