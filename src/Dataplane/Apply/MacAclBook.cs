using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>The MAC ACLs, and their programs by the lists that interfaces ask. Under the gate of <see cref="DataplaneControl"/>, but for the counters.</summary>
internal sealed unsafe class MacAclBook(Epochs epochs, int workers)
{
    private readonly record struct ListKey(ValueList<string> Names, bool Permits);

    private sealed record MacSet(nint Program, IReadOnlyList<RuleId> Rules);

    private readonly Dictionary<string, (MacAclSpec Spec, IReadOnlyList<string> Names)> _acls = new(StringComparer.Ordinal);
    private readonly Dictionary<ListKey, MacSet> _sets = [];

    /// <summary>Sets that workers may still hold; their counters are added to the past when none does.</summary>
    private readonly List<MacSet> _leaving = [];

    /// <summary>Sets of lists that changed, in their places until the interfaces are written.</summary>
    private readonly List<MacSet> _orphans = [];
    private readonly Dictionary<RuleId, (ulong Packets, ulong Bytes)> _past = [];

    public void Set(string name, MacAclSpec spec)
    {
        _acls[name] = (spec, MacAclRuleNames.Of(spec));
        var kept = _acls[name].Names.ToHashSet(StringComparer.Ordinal);
        foreach (var rule in _past.Keys.Where(r => r.Acl == name && !kept.Contains(r.Rule)).ToList()) _past.Remove(rule);
        Forget(name);
    }

    public bool Remove(string name)
    {
        if (!_acls.Remove(name)) return false;
        foreach (var rule in _past.Keys.Where(r => r.Acl == name).ToList()) _past.Remove(rule);
        Forget(name);
        return true;
    }

    /// <summary>The program of a list; compiled when there is none.</summary>
    public nint ProgramOf(ValueList<string> names, bool permits)
    {
        var key = new ListKey(names, permits);
        if (_sets.TryGetValue(key, out var set)) return set.Program;
        var (rules, ids) = (new List<MacAclRule?>(), new List<RuleId>());
        foreach (var name in names)
        {
            if (!_acls.TryGetValue(name, out var acl))
            {
                // One that is not there must not open what it would close.
                rules.Add(null);
                ids.Add(new RuleId(name, ""));
                continue;
            }

            rules.AddRange(acl.Spec.Rules);
            ids.AddRange(acl.Names.Select(rule => new RuleId(name, rule)));
        }

        return (_sets[key] = new MacSet((nint)MacCompiler.Compile(rules, permits, workers), ids)).Program;
    }

    /// <summary>What a rule of a program is called: a MAC ACL and its rule, or two empty words for the end of the list. Null when the program is no more.</summary>
    public RuleId? RuleOf(nint program, uint rule)
    {
        foreach (var set in _sets.Values)
            if (set.Program == program) return rule < set.Rules.Count ? set.Rules[(int)rule] : new RuleId("", "");
        return null;
    }

    /// <summary>Frees the programs that no interface asks any more; the interfaces were written before.</summary>
    public void Sweep(IReadOnlySet<nint> asked)
    {
        foreach (var (key, set) in _sets.Where(s => !asked.Contains(s.Value.Program)).ToList())
        {
            _sets.Remove(key);
            Leave(set);
        }
    }

    public IReadOnlyList<MacAclRow> Rows(Func<string, IReadOnlyList<string>> asking)
    {
        var sums = new Dictionary<RuleId, (ulong, ulong)>(_past);
        foreach (var set in _sets.Values.Concat(_leaving)) Sum(set, sums);
        return
        [
            .. _acls.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => new MacAclRow(
                a.Key, a.Value.Spec, [.. a.Value.Names.Select(rule => sums.GetValueOrDefault(new RuleId(a.Key, rule)) is var (packets, bytes) ? new AclRuleCount(rule, packets, bytes) : null!)], asking(a.Key))),
        ];
    }

    /// <summary>Frees all programs; the workers have ended.</summary>
    public void Free()
    {
        foreach (var set in _sets.Values) MacProgram.Free((MacProgram*)set.Program);
        _sets.Clear();
    }

    // Programs that name it are compiled anew when they are asked for; until then the old ones are in their places.
    private void Forget(string name)
    {
        foreach (var (key, set) in _sets.Where(s => s.Key.Names.Contains(name)).ToList())
        {
            _sets.Remove(key);
            _orphans.Add(set);
        }
    }

    /// <summary>Frees what <see cref="Set"/> and <see cref="Remove"/> replaced; the interfaces were written since.</summary>
    public void LetGo()
    {
        foreach (var set in _orphans) Leave(set);
        _orphans.Clear();
    }

    private void Leave(MacSet set)
    {
        _leaving.Add(set);
        epochs.Retire(() =>
        {
            _leaving.Remove(set);
            Sum(set, _past);
            foreach (var rule in _past.Keys.Where(r => !_acls.TryGetValue(r.Acl, out var acl) || !acl.Names.Contains(r.Rule)).ToList()) _past.Remove(rule);
            MacProgram.Free((MacProgram*)set.Program);
        });
    }

    private void Sum(MacSet set, Dictionary<RuleId, (ulong Packets, ulong Bytes)> sums)
    {
        var program = (MacProgram*)set.Program;
        for (var i = 0; i < set.Rules.Count; i++)
            for (var worker = 0; worker < workers; worker++)
            {
                var at = program->Counters + (nint)worker * program->CounterStride + i * 2;
                if (Volatile.Read(ref at[0]) == 0) continue;
                var sum = sums.GetValueOrDefault(set.Rules[i]);
                sums[set.Rules[i]] = (sum.Packets + at[0], sum.Bytes + at[1]);
            }
    }
}
