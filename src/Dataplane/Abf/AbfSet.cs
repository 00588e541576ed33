using System.Runtime.InteropServices;
using Gateway.Dataplane.Filter;

namespace Gateway.Dataplane.Abf;

/// <summary>Where the packets of a policy go, by family: a way as <see cref="AbfProgram"/> holds it; 0 when the policy does not concern the family.</summary>
internal readonly record struct AbfWay(uint Ip4, uint Ip6);

/// <summary>The compiled policies of one list, for both families; shared by all interfaces that have this list.</summary>
internal sealed unsafe class AbfSet
{
    private AbfSet()
    {
    }

    public required FilterSet Rules { get; init; }

    public required AbfProgram* Ip4 { get; init; }

    public required AbfProgram* Ip6 { get; init; }

    /// <param name="rules">Those of the policies' ACLs one after the other; in place of the ACL stands the policy.</param>
    /// <param name="wayOf">The way of a policy.</param>
    public static AbfSet Make(FilterSet rules, Func<string, AbfWay> wayOf)
    {
        var (ways4, ways6) = (new uint[rules.Rules.Count], new uint[rules.Rules.Count]);
        for (var i = 0; i < rules.Rules.Count - 1; i++)
        {
            // What a rule denies or rejects follows its route.
            if (rules.Ip4->Verdicts[i].Action > FilterAction.Reflect) continue;
            var way = wayOf(rules.Rules[i].Acl);
            (ways4[i], ways6[i]) = (way.Ip4, way.Ip6);
        }

        return new AbfSet { Rules = rules, Ip4 = AbfProgram.Make(rules.Ip4, ways4), Ip6 = AbfProgram.Make(rules.Ip6, ways6) };
    }

    public void Free()
    {
        NativeMemory.AlignedFree(Ip4);
        NativeMemory.AlignedFree(Ip6);
        Rules.Free();
    }
}
