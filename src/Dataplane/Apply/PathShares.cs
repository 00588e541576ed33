namespace Gateway.Dataplane.Apply;

/// <summary>Shares a fixed number of buckets out among next hops by their weights, so that a change moves as few of them as it can: the flows of a bucket that stays go on as they went.</summary>
internal static class PathShares
{
    /// <summary>No next hop.</summary>
    public const byte None = 255;

    /// <param name="owners">The next hop of each bucket, as it was and then as it is.</param>
    /// <param name="weights">By next hop; 0 is one that is away.</param>
    public static void Assign(Span<byte> owners, ReadOnlySpan<int> weights)
    {
        var total = 0;
        foreach (var weight in weights) total += weight;
        if (total == 0)
        {
            owners.Fill(None);
            return;
        }

        Span<int> counts = stackalloc int[weights.Length];
        counts.Clear();
        // What a next hop has beyond its share goes, and what had one that is away.
        for (var i = 0; i < owners.Length; i++)
        {
            var owner = owners[i];
            if (owner != None && owner < weights.Length && weights[owner] > 0 && counts[owner] < Ceiling(owners.Length, weights[owner], total)) counts[owner]++;
            else owners[i] = None;
        }

        for (var i = 0; i < owners.Length; i++)
        {
            if (owners[i] != None) continue;
            owners[i] = (byte)Neediest(counts, weights, owners.Length, total);
            counts[owners[i]]++;
        }

        // Rounding may have left one with less than the whole part of its share.
        for (var needy = Neediest(counts, weights, owners.Length, total); counts[needy] < owners.Length * weights[needy] / total; needy = Neediest(counts, weights, owners.Length, total))
        {
            var rich = 0;
            for (var hop = 1; hop < weights.Length; hop++)
                if (Need(counts, weights, hop, owners.Length, total) < Need(counts, weights, rich, owners.Length, total)) rich = hop;
            owners[owners.LastIndexOf((byte)rich)] = (byte)needy;
            counts[rich]--;
            counts[needy]++;
        }
    }

    private static int Ceiling(int buckets, int weight, int total) => ((buckets * weight) + total - 1) / total;

    /// <summary>Share less count, times the total.</summary>
    private static int Need(ReadOnlySpan<int> counts, ReadOnlySpan<int> weights, int hop, int buckets, int total) => (buckets * weights[hop]) - (counts[hop] * total);

    private static int Neediest(ReadOnlySpan<int> counts, ReadOnlySpan<int> weights, int buckets, int total)
    {
        var best = -1;
        for (var hop = 0; hop < weights.Length; hop++)
            if (weights[hop] > 0 && (best < 0 || Need(counts, weights, hop, buckets, total) > Need(counts, weights, best, buckets, total))) best = hop;
        return best;
    }
}
