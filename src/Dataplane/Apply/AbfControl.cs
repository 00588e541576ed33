using Gateway.Dataplane.Abf;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// Policies of forwarding, and the interfaces that ask them. Thread-safe. A change is compiled before the workers' tables are touched and then exchanged as a whole. Interfaces are named, so that their policies are there before their
/// first packet; so are the interfaces of next hops, which may come and go.
/// </summary>
public sealed unsafe class AbfControl
{
    /// <summary>A policy with its lists of next hops (0 none).</summary>
    private sealed record Held(AbfPolicy Policy, uint List4, uint List6);

    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly PathBook _paths;
    private readonly FilterControl _filtering;
    private readonly Lock _gate;
    private readonly int _workers;

    /// <summary>That of the ACLs: a change of one is a change of the policies that ask it. Always taken before the tables' gate.</summary>
    private readonly Lock _changes;
    private readonly Lock _counts = new();
    private readonly Dictionary<string, Held> _policies = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<string>> _bindings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AbfSet> _sets = [];
    private readonly List<AbfSet> _counting = [];
    private readonly Dictionary<RuleId, (ulong Packets, ulong Bytes)> _past = [];

    // Read and written under the tables' gate.
    private readonly Dictionary<string, AbfSet> _bound = new(StringComparer.Ordinal);
    private readonly HashSet<uint> _placed = [];

    internal AbfControl(DataplaneTables tables, InterfaceBook interfaces, PathBook paths, FilterControl filtering, Lock gate, int workers)
    {
        (_tables, _interfaces, _paths, _filtering, _gate, _workers) = (tables, interfaces, paths, filtering, gate, workers);
        _changes = filtering.Changes;
        filtering.Changed = asks => Rebuild(name => _policies.TryGetValue(name, out var held) && asks(held.Policy.Acl));
        var rules = interfaces.Rules;
        interfaces.Rules = state =>
        {
            Place(state);
            return rules(state);
        };
    }

    /// <summary>Adds or replaces a policy.</summary>
    public void SetPolicy(AbfPolicy policy)
    {
        lock (_changes)
        {
            _policies.TryGetValue(policy.Name, out var before);
            Held held;
            lock (_gate) held = new Held(policy, Take(policy, v6: false), Take(policy, v6: true));
            _policies[policy.Name] = held;
            Rebuild(name => name == policy.Name);
            if (before is not null) Drop(before);
        }
    }

    /// <summary>Removes a policy. An interface that still names it goes on with the others.</summary>
    public void RemovePolicy(string name)
    {
        lock (_changes)
        {
            if (!_policies.Remove(name, out var before)) return;
            Rebuild(n => n == name);
            Drop(before);
            lock (_counts)
                foreach (var rule in _past.Keys.Where(r => r.Acl == name).ToList()) _past.Remove(rule);
        }
    }

    /// <summary>Says which policies an interface asks, in their order; it need not be there yet.</summary>
    public void Bind(string onInterface, IReadOnlyList<string> policies)
    {
        lock (_changes)
        {
            if ((_bindings.GetValueOrDefault(onInterface) ?? []).SequenceEqual(policies)) return;
            if (policies.Count == 0) _bindings.Remove(onInterface);
            else _bindings[onInterface] = policies;
            Rebuild(_ => false);
        }
    }

    /// <summary>The policies, with what their rules matched and the next hops as they are.</summary>
    public IReadOnlyList<AbfPolicyRow> Policies()
    {
        lock (_changes)
        {
            var counts = Counts();
            return [.. _policies.Values.OrderBy(p => p.Policy.Name, StringComparer.Ordinal).Select(p => new AbfPolicyRow(p.Policy, RulesOf(p.Policy), InterfacesOf(p.Policy.Name), HopsOf(p)))];

            IReadOnlyList<AclRuleCount> RulesOf(AbfPolicy policy) => _filtering.AclOf(policy.Acl) is not { } acl ? [] :
                [.. AclRuleNames.Of(acl).Select(rule => (rule, Count: counts.GetValueOrDefault(new RuleId(policy.Name, rule)))).Select(r => new AclRuleCount(r.rule, r.Count.Packets, r.Count.Bytes))];
        }
    }

    /// <summary>What a rule of a program is called: a policy, and the rule of its ACL. Null when the program is no more.</summary>
    internal RuleId? RuleOf(FilterProgram* program, uint rule)
    {
        lock (_counts)
        {
            foreach (var set in _counting)
                if (set.Rules.Ip4 == program || set.Rules.Ip6 == program) return rule < set.Rules.Rules.Count ? set.Rules.Rules[(int)rule] : null;
            return null;
        }
    }

    /// <summary>An interface goes; under the gate.</summary>
    internal void Left(InterfaceState state) => Put(state.Index, null);

    /// <summary>Frees everything; the workers have ended.</summary>
    internal void Dispose()
    {
        foreach (var set in _counting) set.Free();
        _counting.Clear();
        _sets.Clear();
    }

    private static bool Concerns(AbfPolicy policy, bool v6) => policy.NextHops.Count == 0 || HopsFor(policy, v6).Any();

    private static IEnumerable<RouteHop> HopsFor(AbfPolicy policy, bool v6) => policy.NextHops.Where(h => h.Via is not { } via || AddressWords.From(via).V6 == v6);

    // Under the gate.
    private uint Take(AbfPolicy policy, bool v6) => HopsFor(policy, v6).ToList() is { Count: > 0 } hops ? _paths.Take(policy.Vrf, v6, hops, leavesWhenSilent: !policy.Drops) : 0;

