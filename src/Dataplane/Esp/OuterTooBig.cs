using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// Reads what routers say of outer packets that were too big for them (RFC 1191, RFC 8201, RFC 4301 §8.2.2). Anybody can write such a message, so it counts
/// only when the packet that it quotes is one that a living SA sent lately; the control side looks at that (<see cref="SaControl"/>).
/// </summary>
internal static unsafe class OuterTooBig
{
    private const int Ip4Header = 20, Ip6Header = 40, IcmpHeader = 8, UdpHeader = 8, EspHeader = 8;
    private const byte Unreachable4 = 3, FragmentationNeeded4 = 4, PacketTooBig6 = 2, Udp = 17, Esp = 50;

    /// <summary>RFC 1191 §7: what old routers leave out is guessed from the sizes of links there are.</summary>
    private static ReadOnlySpan<ushort> Plateaus => [32000, 17914, 8166, 4352, 2002, 1492, 1006, 576];

    /// <summary>Takes an ICMP message that is about an ESP packet of ours; false when it is about something else.</summary>
    /// <param name="icmp">Its header; <paramref name="length"/> bytes lie in one piece.</param>
    public static bool TryTake(ref Frame frame, byte* icmp, int length, bool v6)
    {
        if (!IsTooBig(icmp, v6)) return false;
        var ip = icmp + IcmpHeader;
        length -= IcmpHeader;
        if (length < (v6 ? Ip6Header : Ip4Header) || ip[0] >> 4 != (v6 ? 6 : 4)) return false;
        var header = v6 ? Ip6Header : (ip[0] & 15) * 4;
        var protocol = v6 ? ip[6] : ip[9];
        var at = protocol == Udp ? header + UdpHeader : header;
        // RFC 792: eight bytes behind the IP header are sure; behind UDP the SPI lies further, and today's routers quote more.
        if (protocol is not (Udp or Esp) || header < Ip4Header || length < at + EspHeader) return false;
        if (protocol == Udp && Wire.U32(ip + at) == 0) return false;

        if (!frame.Context.TooBigMessages.Take(frame.Now)) return true;
        frame.Context.Notices.TryPush(new Notice
        {
            Kind = NoticeKind.OuterTooBig,
            V6 = v6,
            AddressHigh = v6 ? Wire.U64(ip + 24) : 0,
            AddressLow = v6 ? Wire.U64(ip + 32) : Wire.U32(ip + 16),
            A = Wire.U32(ip + at),
            B = Wire.U32(ip + at + 4),
            C = MtuOf(icmp, v6),
        });
        return true;
    }

    /// <summary>Whether an ICMP message says that a packet was too big.</summary>
    public static bool IsTooBig(byte* icmp, bool v6) => v6 ? icmp[0] == PacketTooBig6 : icmp[0] == Unreachable4 && icmp[1] == FragmentationNeeded4;

    /// <summary>The size that it asks for.</summary>
    public static uint MtuOf(byte* icmp, bool v6)
    {
        var mtu = v6 ? Wire.U32(icmp + 4) : Wire.U16(icmp + 6);
        return mtu != 0 ? mtu : Below(Wire.U16(icmp + IcmpHeader + 2));
    }

    private static uint Below(int size)
    {
        foreach (var plateau in Plateaus)
            if (plateau < size) return plateau;
        return Plateaus[^1];
    }
}
