using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// The source with which a packet of a translated flow arrived, in Opaque1 from ip4-flow-input to the lookup: next hops are chosen by what a flow's first packet showed, whose source was translated behind the lookup only. Address
/// (0..31) and port (32..47) as they lie in the packet; 0 none.
/// </summary>
internal static unsafe class FlowOrigin
{
    private const ulong Present = 1ul << 63;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Pack(in FlowKey arriving) => (uint)arriving.Addresses | (arriving.Rest & 0xFFFF) << 32 | Present;

    /// <summary>Of a packet at the lookup.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(PacketMeta* meta) => (meta->Flags & PacketFlags.FlowKnown) != 0 && (meta->Opaque1 & Present) != 0 ? meta->Opaque1 : 0;

    public static uint RawAddress(ulong origin) => (uint)origin;

    public static ushort RawPort(ulong origin) => (ushort)(origin >> 32);
}
