using System.Numerics;
using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Tables;

/// <summary>What of a packet the security policy looks at (RFC 4301 §4.4.1.1), in host order; local is the source of an outbound and the destination of an inbound packet.</summary>
/// <typeparam name="TAddress"><see cref="uint"/> for IPv4, <see cref="UInt128"/> for IPv6.</typeparam>
internal struct SpdKey<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    public TAddress Local;
    public TAddress Remote;

    /// <summary>With ICMP both ports hold the type in the high and the code in the low octet.</summary>
    public ushort LocalPort;
    public ushort RemotePort;
    public byte Protocol;

    /// <summary>False for later fragments and for protocols without ports: only selectors of any port or OPAQUE take them.</summary>
    public bool HasPorts;
}

/// <summary>One side of a selector: an inclusive range of addresses, a protocol (0 any), an inclusive range of ports.</summary>
internal struct SpdRange<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    public TAddress Start;
    public TAddress End;
    public ushort FirstPort;
    public ushort LastPort;
    public byte Protocol;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Contains(TAddress address, ushort port, byte protocol, bool hasPorts)
    {
        if (address < Start || address > End) return false;
        if (Protocol != 0 && Protocol != protocol) return false;
        if (FirstPort == 0 && LastPort == ushort.MaxValue) return true;
        // RFC 4301 §4.4.1.1: OPAQUE (first 65535, last 0) takes exactly the packets whose port cannot be seen.
        return hasPorts ? port >= FirstPort && port <= LastPort : FirstPort > LastPort;
    }
}
