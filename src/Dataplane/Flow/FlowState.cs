namespace Gateway.Dataplane.Flow;

/// <summary>How far a flow has come. Numbers are stored in mapped memory; a new one means a new format of it.</summary>
internal enum FlowState : byte
{
    /// <summary>No packet yet.</summary>
    None,
    TcpSynSent,
    TcpSynReceived,
    TcpEstablished,

    /// <summary>A TCP connection that was met in its middle and has not been seen in both directions.</summary>
    TcpPickedUp,

    /// <summary>The originator has closed its side.</summary>
    TcpFinWait,

    /// <summary>The responder has closed its side.</summary>
    TcpCloseWait,
    TcpLastAck,
    TcpTimeWait,

    /// <summary>Reset.</summary>
    TcpClose,
    Udp,

    /// <summary>UDP that was answered.</summary>
    UdpStream,
    Icmp,
    Generic,

    /// <summary>Another protocol, seen in both directions.</summary>
    GenericReplied,
    Count,
}

/// <summary>What a TCP segment means for the state of its connection.</summary>
internal enum TcpEvent : byte
{
    Syn,
    SynAck,
    Fin,
    Ack,
    Reset,

    /// <summary>A combination of flags that no TCP sends.</summary>
    Invalid,
}

/// <summary>
/// The states of connections by what is seen of them. Sequence numbers and windows are not kept: so a reset is not trusted to end a flow, it only shortens how long the flow may be idle, and
/// is forgotten when the connection goes on (<see cref="Revives"/>).
/// </summary>
internal static class FlowTracking
{
    private const byte No = 0, Ss = (byte)FlowState.TcpSynSent, Sr = (byte)FlowState.TcpSynReceived, Es = (byte)FlowState.TcpEstablished, Pu = (byte)FlowState.TcpPickedUp,
        Fw = (byte)FlowState.TcpFinWait, Cw = (byte)FlowState.TcpCloseWait, La = (byte)FlowState.TcpLastAck, Tw = (byte)FlowState.TcpTimeWait, Cl = (byte)FlowState.TcpClose;

    private const int States = 10;

    // RFC 9293 §3.3.2, as one in the middle sees it. Columns: None, SynSent, SynReceived, Established, PickedUp, FinWait, CloseWait, LastAck, TimeWait, Close. 0: the segment cannot be.
    private static ReadOnlySpan<byte> Table =>
    [
        // From the originator: SYN, SYN+ACK, FIN, ACK, RST. A SYN on a closed connection opens it anew (RFC 9293 §3.10.7.4, RFC 6191).
        Ss, Ss, Sr, Es, Pu, Fw, Cw, La, Ss, Ss,
        No, Sr, Sr, Es, Pu, Fw, Cw, La, Tw, Cl,
        Pu, Fw, Fw, Fw, Fw, Fw, La, La, Tw, Cl,
        Pu, Ss, Es, Es, Pu, Fw, Cw, Tw, Tw, Cl,
        No, Cl, Cl, Cl, Cl, Cl, Cl, Cl, Cl, Cl,

        // From the responder. Its SYN without ACK is a simultaneous open (RFC 9293 §3.5).
        No, Sr, Sr, Es, Pu, Fw, Cw, La, Tw, Cl,
        No, Sr, Sr, Es, Es, Fw, Cw, La, Tw, Cl,
        No, Ss, Cw, Cw, Cw, La, Cw, La, Tw, Cl,
        No, Ss, Sr, Es, Es, Fw, Cw, Tw, Tw, Cl,
        No, Cl, Cl, Cl, Cl, Cl, Cl, Cl, Cl, Cl,
    ];

    // By the low six flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    private static readonly TcpEvent[] _events = [.. Enumerable.Range(0, 64).Select(Read)];

    /// <param name="flags">The flags byte of the TCP header.</param>
    public static TcpEvent EventOf(byte flags) => _events[flags & 63];

    /// <summary>The state after a TCP segment; None when there can be no such segment.</summary>
    public static FlowState Next(FlowState state, TcpEvent segment, bool reply) =>
        segment == TcpEvent.Invalid ? FlowState.None : (FlowState)Table[((reply ? 5 : 0) + (int)segment) * States + (int)state];

    /// <summary>
    /// Whether a segment shows that an established connection did not end with a reset that was seen: both data and the answer to a reset that was made up carry ACK alone (RFC 5961 §3.2). The connection then
    /// counts as met in its middle, since the last segments of one that did end look the same.
    /// </summary>
    /// <param name="flags">The flags byte of the TCP header.</param>
    public static bool Revives(byte flags) => EventOf(flags) == TcpEvent.Ack;

    /// <summary>The state after a packet of another protocol.</summary>
    public static FlowState Next(FlowState state, bool reply) => !reply ? state : state switch
    {
        FlowState.Udp => FlowState.UdpStream,
        FlowState.Generic => FlowState.GenericReplied,
        _ => state,
    };

    /// <summary>The state of a flow before its first packet.</summary>
    public static FlowState First(byte protocol) => protocol switch
    {
        6 => FlowState.None,
        17 or 136 => FlowState.Udp,
        1 or 58 => FlowState.Icmp,
        _ => FlowState.Generic,
    };

    /// <summary>A state as people read it.</summary>
    public static string NameOf(FlowState state) => _names[(int)state];

    private static readonly string[] _names =
        ["none", "syn-sent", "syn-recv", "established", "picked-up", "fin-wait", "close-wait", "last-ack", "time-wait", "close", "unreplied", "stream", "query", "unreplied", "replied"];

    /// <summary>Whether a flow has shown that both ends want it: it does not give way to new ones.</summary>
    public static bool IsAssured(FlowState state) => state is FlowState.TcpEstablished or FlowState.TcpFinWait or FlowState.TcpCloseWait or FlowState.UdpStream or FlowState.GenericReplied;

    private static TcpEvent Read(int flags)
    {
        bool fin = (flags & 1) != 0, syn = (flags & 2) != 0, reset = (flags & 4) != 0, ack = (flags & 16) != 0;
        if (syn && (fin || reset)) return TcpEvent.Invalid;
        if (fin && reset) return TcpEvent.Invalid;
        if (reset) return TcpEvent.Reset;
        if (syn) return ack ? TcpEvent.SynAck : TcpEvent.Syn;
        // RFC 9293 §3.10.7.4: behind the handshake every segment carries ACK.
        if (!ack) return TcpEvent.Invalid;
        return fin ? TcpEvent.Fin : TcpEvent.Ack;
    }
}
