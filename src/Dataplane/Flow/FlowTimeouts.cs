namespace Gateway.Dataplane.Flow;

/// <summary>How long a flow may be idle in each state, seconds. Names and values are those of Linux's nf_conntrack.</summary>
public sealed record FlowTimeouts
{
    public int TcpSynSent { get; init; } = 120;

    public int TcpSynRecv { get; init; } = 60;

    public int TcpEstablished { get; init; } = 432_000;

    /// <summary>Of a connection met in its middle, until both directions were seen.</summary>
    public int TcpUnacknowledged { get; init; } = 300;

    public int TcpFinWait { get; init; } = 120;

    public int TcpCloseWait { get; init; } = 60;

    public int TcpLastAck { get; init; } = 30;

    public int TcpTimeWait { get; init; } = 120;

    public int TcpClose { get; init; } = 10;

    public int Udp { get; init; } = 30;

    public int UdpStream { get; init; } = 120;

    public int Icmp { get; init; } = 30;

    public int Generic { get; init; } = 600;

    /// <summary>By state.</summary>
    internal uint[] ByState() =>
    [
        (uint)TcpSynSent, (uint)TcpSynSent, (uint)TcpSynRecv, (uint)TcpEstablished, (uint)TcpUnacknowledged, (uint)TcpFinWait, (uint)TcpCloseWait, (uint)TcpLastAck, (uint)TcpTimeWait, (uint)TcpClose,
        (uint)Udp, (uint)UdpStream, (uint)Icmp, (uint)Generic, (uint)Generic,
    ];
}
