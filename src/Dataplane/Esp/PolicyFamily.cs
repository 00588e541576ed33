using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>What differs between IPv4 and IPv6 for the policy nodes.</summary>
internal unsafe interface IPolicyFamily<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    static abstract string InputNode { get; }
    static abstract string OutputNode { get; }
    static abstract string Encrypt { get; }
    static abstract string Rewrite { get; }
    static abstract string AclOutput { get; }

    /// <summary>Where flows begin.</summary>
    static abstract string FlowOutput { get; }

    /// <summary>Says of an interface that what leaves by it meets rules.</summary>
    static abstract InterfaceFlags AclFlag { get; }
    static abstract string Deliver { get; }
    static abstract string TunnelNode { get; }
    static abstract string IcmpError { get; }

    /// <summary>The error about a packet that no tunnel carries.</summary>
    static abstract ulong NoWay { get; }

    static abstract TAddress Source(byte* ip);
    static abstract TAddress Destination(byte* ip);
    static abstract SpdTable<TAddress> Rules(DataplaneTables tables);

    /// <summary>The rule for a packet, out of the worker's memory of it or of the table.</summary>
    static abstract SpdRule<TAddress>* Find(ref Frame frame, in SpdKey<TAddress> key);

    /// <summary>The rules of what is routed into ipsec interfaces.</summary>
    static abstract SpdTable<TAddress> RoutedRules(DataplaneTables tables);
}

