using System.Net;
using Gateway.Dataplane.Apply;

namespace Gateway.Dataplane.Flow;

/// <summary>A source rule as workers ask it.</summary>
internal sealed record NatSourceProgram(uint Id, (uint Network, uint Mask)[] From, uint OutInterface, uint[] Addresses, ushort FirstPort, ushort LastPort, bool Exempt, bool Protected);

/// <summary>What an outside address and port stand for: one host, or several with the sum of weights up to each.</summary>
internal sealed record NatTarget(uint Place, (uint Address, ushort Port, int Weight)[] Backends, bool WholeAddress, bool Affinity);

/// <summary>
/// The rules of NAT44, immutable: a change makes another one. Only the first packet of a flow asks it. A rule has a number that it keeps as long as it says the same, so that flows go on that a change
/// does not concern.
/// </summary>
internal sealed class NatProgram
{
    public static readonly NatProgram Empty = new([], [], [], [], [], [], []);

    /// <summary>Ports of a pool belong to the workers in turn, so many (as a power of two) at a time.</summary>
    private const int ShareBits = 6;

    private readonly NatSourceProgram[] _sources;
    private readonly Dictionary<FlowKey, NatTarget> _outside;
    private readonly Dictionary<uint, (uint Id, uint Outside)> _inside;
    private readonly HashSet<uint> _ids;
    private readonly uint[] _places;
    private readonly HashSet<uint> _served;
    private readonly HashSet<uint> _pools;

    private NatProgram(NatSourceProgram[] sources, Dictionary<FlowKey, NatTarget> outside, Dictionary<uint, (uint Id, uint Outside)> inside, HashSet<uint> ids, uint[] places, HashSet<uint> served, HashSet<uint> pools) =>
        (_sources, _outside, _inside, _ids, _places, _served, _pools) = (sources, outside, inside, ids, places, served, pools);

    /// <summary>Whether there are any rules.</summary>
    public bool Any => _ids.Count > 0;

    public bool HasTargets => _outside.Count > 0;

    /// <summary>Addresses of pools, which are no interface's.</summary>
    public IReadOnlyCollection<uint> PoolAddresses => _pools;

    /// <summary>Outside addresses of static rules and services, and of pools: the gateway answers ARP for them.</summary>
    public HashSet<uint> Answered { get; private init; } = [];

