using System.Net;
using Gateway.Dataplane.Apply;

namespace Gateway.Dataplane.Flow;

/// <summary>A source rule as workers ask it.</summary>
/// <param name="Vrf">Of the hosts.</param>
/// <param name="OutsideVrf">Into which the flows leave; -1 any.</param>
internal sealed record NatSourceProgram(uint Id, (uint Network, uint Mask)[] From, uint OutInterface, uint[] Addresses, ushort FirstPort, ushort LastPort, bool Exempt, bool Protected, uint Vrf, int OutsideVrf, BlockPool? Blocks = null);

/// <summary>What an outside address and port stand for: one host, or several with the sum of weights up to each.</summary>
/// <param name="Vrf">Where the hosts are.</param>
internal sealed record NatTarget(uint Place, uint Vrf, (uint Address, ushort Port, int Weight)[] Backends, bool WholeAddress, bool Affinity);

/// <summary>What names in rules stand for.</summary>
/// <param name="Interface">The number of an interface; 0 when there is none of that name.</param>
/// <param name="VrfOfInterface">The VRF of an interface.</param>
/// <param name="Vrf">The number of a VRF; null is the default one.</param>
internal sealed record NatNames(Func<string, uint> Interface, Func<uint, uint> VrfOfInterface, Func<string?, uint> Vrf);

/// <summary>
/// The rules of NAT44, immutable: a change makes another one. Only the first packet of a flow asks it. A rule has a number that it keeps as long as it says the same, so that flows go on that a change
/// does not concern.
/// </summary>
internal sealed class NatProgram
{
    public static readonly NatProgram Empty = new([], [], [], [], [], [], []);

    private readonly NatSourceProgram[] _sources;
    private readonly Dictionary<FlowKey, NatTarget> _outside;
    private readonly Dictionary<ulong, (uint Id, uint Outside, uint Vrf)> _inside;
    private readonly HashSet<uint> _ids;
    private readonly uint[] _places;
    private readonly HashSet<ulong> _served;
    private readonly HashSet<ulong> _pools;

    private NatProgram(NatSourceProgram[] sources, Dictionary<FlowKey, NatTarget> outside, Dictionary<ulong, (uint Id, uint Outside, uint Vrf)> inside, HashSet<uint> ids, uint[] places, HashSet<ulong> served, HashSet<ulong> pools) =>
        (_sources, _outside, _inside, _ids, _places, _served, _pools) = (sources, outside, inside, ids, places, served, pools);

    /// <summary>Whether there are any rules.</summary>
    public bool Any => _ids.Count > 0;

    public bool HasTargets => _outside.Count > 0;

    /// <summary>Outside addresses of static rules and services, and of pools, each in its VRF (<see cref="In"/>): the gateway answers ARP for them.</summary>
    public HashSet<ulong> Answered { get; private init; } = [];

