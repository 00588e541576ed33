using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Judges the source of a packet by the route that leads back to it (RFC 3704 §2.2, §2.4).</summary>
internal static unsafe class ReversePath
{
    /// <param name="nextHop">What a lookup of the source gave.</param>
    /// <param name="on">The interface by which the packet came in.</param>
    /// <param name="strict">The way back must leave by that interface; else any will do.</param>
    public static bool Allows(AdjacencyTable adjacencies, uint nextHop, uint on, bool strict)
    {
        var adjacency = adjacencies[nextHop];
        if (adjacency->Kind != AdjacencyKind.Multipath) return Leads(adjacency, on, strict);
        // RFC 3704 §2.3: any of several ways back is one.
        var buckets = PathList.BucketsOf(adjacency);
        uint before = 0;
        for (var i = 0; i < PathList.Buckets; i++)
        {
            var bucket = Volatile.Read(ref buckets[i]);
            if (bucket == before) continue;
            before = bucket;
            if (Leads(adjacencies[bucket], on, strict)) return true;
        }
        return false;
    }

    private static bool Leads(Adjacency* adjacency, uint on, bool strict) => adjacency->Kind >= AdjacencyKind.Glean && (!strict || adjacency->Interface == on);
}