    /// <param name="rules">In any order.</param>
    /// <param name="interfaceOf">The number of an interface; 0 when there is none of that name.</param>
    /// <param name="idOf">The number of a rule that says this.</param>
    public static NatProgram Build(IEnumerable<NatRule> rules, Func<string, uint> interfaceOf, Func<NatRule, uint> idOf)
    {
        List<NatSourceProgram> sources = [];
        Dictionary<FlowKey, NatTarget> outside = [];
        Dictionary<uint, (uint, uint)> inside = [];
        List<uint> places = [0];
        HashSet<uint> ids = [], served = [], pools = [];
        foreach (var rule in rules.OrderBy(r => r.Order).ThenBy(r => r.Name, StringComparer.Ordinal))
        {
            var id = idOf(rule);
            ids.Add(id);
            if (rule is not NatRule.Source) places.Add(id);
            var place = (uint)places.Count - 1;
            switch (rule)
            {
                case NatRule.Source source:
                    var out_ = source.OutInterface is { } name ? interfaceOf(name) : 0;
                    // An interface that is not there carries no flows.
                    if (source.OutInterface is not null && out_ == 0) break;
                    var addresses = source.Addresses.SelectMany(r => Range(Word(r.First), Word(r.Last))).Distinct().ToArray();
                    pools.UnionWith(addresses);
                    sources.Add(new NatSourceProgram(
                        id,
                        [.. source.From.Select(n => (Word(n.BaseAddress), n.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - n.PrefixLength)))],
                        out_,
                        addresses,
                        (ushort)source.FirstPort,
                        (ushort)source.LastPort,
                        source.Exempt,
                        source.Protected));
                    break;
                case NatRule.Static mapping:
                    var (from, to) = (Word(mapping.Outside), Word(mapping.Inside));
                    served.UnionWith([from, to]);
                    outside.TryAdd(TargetKey(from, (ushort)mapping.OutsidePort, mapping.Protocol), new NatTarget(place, [(to, (ushort)mapping.InsidePort, 1)], mapping.Protocol == 0, false));
                    if (mapping.Protocol == 0) inside.TryAdd(to, (id, from));
                    break;
                case NatRule.Service service:
                    var sum = 0;
                    served.Add(Word(service.Outside));
                    served.UnionWith(service.Backends.Select(b => Word(b.Address)));
                    outside.TryAdd(
                        TargetKey(Word(service.Outside), (ushort)service.OutsidePort, service.Protocol),
                        new NatTarget(place, [.. service.Backends.Select(b => (Word(b.Address), (ushort)b.Port, sum += b.Weight))], false, service.Affinity));
                    break;
            }
        }
        return new NatProgram([.. sources], outside, inside, ids, [.. places], served, pools) { Answered = [.. pools, .. outside.Keys.Select(k => k.Destination)] };
    }

    public bool Holds(uint rule) => rule == 0 || _ids.Contains(rule);

    /// <summary>Whether a rule is also about what a security policy protects.</summary>
    public bool TranslatesProtected(uint rule)
    {
        foreach (var source in _sources)
            if (source.Id == rule) return source.Protected;
        return false;
    }

    /// <summary>Whether an address belongs to a pool: then nothing but its flows is there.</summary>
    public bool IsPool(uint address) => _pools.Count > 0 && _pools.Contains(address);

    /// <summary>The number of the rule at a place; 0 none.</summary>
    public uint RuleAt(uint place) => place < (uint)_places.Length ? _places[place] : 0;

    /// <summary>Where a new flow to an outside address goes, and the place of the rule that says so; false when it is none.</summary>
    public bool TryTarget(in FlowKey key, out uint place, out uint address, out ushort port)
    {
        (place, address, port) = (0, 0, 0);
        if (!_outside.TryGetValue(TargetKey(key.Destination, key.DestinationPort, key.Protocol), out var target)
            && !_outside.TryGetValue(TargetKey(key.Destination, 0, 0), out target)) return false;
        place = target.Place;
        var backend = target.Backends.Length == 1 ? target.Backends[0] : Choose(target, key);
        address = backend.Address;
        port = target.WholeAddress ? key.DestinationPort : backend.Port;
        return true;
    }

    /// <summary>The outside address of a host that has one of its own.</summary>
    public bool TryOutside(uint inside, out uint rule, out uint outside)
    {
        var found = _inside.TryGetValue(inside, out var mapping);
        (rule, outside) = mapping;
        return found;
    }

    /// <summary>The first source rule that a new flow matches; null none, or one that exempts it.</summary>
    public NatSourceProgram? Source(uint address, uint outInterface, bool isProtected)
    {
        foreach (var rule in _sources)
        {
            if (rule.OutInterface != 0 && rule.OutInterface != outInterface) continue;
            if (isProtected && !rule.Protected && !rule.Exempt) continue;
            var matches = rule.From.Length == 0;
            foreach (var (network, mask) in rule.From) matches |= (address & mask) == network;
            if (matches) return rule.Exempt ? null : rule;
        }
        return null;
    }

    /// <summary>The number of the source rule that decides about a new flow, also of one that exempts it; 0 none.</summary>
    public uint Deciding(uint address, uint outInterface, bool isProtected)
    {
        foreach (var rule in _sources)
        {
            if (rule.OutInterface != 0 && rule.OutInterface != outInterface) continue;
            if (isProtected && !rule.Protected && !rule.Exempt) continue;
            if (rule.From.Length == 0 || Array.Exists(rule.From, n => (address & n.Mask) == n.Network)) return rule.Id;
        }
        return 0;
    }

    /// <summary>
    /// The worker that has a flow, the same for both its directions. Flows that are not translated, and those on their way out, go by a hash of both ends; what comes back to an address of a pool by its port, of
    /// which each worker has a share; flows of served hosts by their other end, which no rule translates.
    /// </summary>
    public int Owner(in FlowKey key, int workers)
    {
        if (workers <= 1) return 0;
        // Without ports there is no share to find a way back by.
        if (Any && key.Protocol is not (6 or 17 or 1)) return 0;
        if (IsPool(key.Destination)) return (key.DestinationPort >> ShareBits) % workers;
        if (_served.Count > 0)
        {
            bool to = _served.Contains(key.Destination), from = _served.Contains(key.Source);
            if (to && !from) return Spread(key.Source, key.SourcePort, workers);
            if (from && !to) return Spread(key.Destination, key.DestinationPort, workers);
        }
        var (a, b) = (key.Source ^ (uint)key.SourcePort << 7, key.Destination ^ (uint)key.DestinationPort << 7);
        return Spread(a + b, (ushort)(a ^ b), workers);
    }

    /// <summary>The first port of a worker's share of a pool from that one on; 0 when there is none up to the last.</summary>
    public static ushort NextOwn(int port, int last, int worker, int workers)
    {
        if (workers <= 1) return (ushort)port;
        var share = port >> ShareBits;
        var ahead = (worker - share % workers + workers) % workers;
        var own = ahead == 0 ? port : (share + ahead) << ShareBits;
        return own <= last ? (ushort)own : (ushort)0;
    }

    private static int Spread(uint address, ushort port, int workers) => (int)((((ulong)address << 16 | port) * 0x9E37_79B9_7F4A_7C15 >> 33) % (ulong)workers);

    // The host with the lowest score (weighted rendezvous): what one leaves goes to all the others, and nothing else moves.
    private static (uint Address, ushort Port, int Weight) Choose(NatTarget target, in FlowKey key)
    {
        var of = target.Affinity ? FlowKey.Of(key.Source, 0, 0, 0, 0, 0) : key;
        var (best, bestScore, before) = (0, double.MaxValue, 0);
        for (var i = 0; i < target.Backends.Length; i++)
        {
            var weight = target.Backends[i].Weight - before;
            before = target.Backends[i].Weight;
            var hash = of.Hash(((ulong)target.Backends[i].Address << 16 | target.Backends[i].Port) * 0x9E37_79B9_7F4A_7C15);
            var score = -Math.Log(((hash >> 11) + 1) * (1.0 / ((1ul << 53) + 1))) / weight;
            if (score >= bestScore) continue;
            (best, bestScore) = (i, score);
        }
        return target.Backends[best];
    }

    private static FlowKey TargetKey(uint address, ushort port, byte protocol) => FlowKey.Of(0, address, 0, port, protocol, 0);

    private static uint Word(IPAddress address) => (uint)AddressWords.From(address).Low;

    private static IEnumerable<uint> Range(uint first, uint last)
    {
        for (var at = first; ; at++)
        {
            yield return at;
            if (at == last) yield break;
        }
    }
}
