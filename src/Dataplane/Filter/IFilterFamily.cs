using System.Runtime.CompilerServices;
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

    /// <summary>Where the destinations of new flows are translated, and where flows begin; with IPv6 neither is.</summary>
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

    /// <summary>Bytes of an entry: each word of the key but the ports with its mask, then the ports' ranges as lowest (low half) and length.</summary>
    static abstract int EntrySize { get; }

    /// <summary>Fills a key.</summary>
    static abstract void Read(PacketMeta* meta, byte* chunk, uint* key);

    static abstract bool Matches(uint* key, byte* entry);

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(PacketMeta* meta, byte* chunk, uint* key)
    {
        var ip = chunk + meta->L3;
        key[0] = Wire.U32(ip + 12);
        key[1] = Wire.U32(ip + 16);
        FilterKey.ReadRest(meta, chunk, out key[2], out key[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Matches(uint* key, byte* entry)
    {
        var e = (uint*)entry;
        var differ = ((key[0] ^ e[0]) & e[1]) | ((key[1] ^ e[2]) & e[3]) | ((key[3] ^ e[4]) & e[5]);
        return differ == 0 && FilterPorts.Match(key[2], e[6], e[7]);
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
    public static string FlowOutput => NodeNames.Ip6Rewrite;
    public static string Encrypt => NodeNames.Esp6Encrypt;
    public static ulong Prohibited => Nodes.IcmpError.Prohibited6;
    public static int AddressWords => 4;
    public static int KeyWords => 12;
    public static int EntrySize => 80;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(PacketMeta* meta, byte* chunk, uint* key)
    {
        var ip = chunk + meta->L3;
        for (var i = 0; i < 8; i++) key[i] = Wire.U32(ip + 8 + i * 4);
        FilterKey.ReadRest(meta, chunk, out key[8], out key[9]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Matches(uint* key, byte* entry)
    {
        var k = (ulong*)key;
        var e = (ulong*)entry;
        var differ = ((k[0] ^ e[0]) & e[2]) | ((k[1] ^ e[1]) & e[3]) | ((k[2] ^ e[4]) & e[6]) | ((k[3] ^ e[5]) & e[7]);
        var rest = (uint*)(entry + 64);
        return (differ | ((key[9] ^ rest[0]) & rest[1])) == 0 && FilterPorts.Match(key[8], rest[2], rest[3]);
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
