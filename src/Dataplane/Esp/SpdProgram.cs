using System.Net.Sockets;
using System.Numerics;
using Gateway.Dataplane.Tables;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The control side of the SPD: turns policies and the selectors of SAs into rules, and keeps in each protect rule the SA to use.
/// A rule lives as long as it is configured or an SA has it: an SA that the peer narrowed brings narrower rules, which come before the configured ones.
/// Of rules with the same selectors one with an SA comes first, so that several peers may be configured for one network and whoever is up carries it.
/// </summary>
internal sealed unsafe class SpdProgram(Spd spd)
{
    private readonly record struct Key(bool OfChild, string Name, TrafficSelector Local, TrafficSelector Remote, uint IfId);

    private sealed class Rule
    {
        public required SpdAction Action { get; set; }
        public required int Priority { get; set; }
        public required uint Policy { get; init; }
        public bool Holds { get; set; }
        public bool Configured { get; set; }

        /// <summary>The SAs of the rule, the newest last.</summary>
        public List<(uint Index, bool Ready)> Sas { get; } = [];
        public void* Native;

        /// <summary>Stands before those of the same selectors that have no SA.</summary>
        public bool Leads;
    }

    private sealed record PolicyNames(string Name, ConnectionName Connection, ChildName Child);

    private readonly Dictionary<Key, Rule> _rules = [];
    private readonly Dictionary<string, int> _priorities = [];
    private readonly HashSet<string> _holding = [];
    private readonly Dictionary<(TrafficSelector Local, TrafficSelector Remote, uint IfId), List<Key>> _twins = [];
    private readonly List<PolicyNames> _policies = [new("", default, default)];
    private readonly Dictionary<(bool OfChild, string Name), uint> _policyNumbers = [];

    /// <summary>Rules of packets that are not routed into an ipsec interface.</summary>
    public int CountUnrouted { get; private set; }

    /// <summary>The child of a policy number; null when the policy is none of a child.</summary>
    public (ConnectionName Connection, ChildName Child)? ChildOf(uint policy) =>
        policy < _policies.Count && _policies[(int)policy].Connection.Value is not null ? (_policies[(int)policy].Connection, _policies[(int)policy].Child) : null;

    /// <summary>The name of a policy number.</summary>
    public string NameOf(uint policy) => policy < _policies.Count ? _policies[(int)policy].Name : "";

    /// <summary>The policy number of an SA's rules.</summary>
    public uint PolicyOf(ChildSaParameters sa) => NumberOf(true, NameOf(sa), sa.Connection, sa.Child);

    /// <summary>Makes these the configured policies. New rules are there before old ones go.</summary>
    public void Set(IReadOnlyList<SecurityPolicy> policies)
    {
        var wanted = new HashSet<Key>();
        _priorities.Clear();
        _holding.Clear();
        foreach (var policy in policies)
        {
            var action = policy.Action switch { SecurityAction.Protect => SpdAction.Protect, SecurityAction.Bypass => SpdAction.Bypass, _ => SpdAction.Discard };
            var ofChild = action == SpdAction.Protect;
            if (ofChild) _priorities[policy.Name] = policy.Priority;
            if (policy.Holds) _holding.Add(policy.Name);
            var number = NumberOf(ofChild, policy.Name, policy.Connection, policy.Child);
            foreach (var (local, remote) in Pairs(Selectors.OrAny(policy.Local), Selectors.OrAny(policy.Remote)))
            {
                var key = new Key(ofChild, policy.Name, local, remote, policy.IfId);
                if (!wanted.Add(key)) continue;
                Configure(key, action, policy.Priority, number, policy.Holds);
            }
        }
        foreach (var (key, rule) in _rules.Where(r => r.Value.Configured && !wanted.Contains(r.Key)).ToArray())
        {
            rule.Configured = false;
            DropIfUnused(key, rule);
        }
    }