    private void Drop(Held held)
    {
        lock (_gate)
        {
            if (held.List4 != 0) _paths.Drop(held.List4);
            if (held.List6 != 0) _paths.Drop(held.List6);
        }
    }

    /// <summary>Compiles the lists of policies that are asked, those of which one changed anew, and exchanges them.</summary>
    private void Rebuild(Func<string, bool> changed)
    {
        var fresh = new Dictionary<string, AbfSet>();
        var bound = new Dictionary<string, AbfSet>(StringComparer.Ordinal);
        foreach (var (name, list) in _bindings)
        {
            var key = string.Join('\n', list);
            if (!fresh.TryGetValue(key, out var set)) fresh[key] = set = _sets.TryGetValue(key, out var kept) && !list.Any(changed) ? kept : Make(list);
            bound[name] = set;
        }

        var gone = _sets.Values.Except(fresh.Values).ToList();
        lock (_counts) _counting.AddRange(fresh.Values.Except(_counting).ToList());
        lock (_gate)
        {
            var before = _bound.Keys.Concat(bound.Keys).ToHashSet(StringComparer.Ordinal);
            _bound.Clear();
            foreach (var (name, set) in bound) _bound[name] = set;
            foreach (var name in before)
                if (_interfaces.TryFind(name, out var index)) Place(_interfaces.Get(index));
            foreach (var set in gone) _tables.Epochs.Retire(() => Retire(set));
        }

        _sets.Clear();
        foreach (var (key, set) in fresh) _sets[key] = set;
    }

    private AbfSet Make(IReadOnlyList<string> names)
    {
        var (acls, rules) = (new Dictionary<string, AclSpec>(StringComparer.Ordinal), new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal));
        foreach (var name in names)
        {
            if (!_policies.TryGetValue(name, out var held) || _filtering.AclOf(held.Policy.Acl) is not { } acl) continue;
            (acls[name], rules[name]) = For(held.Policy, acl);
        }

        return AbfSet.Make(FilterSet.Make([.. names.Where(acls.ContainsKey)], permits: true, acls, _filtering.Groups, name => rules[name], _workers), WayOf);
    }

    /// <summary>The rules of the families that a policy has next hops for: packets of the other are for the policies behind it.</summary>
    private static (AclSpec Spec, IReadOnlyList<string> Names) For(AbfPolicy policy, AclSpec acl)
    {
        var names = AclRuleNames.Of(acl);
        var (ip4, ip6) = (Concerns(policy, v6: false), Concerns(policy, v6: true));
        if (ip4 && ip6) return (acl, names);
        var (only, other) = ip4 ? (IpFamily.Ipv4, IpFamily.Ipv6) : (IpFamily.Ipv6, IpFamily.Ipv4);
        var kept = Enumerable.Range(0, acl.Rules.Count).Where(i => acl.Rules[i].Family != other).ToList();
        return (new AclSpec { Rules = [.. kept.Select(i => acl.Rules[i] with { Family = only })] }, [.. kept.Select(i => names[i])]);
    }

    private AbfWay WayOf(string name)
    {
        var held = _policies[name];
        var drops = held.Policy.Drops ? AbfProgram.Drops : 0;
        lock (_gate) return new AbfWay(drops | _paths.ListOf(held.List4), drops | _paths.ListOf(held.List6));
    }

    /// <summary>Puts the policies of an interface where workers find them; under the gate, whenever the interface is written.</summary>
    private void Place(InterfaceState state) => Put(state.Index, _bound.GetValueOrDefault(state.Settings.Name));

    private void Put(uint index, AbfSet? set)
    {
        _tables.Abf.Set(index, v6: false, set is null ? null : set.Ip4);
        _tables.Abf.Set(index, v6: true, set is null ? null : set.Ip6);
        if (set is null ? _placed.Remove(index) : _placed.Add(index)) Volatile.Write(ref _tables.Abf.Any, _placed.Count > 0);
    }

    /// <summary>No worker holds the set any more: what it counted is kept, for the policies that are still there.</summary>
    private void Retire(AbfSet set)
    {
        lock (_counts)
        {
            Sum(set, _past);
            _counting.Remove(set);
        }

        set.Free();
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

    private void Sum(AbfSet set, Dictionary<RuleId, (ulong Packets, ulong Bytes)> sums)
    {
        for (var i = 0; i < set.Rules.Rules.Count - 1; i++)
        {
            var (packets, bytes) = set.Rules.CountOf(i, _workers);
            if (packets == 0) continue;
            var sum = sums.GetValueOrDefault(set.Rules.Rules[i]);
            sums[set.Rules.Rules[i]] = (sum.Packets + packets, sum.Bytes + bytes);
        }
    }

    private List<string> InterfacesOf(string policy) => [.. _bindings.Where(b => b.Value.Contains(policy)).Select(b => b.Key).Order(StringComparer.Ordinal)];

    private List<RouteHopRow> HopsOf(Held held)
    {
        lock (_gate)
        {
            // A next hop without an address stands in both lists.
            var rows = _paths.RowsOf(_paths.ListOf(held.List4)).ToList();
            rows.AddRange(_paths.RowsOf(_paths.ListOf(held.List6)).Where(r => held.List4 == 0 || r.Hop.Via is not null));
            return [.. rows.Select(p => new RouteHopRow(p.Hop.Via, p.Interface is { } at ? _interfaces.NameOf(at) : p.Hop.Interface, p.Hop.Weight, p.IsAway, p.Buckets))];
        }
    }
}