    /// <param name="rules">In any order.</param>
    /// <param name="names">What names in rules stand for.</param>
    /// <param name="idOf">The number of a rule that says this.</param>
    /// <param name="blocksOf">The blocks of ports of a rule that gives such.</param>
    public static NatProgram Build(IEnumerable<NatRule> rules, NatNames names, Func<NatRule, uint> idOf, Func<NatRule.Source, BlockPool?>? blocksOf = null)
    {
        List<NatSourceProgram> sources = [];
        Dictionary<FlowKey, NatTarget> outside = [];
        Dictionary<ulong, (uint, uint, uint)> inside = [];
        List<uint> places = [0];
        HashSet<uint> ids = [];
        HashSet<ulong> served = [], pools = [];
        foreach (var rule in rules.OrderBy(r => r.Order).ThenBy(r => r.Name, StringComparer.Ordinal))
        {
            var id = idOf(rule);
            ids.Add(id);
            if (rule is not NatRule.Source) places.Add(id);
            var place = (uint)places.Count - 1;
            var vrf = names.Vrf(rule.Vrf);
            var outsideVrf = rule.OutsideVrf is { } given ? names.Vrf(given) : vrf;
            switch (rule)
            {
                case NatRule.Source source:
                    var out_ = source.OutInterface is { } name ? names.Interface(name) : 0;
                    // An interface that is not there carries no flows.
                    if (source.OutInterface is not null && out_ == 0) break;
                    var addresses = source.Addresses.SelectMany(r => Range(r)).Distinct().ToArray();
                    if (source.OutsideVrf is null && out_ != 0) outsideVrf = names.VrfOfInterface(out_);
                    var anywhere = source.OutsideVrf is null && out_ == 0 && addresses.Length == 0;
                    pools.UnionWith(addresses.Select(a => In(outsideVrf, a)));
                    sources.Add(new NatSourceProgram(
                        id,
                        [.. source.From.Select(n => (Word(n.BaseAddress), n.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - n.PrefixLength)))],
                        out_,
                        addresses,
                        (ushort)source.FirstPort,
                        (ushort)source.LastPort,
                        source.Exempt,
                        source.Protected,
                        vrf,
                        anywhere ? -1 : (int)outsideVrf,
                        blocksOf?.Invoke(source)));
                    break;
                case NatRule.Static mapping:
                    var (from, to) = (Word(mapping.Outside), Word(mapping.Inside));
                    served.UnionWith([In(outsideVrf, from), In(vrf, to)]);
                    outside.TryAdd(TargetKey(outsideVrf, from, (ushort)mapping.OutsidePort, mapping.Protocol), new NatTarget(place, vrf, [(to, (ushort)mapping.InsidePort, 1)], mapping.Protocol == 0, false));
                    if (mapping.Protocol == 0) inside.TryAdd(In(vrf, to), (id, from, outsideVrf));
                    break;
                case NatRule.Service service:
                    var sum = 0;
                    served.Add(In(outsideVrf, Word(service.Outside)));
                    served.UnionWith(service.Backends.Select(b => In(vrf, Word(b.Address))));
                    outside.TryAdd(
                        TargetKey(outsideVrf, Word(service.Outside), (ushort)service.OutsidePort, service.Protocol),
                        new NatTarget(place, vrf, [.. service.Backends.Select(b => (Word(b.Address), (ushort)b.Port, sum += b.Weight))], false, service.Affinity));
                    break;
            }
        }
        return new NatProgram([.. sources], outside, inside, ids, [.. places], served, pools) { Answered = [.. pools, .. outside.Keys.Select(k => In(k.Vrf, k.Destination))] };
    }

    public bool Holds(uint rule) => rule == 0 || _ids.Contains(rule);

    /// <summary>Whether a flow of a rule that gives ports by the block leaves from a block that its host has: a rule may have gone and come back, and the block may be another's.</summary>
    public bool LeavesFromOwnBlock(uint rule, in FlowKey forward, in FlowKey reply)
    {
        foreach (var source in _sources)
        {
            if (source.Id != rule || source.Blocks is not { } blocks) continue;
            if (blocks.Find(forward.Source, forward.Vrf) is not { } host || host.Outside != reply.Destination) return false;
            var holds = !NatChoice.HasPort(reply.Protocol);
            foreach (var first in host.Firsts) holds |= reply.DestinationPort >= first && reply.DestinationPort < first + blocks.Size;
            return holds;
        }
        return true;
    }

    /// <summary>Whether a rule is also about what a security policy protects.</summary>
    public bool TranslatesProtected(uint rule)
    {
        foreach (var source in _sources)
            if (source.Id == rule) return source.Protected;
        return false;
    }

    /// <summary>An address in a VRF.</summary>
    public static ulong In(uint vrf, uint address) => (ulong)vrf << 32 | address;

    /// <summary>Whether an address belongs to a pool: then nothing but its flows is there.</summary>
    public bool IsPool(uint vrf, uint address) => _pools.Count > 0 && _pools.Contains(In(vrf, address));

    /// <summary>The number of the rule at a place; 0 none.</summary>
    public uint RuleAt(uint place) => place < (uint)_places.Length ? _places[place] : 0;

    /// <summary>Where a new flow to an outside address goes, and the place of the rule that says so; false when it is none.</summary>
    public bool TryTarget(in FlowKey key, out uint place, out uint vrf, out uint address, out ushort port)
    {
        (place, vrf, address, port) = (0, 0, 0, 0);
        if (!_outside.TryGetValue(TargetKey(key.Vrf, key.Destination, key.DestinationPort, key.Protocol), out var target)
            && !_outside.TryGetValue(TargetKey(key.Vrf, key.Destination, 0, 0), out target)) return false;
        (place, vrf) = (target.Place, target.Vrf);
        var backend = target.Backends.Length == 1 ? target.Backends[0] : Choose(target, key);
        address = backend.Address;
        port = target.WholeAddress ? key.DestinationPort : backend.Port;
        return true;
    }

    /// <summary>The outside address of a host that has one of its own.</summary>
    /// <param name="outsideVrf">Into which the flow leaves.</param>
    public bool TryOutside(uint vrf, uint inside, uint outsideVrf, out uint rule, out uint outside)
    {
        var found = _inside.TryGetValue(In(vrf, inside), out var mapping) && mapping.Vrf == outsideVrf;
        (rule, outside) = (mapping.Id, mapping.Outside);
        return found;
    }

    /// <summary>The first source rule that a new flow matches; null none, or one that exempts it.</summary>
    /// <param name="vrf">Of the source.</param>
    /// <param name="outsideVrf">Into which the flow leaves.</param>
    public NatSourceProgram? Source(uint vrf, uint address, uint outInterface, uint outsideVrf, bool isProtected)
    {
        foreach (var rule in _sources)
        {
            if (rule.OutInterface != 0 && rule.OutInterface != outInterface) continue;
            if (rule.Vrf != vrf || (rule.OutsideVrf >= 0 && rule.OutsideVrf != outsideVrf)) continue;
            if (isProtected && !rule.Protected && !rule.Exempt) continue;
            var matches = rule.From.Length == 0;
            foreach (var (network, mask) in rule.From) matches |= (address & mask) == network;
            if (matches) return rule.Exempt ? null : rule;
        }
        return null;
    }

    /// <summary>The number of the source rule that decides about a new flow, also of one that exempts it; 0 none.</summary>
    public uint Deciding(uint vrf, uint address, uint outInterface, uint outsideVrf, bool isProtected)
    {
        foreach (var rule in _sources)
        {
            if (rule.OutInterface != 0 && rule.OutInterface != outInterface) continue;
            if (rule.Vrf != vrf || (rule.OutsideVrf >= 0 && rule.OutsideVrf != outsideVrf)) continue;
            if (isProtected && !rule.Protected && !rule.Exempt) continue;
            if (rule.From.Length == 0 || Array.Exists(rule.From, n => (address & n.Mask) == n.Network)) return rule.Id;
        }
        return 0;
    }

    /// <summary>
    /// The worker that has a flow, the same for both its directions. Flows that are not translated, and those on their way out, go by a hash of both ends; what comes back to an address of a pool by its port, which
    /// the workers have in turn, so that each has some of every block of ports; flows of served hosts by their other end, which no rule translates.
    /// </summary>
    public int Owner(in FlowKey key, int workers)
    {
        if (workers <= 1) return 0;
        // Without ports there is no share to find a way back by.
        if (Any && key.Protocol is not (6 or 17 or 1)) return 0;
        if (IsPool(key.Vrf, key.Destination)) return key.DestinationPort % workers;
        if (_served.Count > 0)
        {
            bool to = _served.Contains(In(key.Vrf, key.Destination)), from = _served.Contains(In(key.Vrf, key.Source));
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
        var own = port + (worker - port % workers + workers) % workers;
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

    private static FlowKey TargetKey(uint vrf, uint address, ushort port, byte protocol) => FlowKey.Of(0, address, 0, port, protocol, vrf);

    private static uint Word(IPAddress address) => (uint)AddressWords.From(address).Low;

    /// <summary>The addresses of a range.</summary>
    internal static IEnumerable<uint> Range((IPAddress First, IPAddress Last) range) => Range(Word(range.First), Word(range.Last));

    private static IEnumerable<uint> Range(uint first, uint last)
    {
        for (var at = first; ; at++)
        {
            yield return at;
            if (at == last) yield break;
        }
    }
}
