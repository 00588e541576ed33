using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Says whether the gateway answers in the place of a host elsewhere (RFC 1027, RFC 4861 §7.2.8): the interface has to be told so, and a route has to lead there. RFC 1027 §2.4: never by the interface that the question came in by, since
/// the host would answer itself; except where hosts of one link shall not hear each other.
/// </summary>
internal static unsafe class NeighborProxy
{
    public static bool Answers4(DataplaneTables tables, uint on, uint vrf, uint sender, uint target) =>
        sender != target && tables.Proxies.Has(on, 0, target, false, out var sameLink) && Leads(tables, tables.Fib4.Lookup(vrf, target), on, sameLink);

    public static bool Answers6(DataplaneTables tables, uint on, uint vrf, ulong high, ulong low) =>
        tables.Proxies.Has(on, high, low, true, out var sameLink) && Leads(tables, tables.Fib6.Lookup(vrf, high, low), on, sameLink);

    private static bool Leads(DataplaneTables tables, uint route, uint on, bool sameLink)
    {
        // An own address of another interface is reached here.
        if (tables.Adjacencies[route]->Kind == AdjacencyKind.Local) return true;
        return ReversePath.Allows(tables.Adjacencies, route, 0, strict: false) && (sameLink || !ReversePath.Allows(tables.Adjacencies, route, on, strict: true));
    }
}
