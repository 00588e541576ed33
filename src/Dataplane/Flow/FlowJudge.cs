using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Flow;

/// <summary>Judges a known flow after a change of the rules, as if its first packet came now: by both directions' packets the same, so that a flow of which only the answers go on ends too.</summary>
internal static unsafe class FlowJudge
{
    public static bool Holds(DataplaneTables tables, FlowRules rules, Session* session)
    {
        if (!rules.Nat.Holds(session->Rule)) return false;
        var arriving = session->Forward;
        // Rules of what leaves see the destination translated and the source not yet.
        var leaving = arriving.WithDestination(session->Reply.Source, session->Reply.SourcePort);
        // What a policy protects by now must not go on leaving with another source.
        if (Volatile.Read(ref tables.SpdActive) && arriving.Source != session->Reply.Destination && !rules.Nat.TranslatesProtected(session->Rule) && IsProtected(tables, leaving)) return false;
        var isTakenOver = session->In == Session.UnknownInterface;
        var first = Ask(FilterIp4.In(tables.Filters[isTakenOver ? Towards(tables, arriving.Vrf, arriving.Source) : session->In]), arriving);
        var last = Ask(FilterIp4.Out(tables.Filters[isTakenOver ? Towards(tables, leaving.Vrf, leaving.Destination) : session->Out]), leaving);
        if (first >= FilterAction.Deny || last >= FilterAction.Deny) return false;
        // Of a flow that a process before began the reflecting rule may not be here yet.
        return session->Rule != 0 || isTakenOver || rules.TrackAll || first == FilterAction.Reflect || last == FilterAction.Reflect;
    }

    private static bool IsProtected(DataplaneTables tables, in FlowKey key)
    {
        var icmp = (ushort)(key.IcmpKind == 0 ? 8 << 8 : (11 + 2 * key.IcmpKind) << 8);
        var rule = tables.Spd.V4.Find(new SpdKey<uint>
        {
            Local = key.Source,
            Remote = key.Destination,
            Protocol = key.Protocol,
            LocalPort = key.Protocol == 1 ? icmp : key.SourcePort,
            RemotePort = key.Protocol == 1 ? icmp : key.DestinationPort,
            HasPorts = key.Protocol is 1 or 6 or 17 or 33 or 132 or 136,
        });
        return rule != null && rule->Action == SpdAction.Protect;
    }

    private static uint Towards(DataplaneTables tables, uint vrf, uint address) => tables.Adjacencies[tables.Fib4.Lookup(vrf, address)]->Interface;

    private static FilterAction Ask(FilterProgram* program, in FlowKey key)
    {
        if (program == null) return FilterAction.Permit;
        var words = stackalloc uint[4];
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        words[0] = key.Source;
        words[1] = key.Destination;
        words[2] = (uint)key.SourcePort << 16 | key.DestinationPort;
        words[3] = key.Protocol;
        switch (key.Protocol)
        {
            case 6:
                // A connection begins with a SYN.
                words[3] |= FilterKey.HasPorts | FilterKey.HasFlags | 2u << FilterKey.TcpFlagsShift;
                break;
            case 17 or 33 or 132 or 136:
                words[3] |= FilterKey.HasPorts;
                break;
            case 1:
                // The question's type, its code is 0.
                words[2] = (key.IcmpKind == 0 ? 8u : 11u + 2u * key.IcmpKind) << 16;
                words[3] |= FilterKey.HasPorts;
                break;
        }
        var rule = FilterProgram.Find<FilterIp4>(program, words, waiting);
        return program->Verdicts[rule == FilterProgram.None ? program->Rules : rule].Action;
    }
}
