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
    private FlowSettings _settings = new();
    private IReadOnlyList<Worker> _workers = [];
    private SessionLimits _limits = new();
    private bool _gathers;

    private readonly NatNames _names;

    internal FlowControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate, BlockBook blocks, Func<string?, uint> vrfOf)
    {
        (_tables, _interfaces, _gate, Blocks) = (tables, interfaces, gate, blocks);
        _names = new NatNames(name => _interfaces.TryFind(name, out var index) ? index : 0, index => _tables.Interfaces[index]->Vrf, vrfOf);
    }

    /// <summary>Who has which blocks of outside ports.</summary>
    internal BlockBook Blocks { get; }

    /// <summary>Who keeps account of blocks of ports, and which there were at the end of the process before; before the first rule is set.</summary>
    public void KeepAccount(INatLedger? ledger, IEnumerable<NatBlock> blocks)
    {
        lock (_gate)
        {
            Blocks.Ledger = ledger;
            Blocks.Resume(blocks);
        }
    }

    /// <summary>The blocks of ports that hosts have now, of a rule or of all.</summary>
    public IReadOnlyList<NatBlock> PortBlocks(string? rule = null)
    {
        lock (_gate) return [.. Blocks.Blocks(rule)];
    }

    /// <summary>How blocks were given since the start.</summary>
    public NatBlockCounts BlockCounts
    {
        get
        {
            lock (_gate) return Blocks.Counts;
        }
    }

    /// <summary>Adds or changes a rule. False: it is kept, but waits for the interface that it names.</summary>
    public bool SetRule(NatRule rule)
    {
        lock (_gate)
        {
            _rules[rule.Name] = rule;
            if (!_gathers) Publish();
            return rule is not NatRule.Source { OutInterface: { } name } || _interfaces.TryFind(name, out _);
        }
    }

    /// <summary>
    /// Sets all rules at once: before the first port is there, so that no packet leaves untranslated and flows of the process before find their rules.
    /// </summary>
    public void SetRules(IEnumerable<NatRule> rules)
    {
        lock (_gate)
        {
            _rules.Clear();
            foreach (var rule in rules) _rules[rule.Name] = rule;
            Publish();
        }
    }

    /// <summary>Changes of rules from here on wait for <see cref="TakeEffect"/>, so that many cost what one does.</summary>
    public void Gather()
    {
        lock (_gate) _gathers = true;
    }

    /// <summary>The changes since <see cref="Gather"/> take effect, all at once.</summary>
    public void TakeEffect()
    {
        lock (_gate)
        {
            _gathers = false;
            Publish();
        }
    }

    /// <summary>Removes a rule; its flows end with their next packet.</summary>
    public void RemoveRule(string name)
    {
        lock (_gate)
            if (_rules.Remove(name) && !_gathers) Publish();
    }

    /// <summary>Whether all forwarded flows are tracked, and whether TCP connections may begin in their middle.</summary>
    public void SetTracking(bool all, bool loose = true)
    {
        lock (_gate)
        {
            _settings = _settings with { Always = all, Loose = loose };
            Publish();
        }
    }

    /// <summary>How flows are tracked from now on; those that are there keep to it too.</summary>
    public void SetSettings(FlowSettings settings)
    {
        lock (_gate)
        {
            _settings = settings;
            var limits = _limits with
            {
                Total = settings.Total is { } total ? (uint)((total + Workers.Count - 1) / Workers.Count) : _limits.Total,
                PerSource = settings.PerSource is { } most ? (uint)most : _limits.PerSource,
                Ip6SourcePrefix = settings.Ip6SourcePrefix,
                Timeouts = settings.Timeouts ?? _limits.Timeouts,
            };
            foreach (var worker in Workers) worker.Context.Sessions.SetLimits(limits);
            if (!_gathers) Publish();
        }
    }

    /// <summary>The settings that are in force, and what became of flows.</summary>
    public FlowStatus Status()
    {
        lock (_gate)
        {
            var limits = Workers[0].Context.Sessions.Limits;
            return new FlowStatus
            {
                Settings = _settings,
                Timeouts = limits.Timeouts,
                Max = Workers.Sum(w => (long)Math.Min(w.Context.Sessions.Capacity, limits.Total)),
                PerSource = limits.PerSource == uint.MaxValue ? null : limits.PerSource,
                Flows = Workers.Sum(w => (long)w.Context.Sessions.Count),
                Begun = Workers.Aggregate(0ul, (sum, w) => sum + w.Context.Sessions.Created),
                Expired = Workers.Aggregate(0ul, (sum, w) => sum + w.Context.Sessions.Expired),
                Evicted = Workers.Aggregate(0ul, (sum, w) => sum + w.Context.Sessions.Evicted),
            };
        }
    }

    /// <summary>Ends the flows that are there now and for which all that is given holds: at any end that address, of that NAT rule, in either direction of that VRF. Workers do it bit by bit, and carry packets meanwhile.</summary>
    /// <param name="vrf">Name; <c>default</c> is the default one, null any.</param>
    public void Clear(IPAddress? address, string? rule, string? vrf)
    {
        lock (_gate)
        {
            // A rule that is not there has no flows.
            uint? id = rule is null ? null : _rules.TryGetValue(rule, out var found) ? IdOf(found) : uint.MaxValue;
            var what = new SessionClear(address is null ? null : AddressWords.From(address), id, vrf is null ? null : _names.Vrf(vrf));
            foreach (var worker in Workers)
            {
                worker.Context.Sessions.Clear(what);
                worker.Wake();
            }
        }
    }

    /// <summary>Where the flows are; set once, before there are any.</summary>
    internal IReadOnlyList<Worker> Workers
    {
        get => _workers;
        set => (_workers, _limits) = (value, value[0].Context.Sessions.Limits);
    }

    /// <summary>Why flows are not kept over a restart although they should be; null when they are.</summary>
    public string? Trouble { get; internal set; }

    /// <summary>Known flows, and how many there may be.</summary>
    public (long Count, long Capacity) Level => (Workers.Sum(w => (long)w.Context.Sessions.Count), Workers.Sum(w => (long)w.Context.Sessions.Capacity));

    /// <summary>
    /// The flows that have that address at any of their ends, in no order; at most so many. Workers go on meanwhile: a flow that ends or begins just now may be missing.
    /// </summary>
    public IReadOnlyList<FlowRow> Rows(IPAddress? address = null, int limit = 1000)
    {
        Dictionary<uint, string> rules = [];
        lock (_gate)
            foreach (var rule in _rules.Values) rules[IdOf(rule)] = rule.Name;
        List<FlowRow> rows = [];
        foreach (var worker in Workers)
        {
            var table = worker.Context.Sessions;
            for (uint slot = 1; slot < table.Bound && rows.Count < limit; slot++)
            {
                var session = *table[slot];
                if ((session.Flags & SessionFlags.InUse) == 0 || session.State is FlowState.None or >= FlowState.Count) continue;
                var row = Row(session, *table.EndsOf(slot), table, rules, worker.Context.Worker);
                if (address is null || row.Touches(address)) rows.Add(row);
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
            return [.. _rules.Values.OrderBy(r => r.Order).ThenBy(r => r.Name, StringComparer.Ordinal).Select(r => new NatRuleRow(r, flows.GetValueOrDefault(IdOf(r))) { Blocks = Blocks.UsageOf(r.Name) })];
        }
    }

    /// <summary>The name of a rule by its number; null when there is none. Under the gate.</summary>
    internal string? NameOf(uint rule) => rule == 0 ? null : _rules.Values.FirstOrDefault(r => IdOf(r) == rule)?.Name;

    /// <summary>The known flow that a packet belongs to, and whether it is an answer in it; null when none is known.</summary>
    /// <param name="key">Of the packet as it arrives.</param>
    internal FlowRow? Find(in FlowKey key, out bool reply)
    {
        reply = false;
        if (Copy(key) is not { } known) return null;
        reply = known.Session.Reply == key;
        return known.Row;
    }

    /// <summary>A known flow with all that is held of it; null when none is known that the packet belongs to.</summary>
    internal (Session Session, FlowRow Row)? Copy(in FlowKey key)
    {
        foreach (var worker in Workers)
        {
            var table = worker.Context.Sessions;
            for (uint slot = 1; slot < table.Bound; slot++)
            {
                var session = *table[slot];
                if (!IsOf(session, key)) continue;
                lock (_gate) return (session, Row(session, *table.EndsOf(slot), table, _rules.Values.ToDictionary(IdOf, r => r.Name), worker.Context.Worker));
            }
        }
        return null;
    }

    /// <summary>Begins a flow as another table has it; it is judged with its next packet. No worker may run.</summary>
    internal void Adopt(in Session session)
    {
        var table = Workers[0].Context.Sessions;
        if (table.TryAdd(session.Forward, session.Reply, out var slot) != SessionResult.Created) return;
        var mine = table[slot];
        (mine->State, mine->Rule, mine->In, mine->Out) = (session.State, session.Rule, session.In, session.Out);
        mine->Flags |= session.Flags & (SessionFlags.Translated | SessionFlags.Replied);
        mine->Generation = _tables.Flows.Current.Generation - 1;
    }

    /// <summary>The known IPv6 flow that a packet belongs to, and whether it is an answer in it; null when none is known.</summary>
    /// <param name="meta">Of a packet that ip input has parsed, with its IP header at the chunk's start.</param>
    internal (Session Session, FlowRow Row, bool Reply)? Copy6(Buffers.PacketMeta* meta, byte* ip)
    {
        foreach (var worker in Workers)
        {
            var table = worker.Context.Sessions;
            if (Ip6FlowPacket.Read(table.Ip6, meta, ip, out var key, out _) != FlowPacketKind.Flow) return null;
            var found = table.Find6(key, ip + 8);
            if (found == 0) continue;
            var session = *table[found];
            lock (_gate) return (session, Row(session, *table.EndsOf(found), table, [], worker.Context.Worker), (found & SessionTable.ReplyBit) != 0);
        }
        return null;
    }

    /// <summary>Begins an IPv6 flow as another table has it; it is judged with its next packet. No worker may run.</summary>
    /// <param name="meta">Of a packet in the flow, as for <see cref="Copy6"/>.</param>
    internal void Adopt6(in Session session, Buffers.PacketMeta* meta, byte* ip, bool reply)
    {
        var table = Workers[0].Context.Sessions;
        if (Ip6FlowPacket.Read(table.Ip6, meta, ip, out var key, out _) != FlowPacketKind.Flow) return;
        Ip6Ends ends;
        Ip6Ends.Copy(&ends, ip + 8, reply);
        if (table.TryAdd6(reply ? key.Reverse : key, ends.Bytes, out var slot) != SessionResult.Created) return;
        var mine = table[slot];
        (mine->State, mine->In, mine->Out) = (session.State, session.In, session.Out);
        mine->Flags |= session.Flags & SessionFlags.Replied;
        mine->Generation = _tables.Flows.Current.Generation - 1;
    }

    private static bool IsOf(in Session session, in FlowKey key) =>
        (session.Flags & SessionFlags.InUse) != 0 && session.State is not (FlowState.None or >= FlowState.Count) && (session.Forward == key || session.Reply == key);

    private static FlowRow Row(in Session session, in Ip6Ends ends, SessionTable table, Dictionary<uint, string> rules, int worker)
    {
        var (forward, reply) = (session.Forward, session.Reply);
        var (source, destination) = forward.IsIp6 ? (Address(ends, 0), Address(ends, 16)) : (Address(forward.Source), Address(forward.Destination));
        var (replySource, replyDestination) = forward.IsIp6 ? (destination, source) : (Address(reply.Source), Address(reply.Destination));
        var timeout = table.Limits.Timeouts.ByState()[(int)session.State];
        var idle = table.Now - Math.Min(table.Now, session.LastUse);
        return new FlowRow
        {
            Protocol = forward.Protocol,
            Source = new IPEndPoint(source, forward.SourcePort),
            Destination = new IPEndPoint(destination, forward.DestinationPort),
            ReplySource = new IPEndPoint(replySource, reply.SourcePort),
            ReplyDestination = new IPEndPoint(replyDestination, reply.DestinationPort),
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

    private static IPAddress Address(uint word) => new AddressWords(false, 0, word).ToAddress();

    private static IPAddress Address(Ip6Ends ends, int at) => new(new ReadOnlySpan<byte>(ends.Bytes + at, 16));

    /// <summary>An interface came or went. Under the gate.</summary>
    internal void InterfacesChanged()
    {
        if (_rules.Count > 0 || _settings.AlwaysOn.Count > 0) Publish();
    }

    // Under the gate.
    private void Publish()
    {
        Blocks.SetRules(_rules.Values.OfType<NatRule.Source>(), IdOf);
        var nat = _rules.Count == 0 ? NatProgram.Empty : NatProgram.Build(_rules.Values, _names, IdOf, Blocks.PoolOf);
        var before = _tables.Flows.Current;
        _tables.Flows.Current = before with { Generation = before.Generation + 1, Nat = nat, TrackAll = _settings.Always, TrackOn = TrackOn(), Loose = _settings.Loose };
    }

    private bool[]? TrackOn()
    {
        bool[]? on = null;
        foreach (var name in _settings.AlwaysOn)
            if (_interfaces.TryFind(name, out var index)) (on ??= new bool[InterfaceTable.Capacity])[index] = true;
        return on;
    }

    // The same in every process, since sessions outlive it.
    private static uint IdOf(NatRule rule)
    {
        // FNV-1a; 0 says no rule.
        var hash = 2166136261u;
        foreach (var letter in TextOf(rule) + VrfText(rule)) hash = (hash ^ letter) * 16777619u;
        return hash == 0 ? 1 : hash;
    }

    private static string VrfText(NatRule rule) => rule.Vrf is null && rule.OutsideVrf is null ? "" : $"|{rule.Vrf}|{rule.OutsideVrf}";

    // What a rule says, without its order: a flow does not end because a rule is asked sooner or later.
    private static string TextOf(NatRule rule) => rule switch
    {
        NatRule.Source s => $"{s.Name}|source|{string.Join(',', s.From)}|{s.OutInterface}|{string.Join(',', s.Addresses)}|{s.FirstPort}|{s.LastPort}|{s.Exempt}|{s.Protected}{(s.BlockSize == 0 ? "" : $"|{s.BlockSize}")}",
        NatRule.Static s => $"{s.Name}|static|{s.Outside}|{s.Inside}|{s.Protocol}|{s.OutsidePort}|{s.InsidePort}",
        NatRule.Service s => $"{s.Name}|service|{s.Outside}|{s.Protocol}|{s.OutsidePort}|{string.Join(',', s.Backends)}|{s.Affinity}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
