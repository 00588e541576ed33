using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Tells whether the security policies concern a packet of a VRF: they are those of the default one, which such a packet may enter by a route that leads there.</summary>
internal static unsafe class VrfExit
{
    /// <summary>The packet (NextHop is set) leaves by an interface of a VRF with a name.</summary>
    public static bool StaysOutside(DataplaneTables tables, PacketMeta* meta) => tables.Interfaces[tables.Adjacencies[meta->NextHop]->Interface]->Vrf != 0;
}
