using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Reads what routers, or the gateway itself, say of the outer packets of a tunnel that were too big (RFC 2003 §5.1, RFC 2473 §8.1). Anybody can write such a message, so it must name both ends, the
/// kind and the key of a tunnel that there is, few are taken in a second, and the control side keeps a floor and forgets after a while.
/// </summary>
internal static unsafe class IpTunnelTooBig
{
    private const int Icmp = 8;

    /// <summary>Takes an ICMP message about a tunnel of ours; false when it is about something else.</summary>
    /// <param name="icmp">Its header; <paramref name="length"/> bytes lie in one piece.</param>
    public static bool TryTake(ref Frame frame, PacketMeta* meta, byte* icmp, int length, bool v6)
    {
        if (!frame.Tables.IpTunnels.Active || !OuterTooBig.IsTooBig(icmp, v6)) return false;
        var ip = icmp + Icmp;
        length -= Icmp;
        var header = v6 ? Ip6Header.Length : Ip4Input.MinHeader;
        // RFC 792: eight bytes behind the IP header are sure. Outer packets are the gateway's own and have no options.
        if (length < header + 8 || (v6 ? ip[0] >> 4 != 6 : ip[0] != 0x45)) return false;
        var protocol = v6 ? ip[6] : ip[9];
        IpTunnelKind kind;
        uint? key = null;
        if (protocol is IpTunnelMaker.Ip4InIp or IpTunnelMaker.Ip6InIp)
        {
            kind = IpTunnelKind.Ip;
        }
        else if (protocol == IpTunnelMaker.Gre)
        {
            kind = Wire.U16(ip + header + 2) == IpTunnelEncap.TypeEthernet ? IpTunnelKind.GreEthernet : IpTunnelKind.Gre;
            if ((ip[header] & 0x20) != 0) key = Wire.U32(ip + header + 4);
        }
        else
        {
            return false;
        }
        var tunnel = v6
            ? new IpTunnelKey(meta->Vrf, true, Wire.U64(ip + 8), Wire.U64(ip + 16), Wire.U64(ip + 24), Wire.U64(ip + 32), kind, key)
            : new IpTunnelKey(meta->Vrf, false, 0, Wire.U32(ip + 12), 0, Wire.U32(ip + 16), kind, key);
        if (!frame.Tables.IpTunnels.TryFind(tunnel, out var on)) return false;
        if (!frame.Context.TooBigMessages.Take(frame.Now)) return true;
        frame.Context.Notices.TryPush(new Notice { Kind = NoticeKind.TunnelTooBig, Interface = on, C = OuterTooBig.MtuOf(icmp, v6) });
        return true;
    }
}
