using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Filter;

/// <summary>What differs between IPv4 and IPv6 for the rules of ACLs and the nodes that hold packets to them.</summary>
internal unsafe interface IFilterFamily
{
    static abstract string InputNode { get; }
    static abstract string OutputNode { get; }
    static abstract string Lookup { get; }
    static abstract string Local { get; }
    static abstract string IcmpError { get; }
    static abstract string Reset { get; }
    static abstract string Rewrite { get; }

    /// <summary>Where the destinations of new flows are translated (with IPv6 none are), and where flows begin.</summary>
    static abstract string Target { get; }

    /// <inheritdoc cref="Target"/>
    static abstract string FlowOutput { get; }
    static abstract string Encrypt { get; }

    /// <summary>The error that tells of a refusal by rule.</summary>
    static abstract ulong Prohibited { get; }

    /// <summary>Words of an address.</summary>
    static abstract int AddressWords { get; }

    /// <summary>Words from one key to the next. A key holds source, destination, ports and facts (<see cref="FilterKey"/>).</summary>
    static abstract int KeyWords { get; }

    /// <summary>Bytes of an entry: what a rule compares.</summary>
    static abstract int EntrySize { get; }

    /// <summary>Entries that are compared at once; lists begin at a multiple of it.</summary>
    static abstract int Group { get; }

    /// <summary>Fills a key.</summary>
    static abstract void Read(PacketMeta* meta, byte* chunk, uint* key);

    /// <summary>Writes an entry; null one that matches nothing, to fill up a group.</summary>
    static abstract void Write(byte* entries, int at, FilterRow? row);

    /// <summary>The rule of the first entry of a list (of one entry at least) that matches the key; <see cref="FilterProgram.None"/> when none does.</summary>
    static abstract uint First(FilterProgram* program, uint* key, uint at, uint count);

    /// <summary>Whether a packet does not go to the lookup, but to the gateway itself: what ip input said of it.</summary>
    static abstract bool IsForLocal(byte* ip);

    /// <summary>Sets where an error about a packet that was not looked up would come from.</summary>
    static abstract uint Route(DataplaneTables tables, PacketMeta* meta, byte* ip);

    /// <summary>Neighbor discovery that a link cannot do without: passes where no rule says otherwise.</summary>
    static abstract bool IsNeighborDiscovery(PacketMeta* meta, byte* chunk, uint* key);

    static abstract FilterProgram* In(FilterSlots* slots);

    static abstract FilterProgram* Out(FilterSlots* slots);
}

