using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Graph;

/// <summary>One end of the packets that are to be traced.</summary>
/// <param name="Network">Null any address.</param>
/// <param name="Port">Null any port.</param>
public readonly record struct TraceEnd(IPNetwork? Network, ushort? Port);

/// <summary>Which of the received packets are to be traced: those between two ends, either way, as they come in from the wire. Asked only while the trace is on.</summary>
public sealed unsafe class TraceFilter
{
    private readonly byte? _protocol;
    private readonly (End A, End B) _ends;

    private readonly record struct End(bool Any, bool V6, ulong High, ulong Low, ulong MaskHigh, ulong MaskLow, ushort? Port)
    {
        public static End Of(TraceEnd end)
        {
            if (end.Network is not { } network) return new End(true, false, 0, 0, 0, 0, end.Port);
            var words = AddressWords.From(network.BaseAddress);
            var (high, low) = words.V6 ? (Fib6.MaskHigh(network.PrefixLength), Fib6.MaskLow(network.PrefixLength)) : (0ul, Fib4.Mask(network.PrefixLength));
            return new End(false, words.V6, words.High & high, words.Low & low, high, low, end.Port);
        }

        public bool Holds(bool v6, ulong high, ulong low, int port) =>
            (Any || (V6 == v6 && (high & MaskHigh) == High && (low & MaskLow) == Low)) && (Port is not { } wanted || port == wanted);
    }

    /// <param name="protocol">IP protocol number; null any.</param>
    public TraceFilter(byte? protocol, TraceEnd a, TraceEnd b) => (_protocol, _ends) = (protocol, (End.Of(a), End.Of(b)));

    /// <summary>Whether a frame is of the flow. Tags are looked through; extension headers of IPv6 are not.</summary>
    internal bool Matches(byte* frame, int length)
    {
        var at = 14;
        if (length < at) return false;
        var type = Wire.U16(frame + 12);
        for (var tags = 0; tags < 2 && type is VlanTag.Dot1q or VlanTag.Dot1ad && length >= at + 4; tags++, at += 4) type = Wire.U16(frame + at + 2);
        var ip = frame + at;
        length -= at;
        return type switch
        {
            0x0800 when length >= 20 => Matches(false, ip[9], 0, Wire.U32(ip + 12), 0, Wire.U32(ip + 16), (Wire.U16(ip + 6) & 0x1FFF) == 0 ? ip + (ip[0] & 15) * 4 : null, length - (ip[0] & 15) * 4),
            0x86DD when length >= 40 => Matches(true, ip[6], Wire.U64(ip + 8), Wire.U64(ip + 16), Wire.U64(ip + 24), Wire.U64(ip + 32), ip + 40, length - 40),
            _ => false,
        };
    }

    private bool Matches(bool v6, byte protocol, ulong sourceHigh, ulong sourceLow, ulong toHigh, ulong toLow, byte* l4, int length)
    {
        if (_protocol is { } wanted && wanted != protocol) return false;
        var (from, to) = (-1, -1);
        if (l4 != null && length >= 4 && protocol is 6 or 17 or 33 or 132 or 136) (from, to) = (Wire.U16(l4), Wire.U16(l4 + 2));
        return (_ends.A.Holds(v6, sourceHigh, sourceLow, from) && _ends.B.Holds(v6, toHigh, toLow, to))
            || (_ends.A.Holds(v6, toHigh, toLow, to) && _ends.B.Holds(v6, sourceHigh, sourceLow, from));
    }
}
