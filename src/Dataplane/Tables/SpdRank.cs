using System.Numerics;
using System.Text;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// The order of the SPD (RFC 4301 §4.4.1: the database is ordered), as strongSwan users know it: policies with an explicit priority come first, lower numbers first;
/// of the others the one with the narrower selectors wins: fewer addresses (of both sides together, in powers of two), then a protocol, then fewer ports,
/// then an explicit policy before a child. What is still equal is ordered by a hash of the name, so that every start gives the same order.
/// </summary>
internal static class SpdRank
{
    public static ulong Of<TAddress>(int priority, SpdAction action, in SpdRange<TAddress> local, in SpdRange<TAddress> remote)
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        var explicitly = priority > 0 ? (uint)priority : uint.MaxValue;
        var addresses = (uint)(Bits(local.End - local.Start) + Bits(remote.End - remote.Start));
        var anyProtocol = local.Protocol == 0 && remote.Protocol == 0 ? 1u : 0;
        var ports = PortBits(local.FirstPort, local.LastPort) + PortBits(remote.FirstPort, remote.LastPort);
        var child = action == SpdAction.Protect ? 1u : 0;
        return (ulong)explicitly << 32 | addresses << 17 | anyProtocol << 16 | ports << 8 | child;
    }

    /// <summary>FNV-1a of the text.</summary>
    public static ulong OrderOf(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var octet in Encoding.UTF8.GetBytes(text)) hash = (hash ^ octet) * 1099511628211;
        return hash;
    }

    private static int Bits<TAddress>(TAddress span)
        where TAddress : unmanaged, IBinaryInteger<TAddress> => span.GetShortestBitLength();

    private static uint PortBits(ushort first, ushort last) => first > last ? 0 : 32u - (uint)BitOperations.LeadingZeroCount((uint)(last - first));
}