    /// <summary>Gives the rules of an SA's selectors to it, as the newest.</summary>
    /// <param name="ready">False: it takes inbound packets only, until <see cref="Use"/>.</param>
    public void Attach(ChildSaParameters sa, uint index, bool ready)
    {
        var name = NameOf(sa);
        foreach (var (local, remote) in Pairs(sa.LocalSelectors, sa.RemoteSelectors))
        {
            var key = new Key(true, name, local, remote, sa.IfIdOut);
            if (!_rules.TryGetValue(key, out var rule))
            {
                rule = new Rule { Action = SpdAction.Protect, Priority = _priorities.GetValueOrDefault(name), Policy = NumberOf(true, name, sa.Connection, sa.Child), Holds = _holding.Contains(name) };
                rule.Sas.Add((index, ready));
                Add(key, rule);
                Create(key, rule);
                continue;
            }
            rule.Sas.Add((index, ready));
            Choose(key, rule);
        }
    }

    /// <summary>Lets outbound packets use the SA.</summary>
    public void Use(ChildSaParameters sa, uint index)
    {
        foreach (var (key, rule) in RulesOf(sa))
        {
            var at = rule.Sas.FindIndex(s => s.Index == index);
            if (at < 0) continue;
            rule.Sas[at] = (index, true);
            Choose(key, rule);
        }
    }

    /// <summary>Takes an SA out of its rules; the next newest is used, or none.</summary>
    public void Detach(ChildSaParameters sa, uint index)
    {
        foreach (var (key, rule) in RulesOf(sa).ToArray())
        {
            rule.Sas.RemoveAll(s => s.Index == index);
            Choose(key, rule);
            DropIfUnused(key, rule);
        }
    }

    /// <summary>Whether outbound packets of any rule use the SA.</summary>
    public bool Uses(ChildSaParameters sa, uint index) => RulesOf(sa).Any(r => Newest(r.Rule) == index);

    /// <summary>All rules in the order in which they are looked at, within each family.</summary>
    public IEnumerable<(string Name, SecurityAction Action, TrafficSelector Local, TrafficSelector Remote, ulong Rank, ulong Order, bool Configured, uint Sa, uint IfId)> Dump() =>
        _rules.Select(r => (r.Key.Name,
                r.Value.Action switch { SpdAction.Protect => SecurityAction.Protect, SpdAction.Bypass => SecurityAction.Bypass, _ => SecurityAction.Discard },
                r.Key.Local, r.Key.Remote, RankOf(r.Key, r.Value), OrderOf(r.Key, r.Value), r.Value.Configured, Newest(r.Value), r.Key.IfId))
            .OrderBy(r => r.IfId).ThenBy(r => r.Local.Family).ThenBy(r => r.Item5).ThenBy(r => r.Item6);

    private static string NameOf(ChildSaParameters sa) => $"{sa.Connection}/{sa.Child}";

    private static IEnumerable<(TrafficSelector Local, TrafficSelector Remote)> Pairs(ValueList<TrafficSelector> local, ValueList<TrafficSelector> remote) =>
        (from l in local from r in remote where l.Family == r.Family select (l, r)).Distinct();

    private static uint Newest(Rule rule) => rule.Sas.FindLast(s => s.Ready).Index;

    private static ulong OrderOf(Key key, Rule rule) => SpdRank.OrderOf($"{key.Name} {key.Local} {key.Remote}") >> 1 | (rule.Leads ? 0 : 1ul << 63);

    private static ulong RankOf(Key key, Rule rule) => key.Local.Family == AddressFamily.InterNetwork
        ? SpdRank.Of(rule.Priority, rule.Action, Selectors.ToRange<uint>(key.Local), Selectors.ToRange<uint>(key.Remote))
        : SpdRank.Of(rule.Priority, rule.Action, Selectors.ToRange<UInt128>(key.Local), Selectors.ToRange<UInt128>(key.Remote));

    private IEnumerable<(Key Key, Rule Rule)> RulesOf(ChildSaParameters sa)
    {
        var name = NameOf(sa);
        foreach (var (local, remote) in Pairs(sa.LocalSelectors, sa.RemoteSelectors))
        {
            var key = new Key(true, name, local, remote, sa.IfIdOut);
            if (_rules.TryGetValue(key, out var rule)) yield return (key, rule);
        }
    }

