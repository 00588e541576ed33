using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>
/// How flows are tracked (<c>conntrack</c>), one item at most: <c>{"tcp_timeout_established":"2h","always_on":["wan"]}</c>. Names and defaults are those of Linux's nf_conntrack. Flows that are there keep to a change from their next packet.
/// </summary>
public sealed record ConntrackSpec : ItemSpec
{
    /// <summary>Track every forwarded flow, not only what a rule reflects or translates.</summary>
    public bool Always { get; init; }

    /// <summary>Names of interfaces: track every flow that comes in or leaves by one of them.</summary>
    public ValueList<string> AlwaysOn { get; init; }

    /// <summary>Let a flow begin with a TCP segment out of the middle of a connection, as after a change of routes. Without it such segments are dropped where flows are tracked.</summary>
    public bool TcpLoose { get; init; } = true;

    /// <summary>Flows that may be known at once, in all workers together. Default: as many as <c>dataplane.sessions</c> in appliance.json has room for, which is also the most.</summary>
    [Range(64, 16_777_216)]
    public int? Max { get; init; }

    /// <summary>Flows of one source in each worker. Default: <c>dataplane.sessions_per_source</c> in appliance.json, else no limit of its own.</summary>
    [Range(1, 16_777_216)]
    public int? MaxPerSource { get; init; }

    /// <summary>Bits of an IPv6 address that tell sources apart, for limits and fairness. Default: a site's network.</summary>
    [Range(16, 128)]
    public int Ipv6SourcePrefix { get; init; } = 64;

    /// <summary>How long a connection may be idle after its SYN, 1s–100d, like all the times.</summary>
    public SwanDuration TcpTimeoutSynSent { get; init; } = new(120);

    /// <summary>… after the answer to the SYN.</summary>
    public SwanDuration TcpTimeoutSynRecv { get; init; } = new(60);

    /// <summary>… when it is established.</summary>
    public SwanDuration TcpTimeoutEstablished { get; init; } = new(432_000);

    /// <summary>… when it was met in its middle and not seen in both directions yet.</summary>
    public SwanDuration TcpTimeoutUnacknowledged { get; init; } = new(300);

    /// <summary>… when its originator has closed.</summary>
    public SwanDuration TcpTimeoutFinWait { get; init; } = new(120);

    /// <summary>… when the other side has closed.</summary>
    public SwanDuration TcpTimeoutCloseWait { get; init; } = new(60);

    /// <summary>… when both have, and the last acknowledgement is missing.</summary>
    public SwanDuration TcpTimeoutLastAck { get; init; } = new(30);

    /// <summary>… when it has ended.</summary>
    public SwanDuration TcpTimeoutTimeWait { get; init; } = new(120);

    /// <summary>… when it was reset.</summary>
    public SwanDuration TcpTimeoutClose { get; init; } = new(10);

    /// <summary>How long a UDP flow may be idle that was not answered.</summary>
    public SwanDuration UdpTimeout { get; init; } = new(30);

    /// <summary>How long a UDP flow may be idle that was.</summary>
    public SwanDuration UdpTimeoutStream { get; init; } = new(120);

    /// <summary>How long an echo or another query of ICMP or ICMPv6 may be idle.</summary>
    public SwanDuration IcmpTimeout { get; init; } = new(30);

    /// <summary>How long a flow of any other protocol may be idle.</summary>
    public SwanDuration GenericTimeout { get; init; } = new(600);

    /// <summary>The times by their names.</summary>
    internal IEnumerable<(string Name, SwanDuration Time)> Times =>
    [
        ("tcp_timeout_syn_sent", TcpTimeoutSynSent), ("tcp_timeout_syn_recv", TcpTimeoutSynRecv), ("tcp_timeout_established", TcpTimeoutEstablished), ("tcp_timeout_unacknowledged", TcpTimeoutUnacknowledged),
        ("tcp_timeout_fin_wait", TcpTimeoutFinWait), ("tcp_timeout_close_wait", TcpTimeoutCloseWait), ("tcp_timeout_last_ack", TcpTimeoutLastAck), ("tcp_timeout_time_wait", TcpTimeoutTimeWait),
        ("tcp_timeout_close", TcpTimeoutClose), ("udp_timeout", UdpTimeout), ("udp_timeout_stream", UdpTimeoutStream), ("icmp_timeout", IcmpTimeout), ("generic_timeout", GenericTimeout),
    ];
}
