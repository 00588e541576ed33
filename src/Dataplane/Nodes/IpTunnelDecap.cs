using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Takes what came to an end of a GRE or IP in IP tunnel out of its headers (see <see cref="IpTunnelEncap"/> for the layout): it goes on as received by the tunnel's interface.</summary>
internal readonly unsafe struct IpTunnelDecap : INode
{
    // RFC 2784 §2.1, RFC 2890 §2.
    private const int HasChecksum = 0x8000, HasKey = 0x2000, HasSequence = 0x1000, Version = 7;

    /// <summary>RFC 2784 §2.3: what RFC 1701 used these bits for is not spoken here, and such packets must be discarded.</summary>
    private const int Refused = 0x4C00;

    private enum Edge : ushort
    {
        EthernetInput = LinkInput.Edge.EthernetInput,
        BridgeInput = LinkInput.Edge.BridgeInput,
        CrossConnect = LinkInput.Edge.CrossConnect,
        SpanInput = LinkInput.Edge.SpanInput,
        GuardInput = LinkInput.Edge.GuardInput,
        Ip4Input,
        Ip6Input,
        HostPunt,
    }

    private enum Reason : ushort
    {
        TooShort,
        BadHeader,
        BadChecksum,
        NoTunnel,
        UnknownPayload,
        CongestionLost,
        Down,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.IpTunnelDecap,
        [
            (Edge.EthernetInput, NodeNames.EthernetInput),
            (Edge.BridgeInput, NodeNames.BridgeInput),
            (Edge.CrossConnect, NodeNames.CrossConnect),
            (Edge.SpanInput, NodeNames.SpanInput),
            (Edge.GuardInput, NodeNames.GuardInput),
            (Edge.Ip4Input, NodeNames.Ip4Input),
            (Edge.Ip6Input, NodeNames.Ip6Input),
            (Edge.HostPunt, NodeNames.HostPunt),
        ],
        [
            (Reason.TooShort, "The packet is shorter than its GRE header, or carries less than an Ethernet header."),
            (Reason.BadHeader, "The GRE header has a version or flags that are not spoken here."),
            (Reason.BadChecksum, "The GRE checksum is wrong."),
            (Reason.NoTunnel, "No interface has a tunnel with these ends and this key."),
            (Reason.UnknownPayload, "The tunnel carries neither IPv4, IPv6 nor Ethernet."),
            (Reason.CongestionLost, "The outer packet was marked as congested and the ends of the inner one do not understand that."),
            (Reason.Down, "The interface is disabled."),
        ]);

    /// <summary>Whether a packet for the gateway may be one of a tunnel's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsFor(IpTunnelTable tunnels, PacketMeta* meta) =>
        tunnels.Active && meta->Protocol is IpTunnelMaker.Gre or IpTunnelMaker.Ip4InIp or IpTunnelMaker.Ip6InIp && (meta->Flags & PacketFlags.Fragment) == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var before = meta->L4 - meta->Offset;
            var (header, type) = (before, meta->Protocol == IpTunnelMaker.Ip4InIp ? IpTunnelEncap.TypeIp4 : IpTunnelEncap.TypeIp6);
            var flags = 0;
            uint key = 0;
            if (meta->Protocol == IpTunnelMaker.Gre && !ReadGre(ref frame, index, meta, before, out header, out type, out flags, out key)) continue;
            var ip = frame.Data(index);
            var on = InterfaceOf(frame.Tables, meta, ip, type, (flags & HasKey) != 0 ? key : null);
            if (on == 0)
            {
                // The host may have a tunnel of its own.
                if (meta->Vrf == 0 && Volatile.Read(ref frame.Tables.PuntInterface) != 0) frame.Enqueue(Edge.HostPunt, index);
                else frame.Drop(Reason.NoTunnel, index);
                continue;
            }
            if ((flags & HasChecksum) != 0 && Checksum.Fold(Checksum.AddPacket(0, frame.Pool, index, before, (int)meta->TotalLength - before)) != 0)
            {
                frame.Drop(Reason.BadChecksum, index);
                continue;
            }
            var entry = frame.Tables.Interfaces[on];
            if ((InterfaceTable.FlagsOf(entry) & InterfaceFlags.Enabled) == 0)
            {
                frame.Drop(Reason.Down, index);
                continue;
            }
            var outer = ip[0] >> 4 == 4 ? ip[1] : (byte)(Wire.U16(ip) >> 4);
            PacketTrim.Advance(meta, header);
            meta->Flags &= PacketFlags.Traced;
            meta->Sa = 0;
            meta->NextHop = 0;
            if (type == IpTunnelEncap.TypeEthernet) TakeFrame(ref frame, index, meta, on, entry, outer);
            else TakePacket(ref frame, index, meta, on, entry, outer, type);
        }
    }

    private static bool ReadGre(ref Frame frame, uint index, PacketMeta* meta, int before, out int header, out ushort type, out int flags, out uint key)
    {
        var gre = frame.Data(index) + before;
        (header, type, flags, key) = (before + 4, 0, 0, 0);
        if (header > meta->Length)
        {
            frame.Drop(Reason.TooShort, index);
            return false;
        }
        (flags, type) = (Wire.U16(gre), Wire.U16(gre + 2));
        if ((flags & (Refused | Version)) != 0)
        {
            frame.Drop(Reason.BadHeader, index);
            return false;
        }
        if ((flags & HasChecksum) != 0) header += 4;
        var keyAt = header;
        if ((flags & HasKey) != 0) header += 4;
        // RFC 2890 §2.2 leaves it open whether a receiver puts packets into their order.
        if ((flags & HasSequence) != 0) header += 4;
        if (header > meta->Length)
        {
            frame.Drop(Reason.TooShort, index);
            return false;
        }
        if ((flags & HasKey) != 0) key = Wire.U32(gre - before + keyAt);
        if (type is IpTunnelEncap.TypeIp4 or IpTunnelEncap.TypeIp6 or IpTunnelEncap.TypeEthernet) return true;
        frame.Drop(Reason.UnknownPayload, index);
        return false;
    }

    private static uint InterfaceOf(DataplaneTables tables, PacketMeta* meta, byte* ip, ushort type, uint? key)
    {
        var kind = meta->Protocol != IpTunnelMaker.Gre ? IpTunnelKind.Ip : type == IpTunnelEncap.TypeEthernet ? IpTunnelKind.GreEthernet : IpTunnelKind.Gre;
        var tunnel = ip[0] >> 4 == 4
            ? new IpTunnelKey(meta->Vrf, false, 0, Wire.U32(ip + 16), 0, Wire.U32(ip + 12), kind, key)
            : new IpTunnelKey(meta->Vrf, true, Wire.U64(ip + 24), Wire.U64(ip + 32), Wire.U64(ip + 8), Wire.U64(ip + 16), kind, key);
        return tables.IpTunnels.TryFind(tunnel, out var index) ? index : 0;
    }

    private static void TakeFrame(ref Frame frame, uint index, PacketMeta* meta, uint on, InterfaceEntry* entry, byte outer)
    {
        if (meta->Length < EthernetInput.HeaderLength)
        {
            frame.Drop(Reason.TooShort, index);
            return;
        }
        var data = frame.Data(index);
        if (!LeaveEcn(data + EthernetInput.HeaderLength, meta->Length - EthernetInput.HeaderLength, Wire.U16(data + 12), outer))
        {
            frame.Drop(Reason.CongestionLost, index);
            return;
        }
        LinkInput.Receive(ref frame, index, meta, on, entry->Flags);
    }

    private static void TakePacket(ref Frame frame, uint index, PacketMeta* meta, uint on, InterfaceEntry* entry, byte outer, ushort type)
    {
        if (!LeaveEcn(frame.Data(index), meta->Length, type, outer))
        {
            frame.Drop(Reason.CongestionLost, index);
            return;
        }
        meta->RxInterface = on;
        meta->Vrf = entry->Vrf;
        frame.Context.CountReceived(on, meta->TotalLength);
        frame.Enqueue(type == IpTunnelEncap.TypeIp4 ? Edge.Ip4Input : Edge.Ip6Input, index);
    }

    /// <summary>RFC 6040 §4.2: what the outer packet met is told to the inner one; false when it must be dropped for it.</summary>
    private static bool LeaveEcn(byte* ip, int length, int type, byte outer)
    {
        // What cannot be read whole is refused by ip input.
        if (type == IpTunnelEncap.TypeIp4 && length >= Ip4Input.MinHeader)
        {
            var ecn = Ecn.Leave(ip[1], outer);
            if (ecn == Ecn.Drop) return false;
            if (ecn == (ip[1] & 3)) return true;
            Ip4Header.SetTrafficClass(ip, (byte)((ip[1] & 0xFC) | ecn));
        }
        else if (type == IpTunnelEncap.TypeIp6 && length >= Ip6Header.Length)
        {
            var @class = Ip6Header.TrafficClassOf(ip);
            var ecn = Ecn.Leave(@class, outer);
            if (ecn == Ecn.Drop) return false;
            Ip6Header.SetTrafficClass(ip, (byte)((@class & 0xFC) | ecn));
        }
        return true;
    }
}
