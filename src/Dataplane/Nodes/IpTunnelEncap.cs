using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Puts the headers of a tunnel around a packet, or around a frame, of its interface (TxInterface): IP alone, or IP and GRE.
/// <code>
///  0 1 2 3                         13    16                             31
/// +-+-+-+-+-------------------------+-----+-------------------------------+
/// |C| |K|S|       reserved          | ver |        protocol type          |
/// |      checksum (C)                     |          reserved (C)         |
/// |                               key (K)                                 |
/// |                         sequence number (S)                           |
/// </code>
/// </summary>
internal readonly unsafe struct IpTunnelEncap : INode
{
    public const ushort TypeIp4 = 0x0800, TypeIp6 = 0x86DD, TypeEthernet = 0x6558;

    /// <summary>RFC 4213 §3.2.2: what every IPv6 link carries must pass, in fragments if need be.</summary>
    private const int MinMtuIp6 = 1280;

    private enum Edge : ushort
    {
        Lookup4,
        Lookup6,
    }

    private enum Reason : ushort
    {
        Down,
        NoRoom,
        Recursive,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.IpTunnelEncap,
        [(Edge.Lookup4, NodeNames.Ip4Lookup), (Edge.Lookup6, NodeNames.Ip6Lookup)],
        [
            (Reason.Down, "The interface is disabled or gone."),
            (Reason.NoRoom, "Too many headers were put around the packet, as when tunnels lead through each other."),
            (Reason.Recursive, "The route to the tunnel's other end leads into the tunnel."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var interfaces = frame.Tables.Interfaces;
        uint known = 0;
        var recursive = false;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var on = meta->TxInterface & (InterfaceTable.Capacity - 1);
            var entry = interfaces[on];
            var tunnel = (TunnelEntry*)Volatile.Read(ref *(nint*)&entry->Tunnel);
            if (tunnel == null || (InterfaceTable.FlagsOf(entry) & InterfaceFlags.Enabled) == 0)
            {
                frame.Drop(Reason.Down, index);
                continue;
            }
            var remote = TunnelEntry.Remote(tunnel, 1);
            if (known != on)
            {
                known = on;
                recursive = LeadsInto(frame.Tables, tunnel, remote, on);
            }
            if (recursive)
            {
                frame.Drop(Reason.Recursive, index);
                continue;
            }
            // What comes after needs room too: Ethernet, tags, ESP.
            if (meta->Offset < tunnel->HeaderBytes + 64)
            {
                frame.Drop(Reason.NoRoom, index);
                continue;
            }
            var isFrame = tunnel->Payload == IpTunnelKind.GreEthernet;
            if (!isFrame) frame.Context.CountSent(on, meta->TotalLength);
            Wrap(ref frame, index, meta, tunnel, remote, isFrame);
        }
    }

    /// <summary>Whether the outer packets would come back here.</summary>
    private static bool LeadsInto(DataplaneTables tables, TunnelEntry* tunnel, TunnelRemote* remote, uint on)
    {
        var next = tunnel->V6 ? tables.Fib6.Lookup(tunnel->Vrf, remote->High, remote->Low) : tables.Fib4.Lookup(tunnel->Vrf, (uint)remote->Low);
        var adjacency = tables.Adjacencies[next];
        return adjacency->Kind == AdjacencyKind.IpTunnel && adjacency->Interface == on;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Wrap(ref Frame frame, uint index, PacketMeta* meta, TunnelEntry* tunnel, TunnelRemote* remote, bool isFrame)
    {
        var inner = frame.Data(index);
        var innerLength = (int)meta->TotalLength;
        ushort type;
        int @class = 0;
        var mayNotSplit = false;
        if (isFrame)
        {
            type = TypeEthernet;
            // RFC 9601 §3: ECN is that of the IP packet in the frame, where there is one.
            if (meta->Length >= EthernetInput.HeaderLength + 2) @class = ClassOf(inner + EthernetInput.HeaderLength, Wire.U16(inner + 12));
        }
        else if (inner[0] >> 4 == 4)
        {
            type = TypeIp4;
            @class = inner[1];
            // RFC 2003 §3.1: DF is copied.
            mayNotSplit = (inner[6] & 0x40) != 0;
        }
        else
        {
            type = TypeIp6;
            @class = (byte)(Wire.U16(inner) >> 4);
            mayNotSplit = innerLength > MinMtuIp6;
        }
        // RFC 6040 §4.1, normal mode: the ECN field is copied.
        var outer = (tunnel->Dscp == TunnelEntry.CopyDscp ? @class & 0xFC : tunnel->Dscp << 2) | (@class & 3);
        var bytes = (int)tunnel->HeaderBytes;
        var protocol = tunnel->Payload == IpTunnelKind.Ip ? type == TypeIp4 ? IpTunnelMaker.Ip4InIp : IpTunnelMaker.Ip6InIp : IpTunnelMaker.Gre;
        PacketTrim.Prepend(meta, bytes);
        var ip = frame.Data(index);
        Unsafe.CopyBlockUnaligned(ip, remote->Headers, (uint)bytes);
        meta->Flags = (meta->Flags & PacketFlags.Traced) | PacketFlags.Own;
        meta->Sa = 0;
        meta->Vrf = tunnel->Vrf;
        meta->L3 = meta->Offset;
        meta->Protocol = protocol;
        var header = tunnel->V6 ? Ip6Header.Length : Ip4Input.MinHeader;
        meta->L4 = (ushort)(meta->Offset + header);
        if (bytes > header) Wire.Put16(ip + header + 2, type);
        if (tunnel->V6)
        {
            Wire.Put16(ip, 0x6000 | outer << 4);
            Wire.Put16(ip + 4, innerLength + bytes - header);
            ip[6] = protocol;
            frame.Enqueue(Edge.Lookup6, index);
            return;
        }
        ip[1] = (byte)outer;
        Wire.Put16(ip + 2, innerLength + bytes);
        // RFC 6864 §4.1: only what can be fragmented needs an identification.
        Wire.Put16(ip + 4, mayNotSplit ? 0 : frame.Context.NextIp4Id());
        Wire.Put16(ip + 6, mayNotSplit ? 0x4000 : 0);
        ip[9] = protocol;
        Unsafe.WriteUnaligned(ip + 10, (ushort)0);
        Unsafe.WriteUnaligned(ip + 10, Checksum.Fold(Checksum.Add(0, ip, Ip4Input.MinHeader)));
        frame.Enqueue(Edge.Lookup4, index);
    }

    private static int ClassOf(byte* ip, int type) => type switch
    {
        TypeIp4 => ip[1],
        TypeIp6 => (byte)(Wire.U16(ip) >> 4),
        _ => 0,
    };
}