    private void Configure(Key key, SpdAction action, int priority, uint policy, bool holds)
    {
        if (!_rules.TryGetValue(key, out var rule))
        {
            rule = new Rule { Action = action, Priority = priority, Policy = policy, Configured = true, Holds = holds };
            Add(key, rule);
            Create(key, rule);
            return;
        }
        rule.Configured = true;
        if (rule.Action == action && rule.Priority == priority && rule.Holds == holds) return;
        var old = rule.Native;
        (rule.Action, rule.Priority, rule.Holds) = (action, priority, holds);
        Create(key, rule);
        Remove(key, old);
    }

    private void DropIfUnused(Key key, Rule rule)
    {
        if (rule.Configured || rule.Sas.Count > 0) return;
        _rules.Remove(key);
        if (key.IfId == 0) CountUnrouted--;
        var twins = _twins[TwinsOf(key)];
        twins.Remove(key);
        if (twins.Count == 0) _twins.Remove(TwinsOf(key));
        Remove(key, rule.Native);
    }

    private uint NumberOf(bool ofChild, string name, ConnectionName connection, ChildName child)
    {
        if (_policyNumbers.TryGetValue((ofChild, name), out var number)) return number;
        number = (uint)_policies.Count;
        _policies.Add(new PolicyNames(name, connection, child));
        _policyNumbers.Add((ofChild, name), number);
        return number;
    }

    private void Create(Key key, Rule rule) =>
        rule.Native = key.Local.Family == AddressFamily.InterNetwork ? Create(Rules4(key), key, rule) : Create(Rules6(key), key, rule);

    private static (TrafficSelector Local, TrafficSelector Remote, uint IfId) TwinsOf(Key key) => (key.Local, key.Remote, key.IfId);

    private SpdTable<uint> Rules4(Key key) => key.IfId == 0 ? spd.V4 : spd.Routed4;

    private SpdTable<UInt128> Rules6(Key key) => key.IfId == 0 ? spd.V6 : spd.Routed6;

    private static void* Create<TAddress>(SpdTable<TAddress> table, Key key, Rule rule)
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        var native = new SpdRule<TAddress>
        {
            Local = Selectors.ToRange<TAddress>(key.Local),
            Remote = Selectors.ToRange<TAddress>(key.Remote),
            Rank = RankOf(key, rule),
            Order = OrderOf(key, rule),
            Action = rule.Action,
            IfId = key.IfId,
            Policy = rule.Policy,
            Holds = rule.Holds,
            Sa = Newest(rule),
        };
        return table.Add(native);
    }

    private void Add(Key key, Rule rule)
    {
        _rules.Add(key, rule);
        if (key.IfId == 0) CountUnrouted++;
        rule.Leads = rule.Sas.Count > 0;
        if (!_twins.TryGetValue(TwinsOf(key), out var twins)) _twins.Add(TwinsOf(key), twins = new List<Key>(1));
        // As long as it was alone its place did not matter.
        if (twins.Count == 1) Place(twins[0], _rules[twins[0]]);
        twins.Add(key);
    }

    private void Choose(Key key, Rule rule)
    {
        Tell(key, rule);
        if (_twins[TwinsOf(key)].Count > 1) Place(key, rule);
    }

    // The new rule is there before the old one goes.
    private void Place(Key key, Rule rule)
    {
        if (rule.Leads == rule.Sas.Count > 0) return;
        rule.Leads = rule.Sas.Count > 0;
        var old = rule.Native;
        Create(key, rule);
        Remove(key, old);
    }

    private static void Tell(Key key, Rule rule)
    {
        if (key.Local.Family == AddressFamily.InterNetwork) Volatile.Write(ref ((SpdRule<uint>*)rule.Native)->Sa, Newest(rule));
        else Volatile.Write(ref ((SpdRule<UInt128>*)rule.Native)->Sa, Newest(rule));
    }

    private void Remove(Key key, void* native)
    {
        if (key.Local.Family == AddressFamily.InterNetwork) Rules4(key).Remove((SpdRule<uint>*)native);
        else Rules6(key).Remove((SpdRule<UInt128>*)native);
    }
}