/// <inheritdoc/>
internal readonly unsafe struct PolicyIp4 : IPolicyFamily<uint>
{
    public static string InputNode => NodeNames.Spd4Input;
    public static string OutputNode => NodeNames.Spd4Output;
    public static string Encrypt => NodeNames.Esp4Encrypt;
    public static string Rewrite => NodeNames.Ip4Rewrite;
    public static string AclOutput => NodeNames.Ip4AclOutput;
    public static string FlowOutput => NodeNames.Ip4FlowOutput;
    public static InterfaceFlags AclFlag => InterfaceFlags.AclOut4;
    public static string Deliver => NodeNames.Ip4Deliver;
    public static string TunnelNode => NodeNames.Ipsec4Output;
    public static string IcmpError => NodeNames.Icmp4Error;
    public static ulong NoWay => Nodes.IcmpError.NetUnreachable4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Source(byte* ip) => Wire.U32(ip + 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Destination(byte* ip) => Wire.U32(ip + 16);

    public static SpdTable<uint> Rules(DataplaneTables tables) => tables.Spd.V4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SpdRule<uint>* Find(ref Frame frame, in SpdKey<uint> key) => frame.Context.Policies4.Find(frame.Tables.Spd.V4, key);

    public static SpdTable<uint> RoutedRules(DataplaneTables tables) => tables.Spd.Routed4;
}

/// <inheritdoc/>
internal readonly unsafe struct PolicyIp6 : IPolicyFamily<UInt128>
{
    public static string InputNode => NodeNames.Spd6Input;
    public static string OutputNode => NodeNames.Spd6Output;
    public static string Encrypt => NodeNames.Esp6Encrypt;
    public static string Rewrite => NodeNames.Ip6Rewrite;
    public static string AclOutput => NodeNames.Ip6AclOutput;
    public static string FlowOutput => NodeNames.Ip6FlowOutput;
    public static InterfaceFlags AclFlag => InterfaceFlags.AclOut6;
    public static string Deliver => NodeNames.Ip6Deliver;
    public static string TunnelNode => NodeNames.Ipsec6Output;
    public static string IcmpError => NodeNames.Icmp6Error;
    public static ulong NoWay => Nodes.IcmpError.NoRoute6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 Source(byte* ip) => new UInt128(Wire.U64(ip + 8), Wire.U64(ip + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 Destination(byte* ip) => new UInt128(Wire.U64(ip + 24), Wire.U64(ip + 32));

    public static SpdTable<UInt128> Rules(DataplaneTables tables) => tables.Spd.V6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SpdRule<UInt128>* Find(ref Frame frame, in SpdKey<UInt128> key) => frame.Context.Policies6.Find(frame.Tables.Spd.V6, key);

    public static SpdTable<UInt128> RoutedRules(DataplaneTables tables) => tables.Spd.Routed6;
}

/// <summary>What the policy looks at in a packet that ip input has parsed.</summary>
internal static unsafe class PolicyKey
{
    /// <summary>Of a packet on its way out: what is local lies in the source.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SpdKey<TAddress> Outbound<TFamily, TAddress>(PacketMeta* meta, byte* chunk)
        where TFamily : struct, IPolicyFamily<TAddress>
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        var ip = chunk + meta->L3;
        SpdKey<TAddress> key;
        key.Local = TFamily.Source(ip);
        key.Remote = TFamily.Destination(ip);
        key.Protocol = meta->Protocol;
        key.HasPorts = PolicyPorts.TryRead(meta, chunk, out key.LocalPort, out key.RemotePort);
        return key;
    }

    /// <summary>Of a packet on its way in: what is local lies in the destination.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SpdKey<TAddress> Inbound<TFamily, TAddress>(PacketMeta* meta, byte* chunk)
        where TFamily : struct, IPolicyFamily<TAddress>
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        var ip = chunk + meta->L3;
        SpdKey<TAddress> key;
        key.Local = TFamily.Destination(ip);
        key.Remote = TFamily.Source(ip);
        key.Protocol = meta->Protocol;
        key.HasPorts = PolicyPorts.TryRead(meta, chunk, out key.RemotePort, out key.LocalPort);
        return key;
    }

    /// <summary>With many rules: brings those that a frame's packets select towards the cache, all of them before the first is looked at.</summary>
    /// <param name="frame">Behind ip input.</param>
    /// <param name="inbound">What is local lies in the destination.</param>
    public static void Prefetch<TFamily, TAddress>(ref Frame frame, bool inbound)
        where TFamily : struct, IPolicyFamily<TAddress>
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        var rules = TFamily.Rules(frame.Tables);
        if (!Sse.IsSupported || rules.Count < SpdTable<TAddress>.Many) return;
        for (var pass = 0; pass < 2; pass++)
            for (var i = 0; i < frame.Count; i++)
            {
                var index = frame.Indices[i];
                var ip = frame.Chunk(index) + frame.Meta(index)->L3;
                SpdKey<TAddress> key = default;
                (key.Local, key.Remote) = inbound ? (TFamily.Destination(ip), TFamily.Source(ip)) : (TFamily.Source(ip), TFamily.Destination(ip));
                rules.Prefetch(key, 0, rules: pass == 1);
            }
    }
}

/// <summary>What the policy reads of a packet's layer 4.</summary>
internal static unsafe class PolicyPorts
{
    /// <summary>Whether the protocol has ports (or a type and code) that selectors speak of; <paramref name="available"/> = bytes from the L4 header on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(byte protocol, byte* l4, int available, out ushort source, out ushort destination)
    {
        (source, destination) = (0, 0);
        switch (protocol)
        {
            // TCP, UDP, DCCP, SCTP, UDP-Lite.
            case 6 or 17 or 33 or 132 or 136 when available >= 4:
                source = Wire.U16(l4);
                destination = Wire.U16(l4 + 2);
                return true;
            // RFC 4301 §4.4.1.1: the type is the high octet of a 16-bit selector, the code the low one.
            case 1 or 58 when available >= 2:
                source = destination = Wire.U16(l4);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The layer 4 of a packet that ip input has parsed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(PacketMeta* meta, byte* chunk, out ushort source, out ushort destination)
    {
        (source, destination) = (0, 0);
        return (meta->Flags & PacketFlags.LaterFragment) == 0
            && TryRead(meta->Protocol, chunk + meta->L4, meta->Offset + meta->Length - meta->L4, out source, out destination);
    }
}
