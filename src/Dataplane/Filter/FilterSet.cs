using Gateway.Policy.Items;

namespace Gateway.Dataplane.Filter;

/// <summary>A rule of an ACL, by the name under which it is counted.</summary>
internal readonly record struct RuleId(string Acl, string Rule);

/// <summary>The compiled rules of one list of ACLs, for both families; shared by all interfaces and directions that have this list and this end.</summary>
internal sealed unsafe class FilterSet
{
    private FilterSet()
    {
    }

    public required FilterProgram* Ip4 { get; init; }

    public required FilterProgram* Ip6 { get; init; }

    /// <summary>What the numbers of the programs' rules stand for; the last one is the end of the list.</summary>
    public required IReadOnlyList<RuleId> Rules { get; init; }

    public static FilterSet Make(IReadOnlyList<string> names, bool permits, IReadOnlyDictionary<string, AclSpec> acls, IReadOnlyDictionary<string, GroupSpec> groups, Func<string, IReadOnlyList<string>> idsOf, int workers, Func<AclRule, ulong>? guardsOf = null)
    {
        var expansion = new AclExpansion(groups);
        var (rows4, rows6, ids, verdicts, guards) = (new List<FilterRow>(), new List<FilterRow>(), new List<RuleId>(), new List<FilterVerdict>(), new List<ulong>());
        foreach (var name in names)
        {
            if (!acls.TryGetValue(name, out var acl))
            {
                // An ACL that is not there must not open what it would close.
                rows4.Add(AclExpansion.Everything((uint)ids.Count, false));
                rows6.Add(AclExpansion.Everything((uint)ids.Count, true));
                ids.Add(new RuleId(name, ""));
                verdicts.Add(new FilterVerdict { Action = FilterAction.Deny });
                guards.Add(0);
                continue;
            }

            var own = idsOf(name);
            for (var i = 0; i < acl.Rules.Count; i++)
            {
                expansion.Add(acl.Rules[i], (uint)ids.Count, false, rows4);
                expansion.Add(acl.Rules[i], (uint)ids.Count, true, rows6);
                ids.Add(new RuleId(name, own[i]));
                verdicts.Add(new FilterVerdict { Action = ActionOf(acl.Rules[i].Action) });
                guards.Add(guardsOf?.Invoke(acl.Rules[i]) ?? 0);
            }
        }

        ids.Add(new RuleId("", ""));
        verdicts.Add(new FilterVerdict { Action = permits ? FilterAction.Permit : FilterAction.Deny });
        guards.Add(0);
        return new FilterSet
        {
            Ip4 = FilterCompiler.Compile<FilterIp4>(rows4, [.. verdicts], workers, [.. guards]),
            Ip6 = FilterCompiler.Compile<FilterIp6>(rows6, [.. verdicts], workers, [.. guards]),
            Rules = ids,
        };
    }

    /// <summary>What was counted for a rule, by all workers and for both families.</summary>
    public (ulong Packets, ulong Bytes) CountOf(int rule, int workers)
    {
        var four = CountOf(Ip4, rule, workers);
        var six = CountOf(Ip6, rule, workers);
        return (four.Packets + six.Packets, four.Bytes + six.Bytes);
    }

    public void Free()
    {
        FilterProgram.Free(Ip4);
        FilterProgram.Free(Ip6);
    }

    private static (ulong Packets, ulong Bytes) CountOf(FilterProgram* program, int rule, int workers)
    {
        ulong packets = 0, bytes = 0;
        for (var worker = 0; worker < workers; worker++)
        {
            var at = program->Counters + (nint)worker * program->CounterStride + rule * 2;
            packets += Volatile.Read(ref at[0]);
            bytes += Volatile.Read(ref at[1]);
        }

        return (packets, bytes);
    }

    private static FilterAction ActionOf(AclAction action) => action switch
    {
        AclAction.Permit => FilterAction.Permit,
        AclAction.PermitReflect => FilterAction.Reflect,
        AclAction.Reject => FilterAction.Reject,
        _ => FilterAction.Deny,
    };
}
