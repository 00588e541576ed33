using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Apply;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Guard;

/// <summary>Makes programs of the rules of MAC ACLs, on the control side.</summary>
internal static unsafe class MacCompiler
{
    private const ulong Whole = 0xFFFF_FFFF_FFFF;

    /// <param name="rules">In their order; null stands for an ACL that is not there, and denies.</param>
    /// <param name="permits">What becomes of frames that no rule matches.</param>
    /// <param name="workers">How many workers count.</param>
    public static MacProgram* Compile(IReadOnlyList<MacAclRule?> rules, bool permits, int workers)
    {
        var entries = new List<MacEntry>();
        for (var i = 0; i < rules.Count; i++) entries.AddRange(Entries(rules[i], (uint)i));
        var buckets = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, entries.Count));
        var program = Allocate<MacProgram>(1);
        program->BucketMask = (uint)buckets - 1;
        program->Rules = (uint)rules.Count;
        program->CounterStride = (uint)((rules.Count + 1) * 2 + 7) & ~7u;
        program->Counters = Allocate<ulong>((int)program->CounterStride * workers);
        program->Permits = Allocate<byte>(rules.Count + 1);
        for (var i = 0; i < rules.Count; i++) program->Permits[i] = rules[i] is { Action: MacAclAction.Permit } ? (byte)1 : (byte)0;
        program->Permits[rules.Count] = permits ? (byte)1 : (byte)0;
        program->Entries = Allocate<MacEntry>(entries.Count);
        program->Buckets = Allocate<uint>(buckets * 2 + 1);
        var sorted = entries.ToLookup(Bucket);
        uint at = 0;
        // The last number is where the list begins: it ends the last bucket.
        for (var bucket = 0; bucket <= buckets * 2; bucket++)
        {
            program->Buckets[bucket] = at;
            foreach (var entry in sorted[bucket]) program->Entries[at++] = entry;
        }

        program->List = program->Buckets[buckets * 2];
        program->End = at;
        return program;

        int Bucket(MacEntry entry) =>
            entry.SourceMask == Whole ? (int)(MacProgram.Hash(entry.Source) & (uint)(buckets - 1))
            : entry.DestinationMask == Whole ? buckets + (int)(MacProgram.Hash(entry.Destination) & (uint)(buckets - 1))
            : buckets * 2;
    }

    private static IEnumerable<MacEntry> Entries(MacAclRule? rule, uint number)
    {
        var entry = new MacEntry { Rule = number, Vlan = MacEntry.AnyVlan };
        if (rule is null)
        {
            yield return entry;
            yield break;
        }

        (entry.Source, entry.SourceMask) = Word(rule.From, rule.FromMask);
        (entry.Destination, entry.DestinationMask) = Word(rule.To, rule.ToMask);
        entry.Type = rule.Ethertype?.Number ?? 0;
        entry.Vlan = (ushort)(rule.Vlan ?? MacEntry.AnyVlan);
        if (rule.SourceIp.Count == 0) yield return entry;
        foreach (var prefix in rule.SourceIp)
        {
            var words = AddressWords.From(prefix.Address);
            var mask = UInt128.MaxValue;
            var v6 = prefix.Family == AddressFamily.InterNetworkV6;
            var free = (v6 ? 128 : 32) - prefix.Length;
            mask = free == 128 ? 0 : mask << free;
            yield return entry with
            {
                Ip = (byte)(v6 ? 6 : 4),
                IpHigh = words.High,
                IpLow = words.Low,
                IpHighMask = v6 ? (ulong)(mask >> 64) : 0,
                IpLowMask = v6 ? (ulong)mask : (uint)mask,
            };
        }
    }

    // The item has the first octet highest, a frame's word has it lowest.
    private static (ulong Value, ulong Mask) Word(Policy.Items.MacAddress? mac, Policy.Items.MacAddress? mask) =>
        mac is null ? (0, 0) : (Turned((ulong)mac.Value.Value), mask is null ? Whole : Turned((ulong)mask.Value.Value));

    private static ulong Turned(ulong mac) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(mac) >> 16;

    private static T* Allocate<T>(int count)
        where T : unmanaged
    {
        var bytes = (nuint)Math.Max(1, count) * (nuint)sizeof(T);
        var memory = NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(memory, bytes);
        return (T*)memory;
    }
}
