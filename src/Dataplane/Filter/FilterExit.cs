using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Filter;

/// <summary>Decides, behind the route and the security policy, whether a packet meets rules of the interface that its route names.</summary>
internal static unsafe class FilterExit
{
    /// <summary>
    /// True when the packet has to pass acl-output; TxInterface then names the interface. The gateway's own packets do not: they are not for it to forbid; nor do those of
    /// known flows, which were judged with their first packet.
    /// NextHop must still be the adjacency.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Leads(DataplaneTables tables, PacketMeta* meta, InterfaceFlags family)
    {
        if ((meta->Flags & (PacketFlags.Own | PacketFlags.FlowKnown)) != 0) return false;
        var by = tables.Adjacencies[meta->NextHop]->Interface;
        if ((tables.Interfaces[by]->Flags & family) == 0) return false;
        meta->TxInterface = by;
        return true;
    }
}
