using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Gateway.Dataplane.Explain;

/// <summary>The packet that somebody asks about.</summary>
public sealed record ProbeFlow
{
    /// <summary>Octets of a TCP segment without options and data behind its IP header.</summary>
    public const int Largest = 9000;

    public required IPAddress Source { get; init; }

    /// <summary>Of the family of <see cref="Source"/>.</summary>
    public required IPAddress Destination { get; init; }

    /// <summary>IP protocol number.</summary>
    public required byte Protocol { get; init; }

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }

    /// <summary>Of ICMP and ICMPv6; an echo request by default.</summary>
    public byte? IcmpType { get; init; }

    public byte IcmpCode { get; init; }

    /// <summary>Identifier of an ICMP query.</summary>
    public ushort IcmpId { get; init; } = 1;

    /// <summary>Of TCP; SYN.</summary>
    public byte TcpFlags { get; init; } = 2;

    /// <summary>SPI of ESP.</summary>
    public uint Spi { get; init; } = 1;

    /// <summary>Octets of the IP packet; null the least that the protocol needs.</summary>
    public int? Size { get; init; }

    /// <summary>IPv4: it must not be fragmented.</summary>
    public bool DontFragment { get; init; }

    public byte Ttl { get; init; } = 64;

    /// <summary>DSCP and ECN.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>Source of the frame; null a made-up station.</summary>
    public PhysicalAddress? FromMac { get; init; }

    /// <summary>Destination of the frame; null the interface's own.</summary>
    public PhysicalAddress? ToMac { get; init; }

    public bool IsV6 => Source.AddressFamily == AddressFamily.InterNetworkV6;

    public bool HasPorts => Protocol is 6 or 17 or 33 or 132 or 136;

    public bool IsIcmp => Protocol is 1 or 58;

    /// <summary>The packet that the other end answers with; null when there is no such thing.</summary>
    public ProbeFlow? Answer() => this switch
    {
        { IsIcmp: true, IcmpType: { } type } when EchoReply(type) is { } reply => Turned() with { IcmpType = reply },
        { IsIcmp: true } => null,
        // RFC 9293 §3.5: a SYN is answered with SYN and ACK, anything else with an ACK.
        { Protocol: 6 } => Turned() with { TcpFlags = (byte)((TcpFlags & 0x3F) == 2 ? 0x12 : 0x10) },
        _ => Turned(),
    };

    private static byte? EchoReply(byte type) => type switch
    {
        8 => 0,
        13 => 14,
        15 => 16,
        17 => 18,
        128 => 129,
        _ => null,
    };

    private ProbeFlow Turned() => this with
    {
        Source = Destination,
        Destination = Source,
        SourcePort = DestinationPort,
        DestinationPort = SourcePort,
        FromMac = null,
        ToMac = null,
        Ttl = 64,
    };
}