/// <inheritdoc/>
internal readonly unsafe struct FilterIp4 : IFilterFamily
{
    public static string InputNode => NodeNames.Ip4AclInput;
    public static string OutputNode => NodeNames.Ip4AclOutput;
    public static string Lookup => NodeNames.Ip4Lookup;
    public static string Local => NodeNames.Ip4Local;
    public static string IcmpError => NodeNames.Icmp4Error;
    public static string Reset => NodeNames.Tcp4Reset;
    public static string Rewrite => NodeNames.Ip4Rewrite;
    public static string Target => NodeNames.Ip4NatTarget;
    public static string FlowOutput => NodeNames.Ip4FlowOutput;
    public static string Encrypt => NodeNames.Esp4Encrypt;
    public static ulong Prohibited => Nodes.IcmpError.Prohibited4;
    public static int AddressWords => 1;
    public static int KeyWords => 4;
    public static int EntrySize => 32;
    public static int Group => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(PacketMeta* meta, byte* chunk, uint* key)
    {
        var ip = chunk + meta->L3;
        key[0] = Wire.U32(ip + 12);
        key[1] = Wire.U32(ip + 16);
        FilterKey.ReadRest(meta, chunk, out key[2], out key[3]);
    }

    // Four entries are two cache lines: the four sources, their masks, destinations, masks, facts, masks, ranges of source and of destination ports.
    public static void Write(byte* entries, int at, FilterRow? row)
    {
        var lane = (uint*)(entries + at / 4 * 128) + at % 4;
        // No packet has facts beyond the known ones.
        lane[16] = row is { } r ? r.Value[3] : uint.MaxValue;
        lane[20] = row is { } m ? m.Mask[3] : uint.MaxValue;
        if (row is not { } rule) return;
        (lane[0], lane[4], lane[8], lane[12]) = (rule.Value[0] & rule.Mask[0], rule.Mask[0], rule.Value[1] & rule.Mask[1], rule.Mask[1]);
        (lane[24], lane[28]) = (rule.Sources, rule.Destinations);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint First(FilterProgram* program, uint* key, uint at, uint count)
    {
        var source = Vector128.Create(key[0]);
        var destination = Vector128.Create(key[1]);
        var sourcePort = Vector128.Create(key[2] >> 16);
        var destinationPort = Vector128.Create(key[2] & 0xFFFF);
        var facts = Vector128.Create(key[3]);
        var low = Vector128.Create(0xFFFFu);
        // Mostly there is one group, and whether an entry of it matches is not for the processor to guess.
        for (var end = at + count; ; at += 4)
        {
            var e = (uint*)(program->Entries + (nuint)at * 32);
            var differ = ((source ^ Vector128.LoadAligned(e)) & Vector128.LoadAligned(e + 4))
                | ((destination ^ Vector128.LoadAligned(e + 8)) & Vector128.LoadAligned(e + 12))
                | ((facts ^ Vector128.LoadAligned(e + 16)) & Vector128.LoadAligned(e + 20));
            var (sources, destinations) = (Vector128.LoadAligned(e + 24), Vector128.LoadAligned(e + 28));
            var fits = Vector128.Equals(differ, Vector128<uint>.Zero)
                & Vector128.LessThanOrEqual(sourcePort - (sources & low), sources >>> 16)
                & Vector128.LessThanOrEqual(destinationPort - (destinations & low), destinations >>> 16);
            var hits = fits.ExtractMostSignificantBits();
            var none = ~(uint)((int)(0 - hits) >> 31);
            if (at + 4 >= end || hits != 0) return program->Order[at + ((uint)BitOperations.TrailingZeroCount(hits) & 3)] | none;
        }
    }

    public static bool IsForLocal(byte* ip) => false;

    public static uint Route(DataplaneTables tables, PacketMeta* meta, byte* ip) => tables.Fib4.Lookup(meta->Vrf, Wire.U32(ip + 16));

    public static bool IsNeighborDiscovery(PacketMeta* meta, byte* chunk, uint* key) => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FilterProgram* In(FilterSlots* slots) => (FilterProgram*)Volatile.Read(ref slots->In4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FilterProgram* Out(FilterSlots* slots) => (FilterProgram*)Volatile.Read(ref slots->Out4);
}

/// <inheritdoc/>
internal readonly unsafe struct FilterIp6 : IFilterFamily
{
    public static string InputNode => NodeNames.Ip6AclInput;
    public static string OutputNode => NodeNames.Ip6AclOutput;
    public static string Lookup => NodeNames.Ip6Lookup;
    public static string Local => NodeNames.Ip6Local;
    public static string IcmpError => NodeNames.Icmp6Error;
    public static string Reset => NodeNames.Tcp6Reset;
    public static string Rewrite => NodeNames.Ip6Rewrite;
    public static string Target => NodeNames.Ip6Lookup;
    public static string FlowOutput => NodeNames.Ip6FlowOutput;
    public static string Encrypt => NodeNames.Esp6Encrypt;
    public static ulong Prohibited => Nodes.IcmpError.Prohibited6;
    public static int AddressWords => 4;
    public static int KeyWords => 12;
    public static int EntrySize => 80;
    public static int Group => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(PacketMeta* meta, byte* chunk, uint* key)
    {
        var ip = chunk + meta->L3;
        for (var i = 0; i < 8; i++) key[i] = Wire.U32(ip + 8 + i * 4);
        FilterKey.ReadRest(meta, chunk, out key[8], out key[9]);
    }

    // Source, its mask, destination, its mask, facts, their mask, ranges of source and of destination ports.
    public static void Write(byte* entries, int at, FilterRow? row)
    {
        if (row is not { } rule) return;
        var entry = (uint*)(entries + (nint)at * 80);
        for (var i = 0; i < 4; i++)
        {
            (entry[i], entry[4 + i]) = (rule.Value[i] & rule.Mask[i], rule.Mask[i]);
            (entry[8 + i], entry[12 + i]) = (rule.Value[4 + i] & rule.Mask[4 + i], rule.Mask[4 + i]);
        }
        (entry[16], entry[17], entry[18], entry[19]) = (rule.Value[9], rule.Mask[9], rule.Sources, rule.Destinations);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint First(FilterProgram* program, uint* key, uint at, uint count)
    {
        var entry = program->Entries + (nuint)at * 80;
        for (uint i = 0; i < count; i++, entry += 80)
            if (Matches(key, entry)) return program->Order[at + i];
        return FilterProgram.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Matches(uint* key, byte* entry)
    {
        var addresses = Vector256.Load(key);
        var differ = Vector256.Create(Vector128.Load((uint*)entry), Vector128.Load((uint*)entry + 8)) ^ addresses;
        differ &= Vector256.Create(Vector128.Load((uint*)entry + 4), Vector128.Load((uint*)entry + 12));
        var rest = (uint*)(entry + 64);
        return differ == Vector256<uint>.Zero && ((key[9] ^ rest[0]) & rest[1]) == 0 && FilterPorts.Match(key[8], rest[2], rest[3]);
    }

    // RFC 4291 §2.7, §2.5.6: multicast and link-local addresses are not looked up.
    public static bool IsForLocal(byte* ip) => ip[24] == 0xFF || Wire.U16(ip + 24) >> 6 == 0xFE80 >> 6;

    public static uint Route(DataplaneTables tables, PacketMeta* meta, byte* ip) =>
        IsForLocal(ip) ? AdjacencyTable.Local : tables.Fib6.Lookup(meta->Vrf, Wire.U64(ip + 24), Wire.U64(ip + 32));

    // RFC 4861 §7.1.1, §7.1.2: a hop limit of 255 proves that the message was sent on this link. Router advertisements and redirects are for rules to let in.
    public static bool IsNeighborDiscovery(PacketMeta* meta, byte* chunk, uint* key) =>
        meta->Protocol == 58 && (key[9] & (FilterKey.HasPorts | FilterKey.Fragment)) == FilterKey.HasPorts && key[8] >> 16 is 133 or 135 or 136 && chunk[meta->L3 + 7] == 255;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FilterProgram* In(FilterSlots* slots) => (FilterProgram*)Volatile.Read(ref slots->In6);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FilterProgram* Out(FilterSlots* slots) => (FilterProgram*)Volatile.Read(ref slots->Out6);
}

/// <summary>Ranges of ports as entries hold them: the lowest port in the low half, how many more belong to it in the high half.</summary>
internal static class FilterPorts
{
    public const uint Any = 0xFFFF_0000;

    public static uint Pack(ushort low, ushort high) => (uint)(high - low) << 16 | low;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Match(uint ports, uint sources, uint destinations) =>
        (ports >> 16) - (sources & 0xFFFF) <= sources >> 16 && (ports & 0xFFFF) - (destinations & 0xFFFF) <= destinations >> 16;
}
