using Gateway.Host.Journal.EventStore.Contract;

namespace Gateway.Host.Journal.EventStore;

/// <summary>Cuts events into appends that the store takes.</summary>
internal static class AppendChunks
{
    /// <summary>The store's own limit unless it was set up with another, octets of all events of one append.</summary>
    public const int DefaultLimit = 1024 * 1024;

    /// <summary>Most events in one append.</summary>
    public const int MaxEvents = 1024;

    /// <summary>How many of the first <paramref name="events"/> make the next append; at least one, even when it alone is over the limit (which the store then says).</summary>
    public static int First(IReadOnlyList<AppendReq.Types.ProposedMessage> events, int from, int limit)
    {
        long size = 0;
        var count = 0;
        while (from + count < events.Count && count < MaxEvents)
        {
            size += SizeOf(events[from + count]);
            if (count > 0 && size > limit) break;
            count++;
        }

        return count;
    }

    /// <summary>What an event counts: data, metadata and its names.</summary>
    public static int SizeOf(AppendReq.Types.ProposedMessage e) => e.Data.Length + e.CustomMetadata.Length + 128;
}
