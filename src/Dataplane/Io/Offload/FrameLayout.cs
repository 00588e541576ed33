using System.Buffers.Binary;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>Where the headers of an Ethernet frame lie, for frames of TCP or UDP over IP with any VLAN tags and IPv6 extension headers.</summary>
internal readonly record struct FrameLayout(bool IsIpv6, int L3, int L4, byte Protocol)
{
    public const int EthernetLength = 14;
    public const byte Tcp = 6;
    public const byte Udp = 17;

    private const int _maxTags = 3;
    private const int _maxExtensionHeaders = 8;

    /// <summary>False when the frame is cut short or holds something else, fragments included.</summary>
    public static unsafe bool TryRead(byte* frame, int length, out FrameLayout layout)
    {
        layout = default;
        if (length < EthernetLength) return false;
        int at = 12;
        ushort type = Be16(frame + at);
        for (int tags = 0; type is 0x8100 or 0x88A8; tags++)
        {
            at += 4;
            if (tags == _maxTags || at + 2 > length) return false;
            type = Be16(frame + at);
        }

        at += 2;
        return type switch
        {
            0x0800 => TryReadIpv4(frame, length, at, out layout),
            0x86DD => TryReadIpv6(frame, length, at, out layout),
            _ => false,
        };
    }

    private static unsafe bool TryReadIpv4(byte* frame, int length, int l3, out FrameLayout layout)
    {
        layout = default;
        if (l3 + 20 > length) return false;
        byte* ip = frame + l3;
        int header = (ip[0] & 0xF) * 4;
        if (ip[0] >> 4 != 4 || header < 20 || l3 + header > length) return false;
        if ((Be16(ip + 6) & 0x3FFF) != 0) return false;
        layout = new(false, l3, l3 + header, ip[9]);
        return true;
    }

    private static unsafe bool TryReadIpv6(byte* frame, int length, int l3, out FrameLayout layout)
    {
        layout = default;
        if (l3 + 40 > length || frame[l3] >> 4 != 6) return false;
        byte next = frame[l3 + 6];
        int at = l3 + 40;

        // RFC 8200 §4: hop-by-hop options, routing and destination options share one shape; a fragment header ends the search.
        for (int headers = 0; next is 0 or 43 or 60; headers++)
        {
            if (headers == _maxExtensionHeaders || at + 8 > length) return false;
            next = frame[at];
            at += (frame[at + 1] + 1) * 8;
        }

        if (next == 44 || at > length) return false;
        layout = new(true, l3, at, next);
        return true;
    }

    private static unsafe ushort Be16(byte* at) => BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(at, 2));
}
