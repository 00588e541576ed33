using System.Net;
using System.Net.Sockets;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of source rules that give ports in blocks: the pool has them, and nothing else uses its addresses, or the journal could not say whose a port was.</summary>
internal static class NatBlockRules
{
    /// <summary>Blocks of one rule.</summary>
    private const int MaxBlocks = 1 << 20;

    private const int MaxRules = 256, MaxRanges = 64;

    /// <param name="addresses">How many the rule has.</param>
    public static void Check(NatSpec spec, UInt128 addresses, ErrorScope at)
    {
        var size = spec.BlockSize!.Value;
        if (spec.Addresses.Count == 0)
        {
            at["addresses"].Add(ErrorCode.MissingField, "Blocks of ports need outside addresses of their own: that of an interface is shared with the gateway.");
            return;
        }

        if (spec.Addresses.Count > MaxRanges)
        {
            at["addresses"].Add(ErrorCode.TooMany, $"With blocks there are at most {MaxRanges} ranges.");
            return;
        }

        var perAddress = (spec.LastPort - spec.FirstPort + 1) / size;
        if (perAddress < 1) at["block_size"].Add(ErrorCode.OutOfRange, $"There are only {spec.LastPort - spec.FirstPort + 1} ports between first_port and last_port.");
        else if (spec.BlocksPerHost > perAddress) at["blocks_per_host"].Add(ErrorCode.OutOfRange, $"An outside address has {perAddress} blocks, and those of a host are all of one address.");
        var blocks = addresses * (UInt128)Math.Max(0, perAddress);
        if (blocks > MaxBlocks) at["block_size"].Add(ErrorCode.TooMany, $"The pool would have {blocks} blocks; at most {MaxBlocks} are kept count of.");
        if (!spec.Oversubscribe && blocks > 0 && HostsOf(spec) is var hosts && hosts > blocks)
            at["block_size"].Add(ErrorCode.Conflict, $"The pool has {blocks} blocks for {hosts} hosts of from; give it more addresses or smaller blocks, or say that it is meant so with oversubscribe.");
        for (var i = 0; i < spec.Addresses.Count; i++)
            for (var j = 0; j < i; j++)
                if (Overlap(RangeOf(spec, i), RangeOf(spec, j))) at["addresses"][i].Add(ErrorCode.Conflict, "The range has addresses of one before it.");
    }

    /// <summary>A pool with blocks shares its addresses with no other rule.</summary>
    public static void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        var pools = all.OfKind(ItemCatalog.Nat).Where(i => ((NatSpec)i.Spec).BlockSize is not null).ToList();
        if (pools.Count == 0) return;
        foreach (var (key, at) in put)
        {
            if (key.Kind != ItemCatalog.Nat || !all.TryGetValue(key, out var item)) continue;
            var spec = (NatSpec)item.Spec;
            if (spec.BlockSize is not null && pools.Count > MaxRules) at["block_size"].Add(ErrorCode.TooMany, $"There are at most {MaxRules} rules with blocks.");
            foreach (var other in spec.BlockSize is null ? pools : all.OfKind(ItemCatalog.Nat))
                if (other.Key != key) Check(spec, other.Key, (NatSpec)other.Spec, at);
        }
    }

    private static void Check(NatSpec spec, ItemKey name, NatSpec other, ErrorScope at)
    {
        for (var i = 0; i < spec.Addresses.Count; i++)
        {
            for (var j = 0; j < other.Addresses.Count; j++)
                if (Overlap(RangeOf(spec, i), RangeOf(other, j))) at["addresses"][i].Add(ErrorCode.Conflict, $"{name} has addresses of this range; a pool with blocks of ports shares them with no other rule.");
            if (Holds(RangeOf(spec, i), other.Outside)) at["addresses"][i].Add(ErrorCode.Conflict, $"{name} leads {other.Outside} inside; a pool with blocks of ports shares its addresses with no other rule.");
        }

        for (var j = 0; j < other.Addresses.Count; j++)
            if (Holds(RangeOf(other, j), spec.Outside)) at["outside"].Add(ErrorCode.Conflict, $"{name} gives ports of this address in blocks, and shares it with no other rule.");
    }

    // Network and broadcast address are no hosts, where a network has such (RFC 3021: one of two addresses has none).
    private static UInt128 HostsOf(NatSpec spec)
    {
        if (spec.From.Count == 0) return UInt128.One << 32;
        UInt128 hosts = 0;
        foreach (var network in spec.From)
            if (network.Family == AddressFamily.InterNetwork) hosts += network.Length >= 31 ? UInt128.One << (32 - network.Length) : (UInt128.One << (32 - network.Length)) - 2;
        return hosts;
    }

    private static (UInt128 First, UInt128 Last) RangeOf(NatSpec spec, int i) => (Addresses.Number(spec.Addresses[i].Start), Addresses.Number(spec.Addresses[i].End));

    private static bool Overlap((UInt128 First, UInt128 Last) a, (UInt128 First, UInt128 Last) b) => a.First <= b.Last && b.First <= a.Last;

    private static bool Holds((UInt128 First, UInt128 Last) range, IPAddress? address) =>
        address is { AddressFamily: AddressFamily.InterNetwork } && Addresses.Number(address) is var number && number >= range.First && number <= range.Last;
}
