using System.Net;
using System.Net.Sockets;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Payloads;

/// <summary>TSi and TSr: the traffic that a CHILD SA should carry, at the initiator's and the responder's end.</summary>
/// <remarks>
/// RFC 7296 §3.13 and §3.13.1:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Number of TSs |                 RESERVED                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                     Traffic Selectors                         ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   TS Type     |IP Protocol ID |       Selector Length         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Start Port          |           End Port            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                       Starting Address                        ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                       Ending Address                          ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public abstract record TrafficSelectorPayload : Payload
{
    private const byte Ipv4AddressRange = 7;
    private const byte Ipv6AddressRange = 8;

    private protected TrafficSelectorPayload(ValueList<TrafficSelector> selectors) => Selectors = selectors;

    /// <summary>Selectors of the types we know; one at least was offered.</summary>
    public ValueList<TrafficSelector> Selectors { get; init; }

    private protected static bool TryParse(ReadOnlySpan<byte> content, out ValueList<TrafficSelector> selectors)
    {
        selectors = default;
        var reader = new IkeReader(content);
        // RFC 7296 §3.13: at least one selector.
        if (!reader.TryReadByte(out var count) || !reader.TrySkip(3) || count == 0) return false;
        var found = new List<TrafficSelector>(count);
        for (var i = 0; i < count; i++)
        {
            if (!TryParseOne(ref reader, out var selector)) return false;
            if (selector is not null) found.Add(selector);
        }

        selectors = found.ToValueList();
        return reader.AtEnd;
    }

    // A selector of an unknown type (Fibre Channel, security labels) is passed over: it can only be narrowed away (RFC 7296 §2.9).
    private static bool TryParseOne(ref IkeReader reader, out TrafficSelector? selector)
    {
        selector = null;
        if (!reader.TryReadByte(out var type) || !reader.TryReadByte(out var protocol) || !reader.TryReadUInt16(out var length)) return false;
        if (!reader.TryReadSub(length - 4, out var body)) return false;
        var size = type switch { Ipv4AddressRange => 4, Ipv6AddressRange => 16, _ => 0 };
        if (size == 0) return true;
        if (!body.TryReadUInt16(out var startPort) || !body.TryReadUInt16(out var endPort)) return false;
        if (!body.TryReadBytes(size, out var start) || !body.TryReadBytes(size, out var end) || !body.AtEnd) return false;
        // RFC 7296 §3.13.1: a range runs upwards; ports 65535 to 0 are OPAQUE and no other pair may run down.
        if (start.SequenceCompareTo(end) > 0) return false;
        if (startPort > endPort && (startPort, endPort) != (ushort.MaxValue, 0)) return false;
        selector = new TrafficSelector(new IPAddress(start), new IPAddress(end), protocol, startPort, endPort);
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte(checked((byte)Selectors.Count));
        writer.WriteZeros(3);
        Span<byte> address = stackalloc byte[16];
        foreach (var selector in Selectors.AsSpan())
        {
            var size = selector.Family == AddressFamily.InterNetwork ? 4 : 16;
            writer.WriteByte(size == 4 ? Ipv4AddressRange : Ipv6AddressRange);
            writer.WriteByte(selector.Protocol);
            writer.WriteUInt16((ushort)(8 + 2 * size));
            writer.WriteUInt16(selector.StartPort);
            writer.WriteUInt16(selector.EndPort);
            selector.Start.TryWriteBytes(address, out _);
            writer.WriteBytes(address[..size]);
            selector.End.TryWriteBytes(address, out _);
            writer.WriteBytes(address[..size]);
        }
    }
}

/// <summary>TSi: the initiator's end.</summary>
public sealed record TrafficSelectorInitiatorPayload(ValueList<TrafficSelector> Selectors) : TrafficSelectorPayload(Selectors)
{
    public override PayloadType Type => PayloadType.TrafficSelectorInitiator;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        var ok = TryParse(content, out ValueList<TrafficSelector> selectors);
        payload = ok ? new TrafficSelectorInitiatorPayload(selectors) : null!;
        return ok;
    }
}

/// <summary>TSr: the responder's end.</summary>
public sealed record TrafficSelectorResponderPayload(ValueList<TrafficSelector> Selectors) : TrafficSelectorPayload(Selectors)
{
    public override PayloadType Type => PayloadType.TrafficSelectorResponder;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        var ok = TryParse(content, out ValueList<TrafficSelector> selectors);
        payload = ok ? new TrafficSelectorResponderPayload(selectors) : null!;
        return ok;
    }
}
