using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// ACLs, the groups that they name, and the interfaces that ask them. Thread-safe. A change is compiled before the workers' tables are touched and then exchanged as a whole: a packet meets the old rules
/// or the new ones. Interfaces are named, so that their rules are there before their first packet.
/// </summary>
public sealed unsafe class FilterControl
{
    private static readonly (FilterPoint Point, InterfaceFlags Flag)[] _points =
    [
        (FilterPoint.In4, InterfaceFlags.AclIn4), (FilterPoint.In6, InterfaceFlags.AclIn6), (FilterPoint.Out4, InterfaceFlags.AclOut4), (FilterPoint.Out6, InterfaceFlags.AclOut6),
    ];

    /// <summary>What a list of ACLs and its end are known by.</summary>
    private readonly record struct ListKey(string Names, bool Permits);

    private sealed record Sets(FilterSet? In, FilterSet? Out);

    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;
    private readonly int _workers;

    /// <summary>Held for a change from its beginning to its end; always taken before the tables' gate.</summary>
    private readonly Lock _changes = new();

    /// <summary>Held for what is read while counters are summed.</summary>
    private readonly Lock _counts = new();
    private readonly Dictionary<string, AclSpec> _acls = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GroupSpec> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<string>> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AclBinding> _bindings = new(StringComparer.Ordinal);
    private readonly Dictionary<ListKey, FilterSet> _sets = [];
    private readonly List<FilterSet> _counting = [];
    private readonly Dictionary<RuleId, (ulong Packets, ulong Bytes)> _past = [];

    // Read and written under the tables' gate.
    private readonly Dictionary<string, Sets> _bound = new(StringComparer.Ordinal);
    private readonly HashSet<(uint, FilterPoint)> _attached = [];

