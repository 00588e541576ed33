using Gateway.Dataplane.Flow;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>The slow, obvious twin of the session table: two dictionaries, every session looked at whenever time goes on, TCP as sentences. Without limits.</summary>
internal sealed class SlowSessions(FlowTimeouts timeouts)
{
    private readonly Dictionary<FlowKey, Flow> _byKey = [];

    internal sealed class Flow
    {
        public required FlowKey Forward;
        public required FlowKey Reply;
        public string State = "";
        public bool WasEstablished;
        public long LastUse;
        public ulong ForwardPackets, ReplyPackets, ForwardBytes, ReplyBytes;
    }

    public int Count => _byKey.Count / 2;

    public IEnumerable<Flow> All => _byKey.Values.Distinct();

    public Flow? Find(FlowKey key) => _byKey.GetValueOrDefault(key);

    public bool TryAdd(FlowKey forward, FlowKey reply, long now)
    {
        if (_byKey.ContainsKey(forward) || _byKey.ContainsKey(reply)) return false;
        var flow = new Flow { Forward = forward, Reply = reply, LastUse = now, State = forward.Protocol switch { 6 => "none", 17 => "udp", 1 => "icmp", _ => "generic" } };
        _byKey[forward] = _byKey[reply] = flow;
        return true;
    }

    public bool Touch(FlowKey key, byte flags, uint bytes, long now)
    {
        var flow = _byKey[key];
        var reply = key == flow.Reply;
        var next = flow.Forward.Protocol == 6 ? Tcp(flow.State, flags, reply) : Other(flow.State, reply);
        // A connection that goes on was not reset.
        if (flow.State == "close" && flow.WasEstablished && flow.Forward.Protocol == 6 && (flags & 0x17) == 0x10) next = "picked-up";
        if (next is null) return false;
        flow.WasEstablished |= next is "established" or "fin-wait" or "close-wait";
        flow.State = next;
        flow.LastUse = now;
        if (reply)
        {
            flow.ReplyPackets++;
            flow.ReplyBytes += bytes;
        }
        else
        {
            flow.ForwardPackets++;
            flow.ForwardBytes += bytes;
        }
        return true;
    }

    public void Remove(FlowKey key)
    {
        var flow = _byKey[key];
        _byKey.Remove(flow.Forward);
        _byKey.Remove(flow.Reply);
    }

    public void Advance(long now)
    {
        foreach (var flow in All.Where(f => f.LastUse + Timeout(f.State) < now).ToList()) Remove(flow.Forward);
    }

    private int Timeout(string state) => state switch
    {
        "none" or "syn-sent" => timeouts.TcpSynSent,
        "syn-received" => timeouts.TcpSynRecv,
        "established" => timeouts.TcpEstablished,
        "picked-up" => timeouts.TcpUnacknowledged,
        "fin-wait" => timeouts.TcpFinWait,
        "close-wait" => timeouts.TcpCloseWait,
        "last-ack" => timeouts.TcpLastAck,
        "time-wait" => timeouts.TcpTimeWait,
        "close" => timeouts.TcpClose,
        "udp" => timeouts.Udp,
        "udp-stream" => timeouts.UdpStream,
        "icmp" => timeouts.Icmp,
        _ => timeouts.Generic,
    };

    private static string Other(string state, bool reply) => !reply ? state : state switch { "udp" => "udp-stream", "generic" => "generic-replied", _ => state };

    private static string? Tcp(string state, byte flags, bool reply)
    {
        bool fin = (flags & 1) != 0, syn = (flags & 2) != 0, reset = (flags & 4) != 0, ack = (flags & 16) != 0;
        if ((syn && fin) || (syn && reset) || (fin && reset) || (!syn && !reset && !ack)) return null;
        if (state == "none")
        {
            if (reply || reset || (syn && ack)) return null;
            return syn ? "syn-sent" : "picked-up";
        }
        if (reset) return "close";
        if (syn && !ack && !reply && state is "time-wait" or "close" && syn && !ack && !reply) return "syn-sent";
        if (state is "time-wait" or "close") return state;
        if (syn)
        {
            // The first SYN of the other side, or both together by an odd originator; all later ones are repetitions.
            if (state == "syn-sent" && (reply || ack)) return "syn-received";
            return state == "picked-up" && reply && ack ? "established" : state;
        }
        if (fin)
        {
            var other = reply ? "fin-wait" : "close-wait";
            if (state == other || state == "last-ack") return "last-ack";
            if (reply && state == "syn-sent") return state;
            return reply ? "close-wait" : "fin-wait";
        }
        if (state == "last-ack") return "time-wait";
        if (state == "syn-received" && !reply) return "established";
        return state == "picked-up" && reply ? "established" : state;
    }
}
