using System.Runtime.CompilerServices;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>What an authentic ESP payload turned out to be.</summary>
internal enum EspPayloadKind
{
    Ip4,
    Ip6,
    Dummy,
    BadPadding,
    BadNextHeader,
    BadInnerPacket,
    CongestionUntellable,
    OutsideSelectors,
}

/// <summary>
/// Opens the plaintext of a tunnel-mode ESP packet: trailer, inner header, congestion mark, selectors.
/// <code>
///  | IP packet (or dummy) | TFC padding | padding 1 2 3 … | pad length | next header |      RFC 4303 §2
/// </code>
/// </summary>
internal static unsafe class EspPayload
{
    /// <summary>Next header values (RFC 4303 §2.6).</summary>
    public const byte NextIp4 = 4, NextIp6 = 41, NextNone = 59;

    private const int Ip4Header = 20, Ip6Header = 40, TrailerLength = 2;

    /// <summary>Longest chain of IPv6 extension headers that is followed to find the ports.</summary>
    private const int MaxExtensions = 8;

    /// <param name="outerClass">Traffic class of the outer header.</param>
    /// <param name="inner">Length of the inner IP packet, at the start of the text.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static EspPayloadKind Open(SaEntry* sa, byte* text, int length, int outerClass, out int inner)
    {
        inner = 0;
        var room = TextOf(text, length);
        if (room < 0) return EspPayloadKind.BadPadding;

        switch (text[length - 1])
        {
            case NextIp4:
                if (room < Ip4Header || text[0] >> 4 != 4) return EspPayloadKind.BadInnerPacket;
                // RFC 4303 §2.7: what lies behind the inner packet's own length is TFC padding.
                inner = Wire.U16(text + 2);
                if (inner > room || (text[0] & 15) * 4 is var header && (header < Ip4Header || header > inner)) return EspPayloadKind.BadInnerPacket;
                if (!Lies4(sa, text, inner)) return EspPayloadKind.OutsideSelectors;
                return IsUnmarked(sa, outerClass) || Mark4(sa, text, outerClass) ? EspPayloadKind.Ip4 : EspPayloadKind.CongestionUntellable;
            case NextIp6:
                if (room < Ip6Header || text[0] >> 4 != 6) return EspPayloadKind.BadInnerPacket;
                inner = Ip6Header + Wire.U16(text + 4);
                if (inner > room) return EspPayloadKind.BadInnerPacket;
                if (!Lies6(sa, text, inner)) return EspPayloadKind.OutsideSelectors;
                return IsUnmarked(sa, outerClass) || Mark6(sa, text, outerClass) ? EspPayloadKind.Ip6 : EspPayloadKind.CongestionUntellable;
            case NextNone:
                // RFC 4303 §2.6: a dummy packet is discarded without prejudice.
                return EspPayloadKind.Dummy;
            default:
                return EspPayloadKind.BadNextHeader;
        }
    }

    /// <summary>Bytes before the padding; negative when the padding is not as it must be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TextOf(byte* text, int length)
    {
        if (length < TrailerLength) return -1;
        int padding = text[length - 2];
        var room = length - TrailerLength - padding;
        if (room < 0) return -1;
        // RFC 4303 §2.4: a receiver should inspect the padding, which counts 1, 2, 3 …
        for (var i = 0; i < padding; i++)
            if (text[room + i] != (byte)(i + 1)) return -1;
        return room;
    }

    // RFC 4301 §5.2 step 4: the packet must match the selectors of the SA it came by.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Lies4(SaEntry* sa, byte* ip, int length)
    {
        var selectors = sa->In.Selectors4;
        if (selectors == null) return false;
        SpdKey<uint> key = default;
        key.Local = Wire.U32(ip + 16);
        key.Remote = Wire.U32(ip + 12);
        if (selectors->AddressesOnly) return selectors->Contains(key);
        var header = (ip[0] & 15) * 4;
        key.Protocol = ip[9];
        key.HasPorts = (Wire.U16(ip + 6) & 0x1FFF) == 0
            && PolicyPorts.TryRead(key.Protocol, ip + header, length - header, out key.RemotePort, out key.LocalPort);
        return selectors->Contains(key);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Lies6(SaEntry* sa, byte* ip, int length)
    {
        var selectors = sa->In.Selectors6;
        if (selectors == null) return false;
        SpdKey<UInt128> key = default;
        key.Local = new UInt128(Wire.U64(ip + 24), Wire.U64(ip + 32));
        key.Remote = new UInt128(Wire.U64(ip + 8), Wire.U64(ip + 16));
        if (!selectors->AddressesOnly) FindPorts6(ip, length, ref key);
        return selectors->Contains(key);
    }

    /// <summary>Follows IPv6 extension headers to the upper layer (RFC 8200 §4); what it cannot follow has no ports.</summary>
    private static void FindPorts6(byte* ip, int length, ref SpdKey<UInt128> key)
    {
        var (next, at) = (ip[6], Ip6Header);
        for (var i = 0; i < MaxExtensions; i++)
        {
            key.Protocol = next;
            if (next is not (0 or 43 or 44 or 51 or 60))
            {
                key.HasPorts = PolicyPorts.TryRead(next, ip + at, length - at, out key.RemotePort, out key.LocalPort);
                return;
            }
            if (at + 8 > length) return;
            var extension = ip + at;
            // RFC 8200 §4.5: only the first fragment shows the upper layer.
            if (next == 44 && (Wire.U16(extension + 2) & 0xFFF8) != 0)
            {
                key.Protocol = extension[0];
                return;
            }
            // The fragment header has 8 bytes; the authentication header counts in units of 4 bytes (RFC 4302 §2.2), the others of 8.
            at += next switch { 44 => 8, 51 => (extension[1] + 2) * 4, _ => (extension[1] + 1) * 8 };
            next = extension[0];
        }
    }

    /// <summary>Most packets: nothing of the outer traffic class concerns the inner one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsUnmarked(SaEntry* sa, int outerClass) => (outerClass & 3) == Ecn.NotEct && (sa->Flags & SaFlags.CopyDscpIn) == 0;

    // RFC 6040 §4.2 in normal mode; RFC 4301 §5.1.2.1 leaves the DSCP as it is inside, unless the SA says otherwise (RFC 2983 §3, pipe and uniform model).
    private static int Leave(SaEntry* sa, int innerClass, int outerClass)
    {
        var mark = (sa->Flags & SaFlags.CopyEcn) == 0 ? innerClass & 3 : Ecn.Leave(innerClass, outerClass);
        return mark == Ecn.Drop ? -1 : ((sa->Flags & SaFlags.CopyDscpIn) == 0 ? innerClass : outerClass) & 0xFC | mark;
    }

    private static bool Mark4(SaEntry* sa, byte* ip, int outerClass)
    {
        var left = Leave(sa, ip[1], outerClass);
        if (left < 0) return false;
        if (left == ip[1]) return true;
        Nodes.Ip4Header.SetTrafficClass(ip, (byte)left);
        return true;
    }

    private static bool Mark6(SaEntry* sa, byte* ip, int outerClass)
    {
        var left = Leave(sa, Nodes.Ip6Header.TrafficClassOf(ip), outerClass);
        if (left < 0) return false;
        Nodes.Ip6Header.SetTrafficClass(ip, (byte)left);
        return true;
    }
}
