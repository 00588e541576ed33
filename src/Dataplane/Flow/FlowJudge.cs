using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Flow;

/// <summary>Judges a known flow after a change of the rules, as if its first packet came now: by both directions' packets the same, so that a flow of which only the answers go on ends too.</summary>
internal static unsafe class FlowJudge
{
    /// <summary>Whether a flow that was found goes on; when the rules have changed since it was judged, and do not let it, it ends here.</summary>
    public static bool StillHolds(DataplaneTables tables, SessionTable table, FlowRules rules, uint found)
    {
        var session = table[found];
        if (session->Generation == rules.Generation) return true;
        if (!(session->Forward.IsIp6 ? Holds6(tables, rules, session, (byte*)table.EndsOf(found)) : Holds(tables, rules, session)))
        {
            table.Remove(found);
            return false;
        }
        session->Generation = rules.Generation;
        return true;
    }

    private static bool Holds(DataplaneTables tables, FlowRules rules, Session* session)
    {
        if (!rules.Nat.Holds(session->Rule) || !rules.Nat.LeavesFromOwnBlock(session->Rule, session->Forward, session->Reply)) return false;
        var arriving = session->Forward;
        // Rules of what leaves see the destination translated and the source not yet.
        var leaving = arriving.WithDestination(session->Reply.Source, session->Reply.SourcePort);
        if (session->CrossesVrfs) leaving = leaving.WithVrf(session->LookupVrf(reply: false));
        // What a policy protects by now must not go on leaving with another source; policies are those of the default VRF.
        if (session->Reply.Vrf == 0 && Volatile.Read(ref tables.SpdActive) && arriving.Source != session->Reply.Destination && !rules.Nat.TranslatesProtected(session->Rule) && IsProtected(tables, leaving)) return false;
        var isTakenOver = session->In == Session.UnknownInterface;
        var first = Ask(FilterIp4.In(tables.Filters[isTakenOver ? Towards(tables, arriving.Vrf, arriving.Source) : session->In]), arriving);
        var last = Ask(FilterIp4.Out(tables.Filters[isTakenOver ? Towards(tables, leaving.Vrf, leaving.Destination) : session->Out]), leaving);
        if (first >= FilterAction.Deny || last >= FilterAction.Deny) return false;
        // Of a flow that a process before began the reflecting rule may not be here yet.
        return session->Rule != 0 || isTakenOver || rules.Tracks(session->In, session->Out) || first == FilterAction.Reflect || last == FilterAction.Reflect;
    }

    private static bool Holds6(DataplaneTables tables, FlowRules rules, Session* session, byte* ends)
    {
        var key = session->Forward;
        var words = stackalloc uint[FilterIp6.KeyWords];
        for (var i = 0; i < 8; i++) words[i] = Wire.U32(ends + i * 4);
        var isTakenOver = session->In == Session.UnknownInterface;
        var first = Ask<FilterIp6>(FilterIp6.In(tables.Filters[isTakenOver ? Towards6(tables, key.Vrf, ends) : session->In]), words, key);
        var last = Ask<FilterIp6>(FilterIp6.Out(tables.Filters[isTakenOver ? Towards6(tables, key.Vrf, ends + 16) : session->Out]), words, key);
        if (first >= FilterAction.Deny || last >= FilterAction.Deny) return false;
        return isTakenOver || rules.Tracks(session->In, session->Out) || first == FilterAction.Reflect || last == FilterAction.Reflect;
    }

    private static uint Towards6(DataplaneTables tables, uint vrf, byte* address) => tables.Adjacencies[tables.Fib6.Lookup(vrf, Wire.U64(address), Wire.U64(address + 8))]->Interface;

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
        var words = stackalloc uint[FilterIp4.KeyWords];
        words[0] = key.Source;
        words[1] = key.Destination;
        return Ask<FilterIp4>(program, words, key);
    }

    /// <param name="program">Null: no rules.</param>
    /// <param name="words">The family's key, with the addresses.</param>
    /// <param name="key">The rest.</param>
    private static FilterAction Ask<TFamily>(FilterProgram* program, uint* words, in FlowKey key)
        where TFamily : struct, IFilterFamily
    {
        if (program == null) return FilterAction.Permit;
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        ref var ports = ref words[2 * TFamily.AddressWords];
        ref var facts = ref words[2 * TFamily.AddressWords + 1];
        ports = (uint)key.SourcePort << 16 | key.DestinationPort;
        facts = key.Protocol;
        switch (key.Protocol)
        {
            case 6:
                // A connection begins with a SYN.
                facts |= FilterKey.HasPorts | FilterKey.HasFlags | 2u << FilterKey.TcpFlagsShift;
                break;
            case 17 or 33 or 132 or 136:
                facts |= FilterKey.HasPorts;
                break;
            case 1:
                // The question's type, its code is 0.
                ports = (key.IcmpKind == 0 ? 8u : 11u + 2u * key.IcmpKind) << 16;
                facts |= FilterKey.HasPorts;
                break;
            case 58 when key.IsIp6:
                ports = 128u << 16;
                facts |= FilterKey.HasPorts;
                break;
        }
        var rule = FilterProgram.Find<TFamily>(program, words, waiting);
        return program->Verdicts[rule == FilterProgram.None ? program->Rules : rule].Action;
    }
}
