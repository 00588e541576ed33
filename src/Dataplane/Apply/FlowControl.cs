using System.Net;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// The rules of flows as the rest of the product sees them. Thread-safe. Every change is a new generation: a flow is judged again with its next packet, and ends when its rule is gone or says something else.
/// </summary>
public sealed unsafe class FlowControl
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

    /// <summary>Where the flows are; set once, before there are any.</summary>
    internal IReadOnlyList<Worker> Workers { get; set; } = [];

    /// <summary>Known flows, and how many there may be.</summary>
    public (long Count, long Capacity) Level => (Workers.Sum(w => (long)w.Context.Sessions.Count), Workers.Sum(w => (long)w.Context.Sessions.Capacity));

    /// <summary>
    /// The flows that have that address at any of their ends, in no order; at most so many. Workers go on meanwhile: a flow that ends or begins just now may be missing.
    /// </summary>
    public IReadOnlyList<FlowRow> Rows(IPAddress? address = null, int limit = 1000)
    {
        var rules = _ids.ToArray().ToDictionary(r => r.Value.Id, r => r.Key);
        List<FlowRow> rows = [];
        foreach (var worker in Workers)
        {
            var table = worker.Context.Sessions;
            for (uint slot = 1; slot < table.Bound && rows.Count < limit; slot++)
            {
                var session = *table[slot];
                if ((session.Flags & SessionFlags.InUse) == 0 || session.State is FlowState.None or >= FlowState.Count) continue;
                if (address is not null && !Touches(session, (uint)AddressWords.From(address).Low)) continue;
                rows.Add(Row(session, table, rules, worker.Context.Worker));
            }
        }
        return rows;
    }

    /// <summary>The rules in the order in which they are asked, with the flows that each has.</summary>
    public IReadOnlyList<NatRuleRow> Rules()
    {
        lock (_gate)
        {
            var flows = new Dictionary<uint, long>();
            foreach (var worker in Workers)
            {
                var table = worker.Context.Sessions;
                for (uint slot = 1; slot < table.Bound; slot++)
                    if ((table[slot]->Flags & SessionFlags.InUse) != 0 && table[slot]->Rule is var rule && rule != 0) flows[rule] = flows.GetValueOrDefault(rule) + 1;
            }
            return [.. _rules.Values.OrderBy(r => r.Order).ThenBy(r => r.Name, StringComparer.Ordinal).Select(r => new NatRuleRow(r, flows.GetValueOrDefault(_ids.TryGetValue(r.Name, out var id) ? id.Id : 0)))];
        }
    }

    private static bool Touches(in Session session, uint address) =>
        session.Forward.Source == address || session.Forward.Destination == address || session.Reply.Source == address || session.Reply.Destination == address;

    private static FlowRow Row(in Session session, SessionTable table, Dictionary<uint, string> rules, int worker)
    {
        var (forward, reply) = (session.Forward, session.Reply);
        var timeout = table.Limits.Timeouts.ByState()[(int)session.State];
        var idle = table.Now - Math.Min(table.Now, session.LastUse);
        return new FlowRow
        {
            Protocol = forward.Protocol,
            Source = new IPEndPoint(Address(forward.Source), forward.SourcePort),
            Destination = new IPEndPoint(Address(forward.Destination), forward.DestinationPort),
            ReplySource = new IPEndPoint(Address(reply.Source), reply.SourcePort),
            ReplyDestination = new IPEndPoint(Address(reply.Destination), reply.DestinationPort),
            Vrf = forward.Vrf,
            State = FlowTracking.NameOf(session.State),
            IsReplied = (session.Flags & SessionFlags.Replied) != 0,
            Rule = rules.GetValueOrDefault(session.Rule),
            Age = TimeSpan.FromSeconds(table.Now - Math.Min(table.Now, session.Created)),
            Idle = TimeSpan.FromSeconds(idle),
            EndsIn = TimeSpan.FromSeconds(timeout - Math.Min(timeout, idle)),
            Packets = session.ForwardPackets,
            Bytes = session.ForwardBytes,
            ReplyPackets = session.ReplyPackets,
            ReplyBytes = session.ReplyBytes,
            Worker = worker,
        };
    }

    private static IPAddress Address(uint word) => new([(byte)(word >> 24), (byte)(word >> 16), (byte)(word >> 8), (byte)word]);

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
        _tables.Flows.Current = before with { Generation = before.Generation + 1, Nat = nat, TrackAll = _trackAll, Loose = _loose };
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
