using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// The rules of flows as the rest of the product sees them. Thread-safe. Every change is a new generation: a flow is judged again with its next packet, and ends when its rule is gone or says something else.
/// </summary>
public sealed class FlowControl
{
    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;
    private readonly Dictionary<string, NatRule> _rules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (NatRule Rule, uint Id)> _ids = new(StringComparer.Ordinal);
    private uint _lastId;
    private bool _trackAll;
    private bool _loose = true;

    internal FlowControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate) => (_tables, _interfaces, _gate) = (tables, interfaces, gate);

    /// <summary>Adds or changes a rule. False: it is kept, but waits for the interface that it names.</summary>
    public bool SetRule(NatRule rule)
    {
        lock (_gate)
        {
            _rules[rule.Name] = rule;
            Publish();
            return rule is not NatRule.Source { OutInterface: { } name } || _interfaces.TryFind(name, out _);
        }
    }

    /// <summary>Removes a rule; its flows end with their next packet.</summary>
    public void RemoveRule(string name)
    {
        lock (_gate)
            if (_rules.Remove(name)) Publish();
    }

    /// <summary>Whether all forwarded flows are tracked, and whether TCP connections may begin in their middle.</summary>
    public void SetTracking(bool all, bool loose = true)
    {
        lock (_gate)
        {
            (_trackAll, _loose) = (all, loose);
            Publish();
        }
    }

    /// <summary>An interface came or went. Under the gate.</summary>
    internal void InterfacesChanged()
    {
        if (_rules.Count > 0) Publish();
    }

    // Under the gate. Numbers of rules fit 16 bits, since packets carry them.
    private void Publish()
    {
        foreach (var gone in _ids.Keys.Where(name => !_rules.ContainsKey(name)).ToList()) _ids.Remove(gone);
        var nat = _rules.Count == 0 ? NatProgram.Empty : NatProgram.Build(_rules.Values, name => _interfaces.TryFind(name, out var index) ? index : 0, IdOf);
        var before = _tables.Flows.Current;
        _tables.Flows.Current = new FlowRules { Generation = before.Generation + 1, Nat = nat, TrackAll = _trackAll, Loose = _loose };
    }

    private uint IdOf(NatRule rule)
    {
        if (_ids.TryGetValue(rule.Name, out var known) && Same(known.Rule, rule)) return known.Id;
        var used = _ids.Values.Select(v => v.Id).ToHashSet();
        do _lastId = _lastId % 0xFFFF + 1;
        while (used.Contains(_lastId));
        _ids[rule.Name] = (rule, _lastId);
        return _lastId;
    }

    // Records compare lists by reference, so what they say is compared.
    private static bool Same(NatRule a, NatRule b) => (a, b) switch
    {
        (NatRule.Source x, NatRule.Source y) => x with { From = y.From, Addresses = y.Addresses } == y && x.From.SequenceEqual(y.From) && x.Addresses.SequenceEqual(y.Addresses),
        (NatRule.Service x, NatRule.Service y) => x with { Backends = y.Backends } == y && x.Backends.SequenceEqual(y.Backends),
        _ => a == b,
    };
}
