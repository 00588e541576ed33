using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Nodes;

/// <summary>A packet that the gateway makes about another one.</summary>
internal static unsafe class Reply
{
    /// <summary>Describes one whose IP header of this length begins at its data: it is traced when the other is, and stays in its VRF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void About(PacketMeta* meta, PacketMeta* reply, int header, int total, byte protocol)
    {
        reply->Length = (ushort)total;
        reply->TotalLength = (uint)total;
        reply->Flags = PacketFlags.Own | (meta->Flags & PacketFlags.Traced);
        reply->TraceId = meta->TraceId;
        reply->Vrf = meta->Vrf;
        reply->L3 = reply->Offset;
        reply->L4 = (ushort)(reply->Offset + header);
        reply->Protocol = protocol;
    }
}
