using System.Net;
using System.Buffers.Binary;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Explain;

/// <summary>Reads out of a packet's steps what became of it, and what would come back.</summary>
internal static class WayReading
{
    /// <summary>Nodes that tell a sender of a refusal, and end the packet.</summary>
    private static readonly HashSet<string> _refusing = [NodeNames.Icmp4Error, NodeNames.Icmp6Error, NodeNames.Tcp4Reset, NodeNames.Tcp6Reset];

    /// <summary>Nodes behind which a packet for the gateway is its own answer.</summary>
    private static readonly HashSet<string> _answering = [NodeNames.Ip4Deliver, NodeNames.Ip6Deliver];

    /// <param name="counted">Numbers of the drop reasons that were counted meanwhile.</param>
    /// <param name="isHeld">A packet waits for an SA.</param>
    /// <param name="host">Name of the interface behind which the host is.</param>
    /// <param name="isPort">Whether an interface has a port of its own.</param>
    public static FlowWay Read(
        GraphDefinition graph, IReadOnlyList<TraceRow> steps, IReadOnlySet<int> counted, bool isHeld, ProbeFlow flow, WayBegin begin, string? host, Func<string, bool> isPort)
    {
        var refusal = IndexOf(steps, s => _refusing.Contains(s.Node));
        var answer = IndexOf(steps, s => s.Node is NodeNames.NdInput or NodeNames.ArpInput);
        for (var i = 0; i + 1 < steps.Count && answer < 0; i++)
            if (_answering.Contains(steps[i].Node) && steps[i + 1].Node is NodeNames.Ip4Lookup or NodeNames.Ip6Lookup) answer = i;
        var own = refusal >= 0 ? refusal : answer >= 0 ? answer + 1 : steps.Count;
        var mine = steps.Take(own).ToList();
        var end = End(graph, steps, mine, counted, isHeld, refusal, answer, host, isPort);
        return new FlowWay(steps, own, end, end is WayEnd.Left ? AnswerTo(mine, flow) : null);
    }

    private static WayEnd End(
        GraphDefinition graph, IReadOnlyList<TraceRow> steps, List<TraceRow> mine, IReadOnlySet<int> counted, bool isHeld, int refusal, int answer, string? host, Func<string, bool> isPort)
    {
        var left = mine.Where((s, i) => s.Node == NodeNames.InterfaceOutput && s.Drop is null && !(i + 1 < mine.Count && mine[i + 1] is { Node: NodeNames.InterfaceOutput, Drop: not null })).Select(s => (s.Decision as StepDecision.On)?.Interface).OfType<string>().Where(isPort).Distinct().ToList();
        if (left.Remove(host ?? "") || mine.Exists(s => s.Node == NodeNames.HostPunt && s.Drop is null && refusal < 0)) return new WayEnd.Delivered("host");
        if (left.Count > 0) return new WayEnd.Left(left);
        if (refusal > 0)
        {
            var by = steps[refusal - 1].Node;
            var reason = counted.Where(c => graph.Drops[c].Node == by).DefaultIfEmpty(-1).First();
            return reason < 0
                ? new WayEnd.Refused(by, "The packet is refused.", steps[refusal].Node)
                : new WayEnd.Refused($"{by}/{graph.Drops[reason].Row.Name}", graph.Drops[reason].Row.Sentence, steps[refusal].Node);
        }

        if (answer >= 0) return new WayEnd.Delivered(steps[answer].Node);
        if (mine.FindLast(s => s.Drop is not null) is { Drop: { } drop }) return new WayEnd.Dropped(drop, SentenceOf(graph, drop));
        if (isHeld && mine.FindLast(s => s.Decision is StepDecision.Policy)?.Decision is StepDecision.Policy policy) return new WayEnd.Waits(policy.Name);
        var last = mine.Count > 0 ? mine[^1].Node : "nowhere";
        return last == NodeNames.IkePunt ? new WayEnd.Delivered("ike") : new WayEnd.Delivered(last);
    }

    private static string SentenceOf(GraphDefinition graph, string drop) => graph.Drops.First(d => $"{d.Node}/{d.Row.Name}" == drop).Row.Sentence;

    /// <summary>The other end sees the packet as it is where it leaves the gateway, or where an SA takes it; there its answer comes in.</summary>
    private static (ProbeFlow, WayBegin)? AnswerTo(List<TraceRow> steps, ProbeFlow flow)
    {
        var at = steps.FindIndex(s => s.Node is NodeNames.Esp4Encrypt or NodeNames.Esp6Encrypt or NodeNames.Ip4Rewrite or NodeNames.Ip6Rewrite && s.Drop is null);
        if (at < 0 || Seen(steps[at].Head, flow)?.Answer() is not { } answer) return null;
        if (steps[at].Decision is StepDecision.Sa sa) return (answer, new WayBegin.OutOfSa(sa.Id));
        return steps[at].Decision is StepDecision.On on ? (answer, new WayBegin.ByInterface(on.Interface)) : null;
    }

    private static ProbeFlow? Seen(byte[] head, ProbeFlow flow)
    {
        if (head.Length < 28) return null;
        var isV6 = head[0] >> 4 == 6;
        var l4 = isV6 ? 40 : (head[0] & 15) * 4;
        if (head.Length < l4 + 8) return null;
        var seen = isV6
            ? flow with { Source = new IPAddress(head.AsSpan(8, 16)), Destination = new IPAddress(head.AsSpan(24, 16)) }
            : flow with { Source = new IPAddress(head.AsSpan(12, 4)), Destination = new IPAddress(head.AsSpan(16, 4)) };
        if (seen.HasPorts) return seen with { SourcePort = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(l4)), DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(l4 + 2)) };
        return seen.IsIcmp ? seen with { IcmpType = head[l4], IcmpId = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(l4 + 4)) } : seen;
    }

    private static int IndexOf(IReadOnlyList<TraceRow> steps, Func<TraceRow, bool> is_)
    {
        for (var i = 0; i < steps.Count; i++)
            if (is_(steps[i])) return i;
        return -1;
    }
}
