using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Nodes;

/// <summary>Walks the extension headers of an IPv6 packet (RFC 8200 §4) to the first one that says what the packet is about.</summary>
internal static unsafe class Ip6Extensions
{
    /// <summary>More headers than this are an attack (RFC 8200 §4.1 names each at most once, destination options twice).</summary>
    private const int MaxHeaders = 8;

    public enum Result
    {
        Ok,
        Bad,
        TooMany,
        RoutingHeader0,
    }

    /// <summary>Sets L4, protocol and the fragment flags. Headers must lie in the first chunk.</summary>
    public static Result Walk(PacketMeta* meta, byte* ip)
    {
        var next = ip[6];
        var at = Ip6Header.Length;
        for (var count = 0; ; count++)
        {
            switch (next)
            {
                // Hop-by-hop comes first only (§4.3); destination options; routing.
                case 0 or 60 or 43:
                    if (count == MaxHeaders) return Result.TooMany;
                    if ((next == 0 && count > 0) || at + 8 > meta->Length) return Result.Bad;
                    // RFC 5095: type 0 is gone.
                    if (next == 43 && ip[at + 2] == 0 && ip[at + 3] > 0) return Result.RoutingHeader0;
                    next = ip[at];
                    at += (ip[at + 1] + 1) * 8;
                    if (at > meta->Length) return Result.Bad;
                    meta->Flags |= PacketFlags.Options;
                    continue;
                case 44:
                    if (count == MaxHeaders) return Result.TooMany;
                    if (at + 8 > meta->Length || (meta->Flags & PacketFlags.Fragment) != 0) return Result.Bad;
                    next = ip[at];
                    // RFC 6946: an atomic fragment is a whole packet, yet walks like a fragment to those who reassemble.
                    meta->Flags |= PacketFlags.Fragment;
                    if ((Wire.U16(ip + at + 2) & 0xFFF8) != 0)
                    {
                        meta->Flags |= PacketFlags.LaterFragment;
                        meta->L4 = (ushort)(meta->Offset + at + 8);
                        meta->Protocol = next;
                        return Result.Ok;
                    }
                    at += 8;
                    continue;
                default:
                    meta->L4 = (ushort)(meta->Offset + at);
                    meta->Protocol = next;
                    return Result.Ok;
            }
        }
    }

    /// <summary>Finds layer 4 in what an error quotes of a packet: the header may be cut off anywhere. False where there is none, as in a later fragment.</summary>
    public static bool TryFindLayer4(byte* ip, int length, out byte protocol, out int at)
    {
        protocol = ip[6];
        at = Ip6Header.Length;
        for (var count = 0; protocol is 0 or 43 or 44 or 60; count++)
        {
            if (count == MaxHeaders || at + 8 > length) return false;
            var isFragment = protocol == 44;
            if (isFragment && (Wire.U16(ip + at + 2) & 0xFFF8) != 0) return false;
            protocol = ip[at];
            at += isFragment ? 8 : (ip[at + 1] + 1) * 8;
        }
        return at <= length;
    }

    /// <summary>Where the fragment header lies, from the IPv6 header on, and the header that points to it; 0 when there is none. Only after <see cref="Walk"/> said Ok.</summary>
    public static int FindFragment(byte* ip, int length, out int pointer)
    {
        pointer = 6;
        for (var at = Ip6Header.Length; at + 8 <= length;)
        {
            var next = ip[pointer];
            if (next == 44) return at;
            if (next is not (0 or 60 or 43)) return 0;
            pointer = at;
            at += (ip[at + 1] + 1) * 8;
        }
        return 0;
    }
}
