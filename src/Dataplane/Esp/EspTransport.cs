using System.Runtime.CompilerServices;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// Transport mode (RFC 4303 §3.1.1): ESP stands between the packet's own IP header and what followed it.
/// <code>
///  before | IP header, hop-by-hop, routing |                  rest |
///  after  | IP header, hop-by-hop, routing | UDP? | ESP | IV | rest, padding, trailer | ICV |
/// </code>
/// </summary>
internal static unsafe class EspTransport
{
    private const int Ip4Header = 20, Ip6Header = 40;
    private const byte Tcp = 6, Udp = 17, HopByHop = 0, Routing = 43, FragmentHeader = 44;

    /// <summary>Bytes of the headers that stay in front, and where the last of them names what follows. 0 for a fragment (RFC 4303 §3.3.4) and for headers past the packet.</summary>
    public static int HeaderOf(byte* ip, int length, out int next)
    {
        next = 9;
        if (ip[0] >> 4 == 4)
        {
            var header = (ip[0] & 15) * 4;
            return (Wire.U16(ip + 6) & 0x3FFF) != 0 || header < Ip4Header || header > length ? 0 : header;
        }

        next = 6;
        var at = Ip6Header;
        while (ip[next] is HopByHop or Routing)
        {
            if (at + 8 > length) return 0;
            next = at;
            at += (ip[at + 1] + 1) * 8;
        }
        return at > length || ip[next] == FragmentHeader ? 0 : at;
    }

    /// <summary>Names what follows the header, and gives the packet its length and an IPv4 header its checksum.</summary>
    public static void Finish(byte* ip, int header, int next, byte protocol, int total)
    {
        ip[next] = protocol;
        if (ip[0] >> 4 == 6)
        {
            Wire.Put16(ip + 4, total - Ip6Header);
            return;
        }
        Wire.Put16(ip + 2, total);
        Wire.Put16(ip + 10, 0);
        Unsafe.WriteUnaligned(ip + 10, Checksum.Fold(Checksum.Add(0, ip, header)));
    }

    /// <summary>
    /// Opens the plaintext: trailer, the packet as it was, selectors. The header in front of ESP moves to the text, over what ESP took.
    /// </summary>
    /// <param name="outer">The IP header of the ESP packet.</param>
    /// <param name="encapsulated">It came in UDP: a translator may have changed the addresses that TCP's and UDP's checksums cover.</param>
    /// <param name="inner">Length of the packet.</param>
    public static EspPayloadKind Open(SaEntry* sa, byte* outer, byte* text, int length, bool encapsulated, out byte* start, out int inner)
    {
        start = text;
        inner = 0;
        var room = EspPayload.TextOf(text, length);
        if (room < 0) return EspPayloadKind.BadPadding;
        var protocol = text[length - 1];
        // RFC 4303 §2.6: a dummy packet is discarded without prejudice.
        if (protocol == EspPayload.NextNone) return EspPayloadKind.Dummy;
        var header = HeaderOf(outer, (int)(text - outer), out var next);
        if (header == 0) return EspPayloadKind.BadInnerPacket;

        start = text - header;
        Buffer.MemoryCopy(outer, start, header, header);
        inner = header + room;
        Finish(start, header, next, protocol, inner);
        if (encapsulated) Mend(start, header, protocol, room);
        var v6 = start[0] >> 4 == 6;
        if (!(v6 ? EspPayload.Lies6(sa, start, inner) : EspPayload.Lies4(sa, start, inner))) return EspPayloadKind.OutsideSelectors;
        return v6 ? EspPayloadKind.Ip6 : EspPayloadKind.Ip4;
    }

    // RFC 3948 §3.1.2: the packet is authentic, so its checksum is made anew for the addresses that it has now.
    private static void Mend(byte* ip, int header, byte protocol, int length)
    {
        var (field, least) = protocol switch { Tcp => (16, 20), Udp => (6, 8), _ => (0, int.MaxValue) };
        if (length < least) return;
        var upper = ip + header;
        var v6 = ip[0] >> 4 == 6;
        // RFC 768: over IPv4, none was and none need be.
        if (protocol == Udp && !v6 && Wire.U16(upper + field) == 0) return;
        Wire.Put16(upper + field, 0);
        var pseudo = v6 ? Checksum.Pseudo6(ip + 8, protocol, length) : Checksum.Pseudo4(ip + 12, protocol, length);
        var sum = Checksum.Fold(Checksum.Add(pseudo, upper, length));
        Unsafe.WriteUnaligned(upper + field, sum == 0 && protocol == Udp ? ushort.MaxValue : sum);
    }
}
