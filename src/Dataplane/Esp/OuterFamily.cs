using System.Runtime.CompilerServices;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>What esp-decrypt reads of the outer header.</summary>
internal unsafe interface IOuterFamily
{
    static abstract string DecryptNode { get; }
    static abstract bool V6 { get; }
    static abstract int TrafficClassOf(byte* ip);
    static abstract UInt128 SourceOf(byte* ip);
}

/// <inheritdoc/>
internal readonly unsafe struct OuterIp4 : IOuterFamily
{
    public static string DecryptNode => NodeNames.Esp4Decrypt;
    public static bool V6 => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TrafficClassOf(byte* ip) => ip[1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 SourceOf(byte* ip) => Wire.U32(ip + 12);
}

/// <inheritdoc/>
internal readonly unsafe struct OuterIp6 : IOuterFamily
{
    public static string DecryptNode => NodeNames.Esp6Decrypt;
    public static bool V6 => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TrafficClassOf(byte* ip) => (byte)(Wire.U16(ip) >> 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UInt128 SourceOf(byte* ip) => new UInt128(Wire.U64(ip + 8), Wire.U64(ip + 16));
}
