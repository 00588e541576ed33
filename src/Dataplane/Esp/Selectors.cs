using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using Gateway.Dataplane.Tables;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>Traffic selectors from the records of the control side into native ranges.</summary>
internal static class Selectors
{
    /// <summary>What an empty list means.</summary>
    public static ValueList<TrafficSelector> Any { get; } = [TrafficSelector.OfPrefix(IPAddress.Any, 0), TrafficSelector.OfPrefix(IPAddress.IPv6Any, 0)];

    public static ValueList<TrafficSelector> OrAny(ValueList<TrafficSelector> selectors) => selectors.Count == 0 ? Any : selectors;

    public static SpdRange<TAddress> ToRange<TAddress>(TrafficSelector selector)
        where TAddress : unmanaged, IBinaryInteger<TAddress> => new()
        {
            Start = ToNumber<TAddress>(selector.Start),
            End = ToNumber<TAddress>(selector.End),
            Protocol = selector.Protocol,
            FirstPort = selector.StartPort,
            LastPort = selector.EndPort,
        };

    public static SpdRange<TAddress>[] ToRanges<TAddress>(ValueList<TrafficSelector> selectors, AddressFamily family)
        where TAddress : unmanaged, IBinaryInteger<TAddress> => [.. selectors.Where(s => s.Family == family).Select(ToRange<TAddress>)];

    public static TAddress ToNumber<TAddress>(IPAddress address)
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return TAddress.ReadBigEndian(bytes[..length], isUnsigned: true);
    }

    public static IPAddress ToAddress(bool v6, ulong high, ulong low)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, high);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], low);
        return new IPAddress(v6 ? bytes : bytes[12..]);
    }
}
