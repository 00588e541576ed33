using System.Net;
using Gateway.Dataplane.Graph;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>How notices about SAs lie in the fields of <see cref="Notice"/>.</summary>
internal static class SaNotice
{
    /// <summary>Source in Address, destination in A and B, ports and protocol in C, the policy in D.</summary>
    public static Notice Acquire(uint policy, bool v6, UInt128 source, UInt128 destination, byte protocol, ushort sourcePort, ushort destinationPort) => new()
    {
        Kind = NoticeKind.Acquire,
        V6 = v6,
        AddressHigh = (ulong)(source >> 64),
        AddressLow = (ulong)source,
        A = (ulong)(destination >> 64),
        B = (ulong)destination,
        C = (ulong)protocol << 32 | (ulong)sourcePort << 16 | destinationPort,
        D = policy,
    };

    /// <summary>The SA in A, the limit in B, the direction in C.</summary>
    public static Notice Limit(ulong sa, SaLimit limit, bool outbound) => new() { Kind = NoticeKind.SaLimit, A = sa, B = (ulong)limit, C = outbound ? 1u : 0 };

    /// <summary>The SA in A, the endpoint in Address and B.</summary>
    public static Notice Endpoint(ulong sa, bool v6, UInt128 remote, ushort port) => new()
    {
        Kind = NoticeKind.SaEndpointChanged,
        V6 = v6,
        AddressHigh = (ulong)(remote >> 64),
        AddressLow = (ulong)remote,
        A = sa,
        B = port,
    };

    public static AcquireNotice DecodeAcquire(in Notice notice, ConnectionName connection, ChildName child) => new(
        connection, child, Selectors.ToAddress(notice.V6, notice.AddressHigh, notice.AddressLow), Selectors.ToAddress(notice.V6, notice.A, notice.B),
        (byte)(notice.C >> 32), (ushort)(notice.C >> 16), (ushort)notice.C);

    public static SaLimitNotice DecodeLimit(in Notice notice) => new(new ChildSaId(notice.A), (SaLimit)notice.B, notice.C != 0);

    public static SaEndpointNotice DecodeEndpoint(in Notice notice) =>
        new(new ChildSaId(notice.A), new IPEndPoint(Selectors.ToAddress(notice.V6, notice.AddressHigh, notice.AddressLow), (int)notice.B));
}