    internal FilterControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate, int workers)
    {
        (_tables, _interfaces, _gate, _workers) = (tables, interfaces, gate, workers);
        interfaces.Rules = Place;
    }

    /// <summary>Held for a change of ACLs or of what asks them.</summary>
    internal Lock Changes => _changes;

    /// <summary>Called after a change, with what says whether an ACL changed, itself or a group of it. Under <see cref="Changes"/>.</summary>
    internal Action<Func<string, bool>>? Changed { get; set; }

    /// <summary>The groups that ACLs name. Under <see cref="Changes"/>.</summary>
    internal IReadOnlyDictionary<string, GroupSpec> Groups => _groups;

    /// <summary>An ACL by its name; null when there is none. Under <see cref="Changes"/>.</summary>
    internal AclSpec? AclOf(string name) => _acls.GetValueOrDefault(name);

    /// <summary>Policer and limit per source of a rule, as programs have them.</summary>
    internal Func<AclRule, ulong> GuardsOf { get; init; } = _ => 0;

    /// <summary>Adds or replaces an ACL; the interfaces that name it ask the new rules at once.</summary>
    public void SetAcl(string name, AclSpec spec)
    {
        lock (_changes)
        {
            _acls[name] = spec;
            _names[name] = AclRuleNames.Of(spec);
            Forget(name);
            RebuildIfAsked(key => Has(key, name));
            Changed?.Invoke(acl => acl == name);
        }
    }

    /// <summary>Removes an ACL. An interface that still names it denies what the ACLs before it did not decide.</summary>
    public void RemoveAcl(string name)
    {
        lock (_changes)
        {
            if (!_acls.Remove(name)) return;
            _names.Remove(name);
            Forget(name);
            RebuildIfAsked(key => Has(key, name));
            Changed?.Invoke(acl => acl == name);
        }
    }

    /// <summary>Adds or replaces a group; the ACLs that name it are compiled anew.</summary>
    public void SetGroup(string name, GroupSpec spec)
    {
        lock (_changes)
        {
            _groups[name] = spec;
            RebuildIfAsked(key => Names(key).Any(acl => Uses(acl, name)));
            Changed?.Invoke(acl => Uses(acl, name));
        }
    }

    /// <summary>Removes a group.</summary>
    public void RemoveGroup(string name)
    {
        lock (_changes)
        {
            if (!_groups.Remove(name)) return;
            RebuildIfAsked(key => Names(key).Any(acl => Uses(acl, name)));
            Changed?.Invoke(acl => Uses(acl, name));
        }
    }

    /// <summary>Says which ACLs an interface asks; it need not be there yet.</summary>
    public void Bind(string onInterface, AclBinding binding)
    {
        lock (_changes)
        {
            var before = _bindings.GetValueOrDefault(onInterface) ?? new AclBinding([], [], null);
            if (before.Default == binding.Default && before.DeniesOut == binding.DeniesOut && before.In.SequenceEqual(binding.In) && before.Out.SequenceEqual(binding.Out)) return;
            if (binding.IsEmpty) _bindings.Remove(onInterface);
            else _bindings[onInterface] = binding;
            Rebuild(_ => false);
        }
    }

    /// <summary>The ACLs with what their rules matched.</summary>
    public IReadOnlyList<AclRow> Acls()
    {
        lock (_changes)
        {
            var counts = Counts();
            return [.. _acls.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => new AclRow(a.Key, a.Value, [.. _names[a.Key].Select(rule => CountOf(a.Key, rule))], Asking(a.Key)))];

            AclRuleCount CountOf(string acl, string rule)
            {
                var (packets, bytes) = counts.GetValueOrDefault(new RuleId(acl, rule));
                return new AclRuleCount(rule, packets, bytes);
            }
        }
    }

    /// <summary>How often the ends of lists decided, since the lists were changed last.</summary>
    public IReadOnlyList<AclEndCount> Ends()
    {
        lock (_changes)
            lock (_counts)
                return [.. _sets.OrderBy(s => s.Key.Names, StringComparer.Ordinal).Select(s => (s.Key, Count: s.Value.CountOf(s.Value.Rules.Count - 1, _workers))).Select(s => new AclEndCount(Names(s.Key), s.Key.Permits, s.Count.Packets, s.Count.Bytes))];
    }

    /// <summary>What a rule of a program is called: an ACL and its rule, or two empty words for the end of the list. Null when the program is no more.</summary>
    internal RuleId? RuleOf(FilterProgram* program, uint rule)
    {
        lock (_counts)
        {
            foreach (var set in _counting)
                if (set.Ip4 == program || set.Ip6 == program) return rule < set.Rules.Count ? set.Rules[(int)rule] : null;
            return null;
        }
    }

    /// <summary>Gives an interface a program of its own, or none; the one before is freed when no worker holds it.</summary>
    internal void Attach(uint index, FilterPoint point, FilterProgram* program)
    {
        lock (_gate)
        {
            var before = (nint)_tables.Filters.Exchange(index, point, program);
            if (program == null) _attached.Remove((index, point));
            else _attached.Add((index, point));
            _interfaces.Write(_interfaces.Get(index));
            if (before != 0) _tables.Epochs.Retire(() => FilterProgram.Free((FilterProgram*)before));
            LookOut();
        }
    }

    /// <summary>An interface goes; under the gate.</summary>
    internal void Left(InterfaceState state)
    {
        foreach (var (point, _) in _points)
            if (!_attached.Contains((state.Index, point))) _tables.Filters.Exchange(state.Index, point, null);
    }

    /// <summary>Frees everything; the workers have ended.</summary>
    internal void Dispose()
    {
        lock (_counts)
        {
            foreach (var (index, point) in _attached) FilterProgram.Free(_tables.Filters.Exchange(index, point, null));
            _attached.Clear();
            foreach (var set in _sets.Values) set.Free();
            _sets.Clear();
            _counting.Clear();
        }
    }

    /// <summary>After a change of what no interface asks there is nothing to do.</summary>
    private void RebuildIfAsked(Func<ListKey, bool> changed)
    {
        if (_sets.Keys.Any(changed)) Rebuild(changed);
    }

    /// <summary>Compiles the lists that are asked, those that changed anew, and exchanges them.</summary>
    private void Rebuild(Func<ListKey, bool> changed)
    {
        var fresh = new Dictionary<ListKey, FilterSet>();
        var bound = new Dictionary<string, Sets>(StringComparer.Ordinal);
        foreach (var (name, binding) in _bindings)
        {
            var permits = binding.Default == AclDefault.Permit;
            bound[name] = new Sets(binding.Guards ? SetOf(binding.In, permits) : null, binding.Out.Count > 0 || binding.DeniesOut ? SetOf(binding.Out, permits) : null);
        }

        var gone = _sets.Where(s => !fresh.TryGetValue(s.Key, out var kept) || kept != s.Value).Select(s => s.Value).ToList();
        lock (_counts)
        {
            foreach (var set in fresh.Values)
                if (!_counting.Contains(set)) _counting.Add(set);
        }

        lock (_gate)
        {
            var before = _bound.Keys.Concat(bound.Keys).ToHashSet(StringComparer.Ordinal);
            _bound.Clear();
            foreach (var (name, sets) in bound) _bound[name] = sets;
            foreach (var name in before)
                if (_interfaces.TryFind(name, out var index)) _interfaces.Write(_interfaces.Get(index));
            LookOut();
            foreach (var set in gone) _tables.Epochs.Retire(() => Retire(set));
        }

        _sets.Clear();
        foreach (var (key, set) in fresh) _sets[key] = set;

        FilterSet SetOf(IReadOnlyList<string> names, bool permits)
        {
            var key = new ListKey(string.Join('\n', names), permits);
            if (fresh.TryGetValue(key, out var set)) return set;
            if (!_sets.TryGetValue(key, out set) || changed(key)) set = FilterSet.Make(names, permits, _acls, _groups, name => _names[name], _workers, GuardsOf);
            return fresh[key] = set;
        }
    }

    /// <summary>No worker holds the set any more: what it counted is kept, for the rules that are still there.</summary>
    private void Retire(FilterSet set)
    {
        lock (_counts)
        {
            Sum(set, _past);
            _counting.Remove(set);
        }

        set.Free();
    }

    /// <summary>Puts the programs of an interface where workers find them, and says which there are; under the gate, whenever the interface is written.</summary>
    private InterfaceFlags Place(InterfaceState state)
    {
        var (flags, changed) = (InterfaceFlags.None, false);
        var sets = _bound.GetValueOrDefault(state.Settings.Name);
        foreach (var (point, flag) in _points)
        {
            if (!_attached.Contains((state.Index, point)))
            {
                var set = point is FilterPoint.In4 or FilterPoint.In6 ? sets?.In : sets?.Out;
                // A new program is there before its flag; where one goes, packets that still come find none and pass.
                var program = set is null ? null : point is FilterPoint.In4 or FilterPoint.Out4 ? set.Ip4 : set.Ip6;
                changed |= _tables.Filters.Exchange(state.Index, point, program) != program;
            }

            if (_tables.Filters.Get(state.Index, point) != null) flags |= flag;
        }

        // An interface that comes after its rules: from its first packet on they are asked, whatever changes next.
        if (changed && (flags & (InterfaceFlags.AclOut4 | InterfaceFlags.AclOut6)) != 0) Volatile.Write(ref _tables.Filters.AnyOut, true);
        if (changed) _tables.Flows.FiltersChanged(AnyReflects());
        return flags;
    }

    private List<string> Asking(string acl) =>
    [
        .. _bindings.Where(b => b.Value.In.Contains(acl)).Select(b => $"in {b.Key}").Concat(_bindings.Where(b => b.Value.Out.Contains(acl)).Select(b => $"out {b.Key}")).Order(StringComparer.Ordinal),
    ];

    private void LookOut()
    {
        var any = false;
        foreach (var state in _interfaces.All) any |= (_tables.Interfaces[state.Index]->Flags & (InterfaceFlags.AclOut4 | InterfaceFlags.AclOut6)) != 0;
        Volatile.Write(ref _tables.Filters.AnyOut, any);
        _tables.Flows.FiltersChanged(AnyReflects());
    }

    private bool AnyReflects()
    {
        foreach (var state in _interfaces.All)
            foreach (var (point, _) in _points)
            {
                var program = _tables.Filters.Get(state.Index, point);
                if (program != null && program->Reflects) return true;
            }

        return false;
    }

    private Dictionary<RuleId, (ulong Packets, ulong Bytes)> Counts()
    {
        lock (_counts)
        {
            var sums = new Dictionary<RuleId, (ulong, ulong)>(_past);
            foreach (var set in _counting) Sum(set, sums);
            return sums;
        }
    }

    private void Sum(FilterSet set, Dictionary<RuleId, (ulong Packets, ulong Bytes)> sums)
    {
        for (var i = 0; i < set.Rules.Count - 1; i++)
        {
            var (packets, bytes) = set.CountOf(i, _workers);
            if (packets == 0) continue;
            var sum = sums.GetValueOrDefault(set.Rules[i]);
            sums[set.Rules[i]] = (sum.Packets + packets, sum.Bytes + bytes);
        }
    }

    /// <summary>Drops what was counted for rules that are gone.</summary>
    private void Forget(string acl)
    {
        var kept = _names.TryGetValue(acl, out var names) ? names.ToHashSet(StringComparer.Ordinal) : [];
        lock (_counts)
            foreach (var rule in _past.Keys.Where(r => r.Acl == acl && !kept.Contains(r.Rule)).ToList()) _past.Remove(rule);
    }

    private static string[] Names(ListKey key) => key.Names.Length == 0 ? [] : key.Names.Split('\n');

    private static bool Has(ListKey key, string acl) => Names(key).Contains(acl, StringComparer.Ordinal);

    private bool Uses(string acl, string group)
    {
        if (!_acls.TryGetValue(acl, out var spec)) return false;
        var next = new Stack<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var rule in spec.Rules)
            foreach (var name in rule.From.Concat(rule.To).Select(a => a.Group).Concat(rule.FromPorts.Concat(rule.ToPorts).Select(p => p.Group)))
                if (name is not null && seen.Add(name)) next.Push(name);
        while (next.TryPop(out var name))
        {
            if (name == group) return true;
            if (!_groups.TryGetValue(name, out var inner)) continue;
            foreach (var further in inner.Addresses.Select(a => a.Group).Concat(inner.Ports.Select(p => p.Group)))
                if (further is not null && seen.Add(further)) next.Push(further);
        }

        return false;
    }
}
