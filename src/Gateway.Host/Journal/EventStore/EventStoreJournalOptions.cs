using Microsoft.Extensions.Logging.Abstractions;

namespace Gateway.Host.Journal.EventStore;

/// <summary>Where the journal lies and how long things may take.</summary>
internal sealed record EventStoreJournalOptions
{
    public required EventStoreUri Uri { get; init; }

    /// <summary>The stream; one per gateway.</summary>
    public required string Stream { get; init; }

    /// <summary>
    /// Where the local files lie: PATH.head (anchor), PATH.spool, PATH.commands. Null = none: nothing outlives the process, and every append waits for the store.
    /// </summary>
    public string? StatePath { get; init; }

    /// <summary>How long a start waits for a store that cannot be reached; zero = not at all, infinite = for ever.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Most octets of facts that wait for a store which is away; beyond it facts are refused, and SAs are neither set up nor rekeyed.</summary>
    public long SpoolLimit { get; init; } = 64 * 1024 * 1024;

    /// <summary>Most events that wait.</summary>
    public int SpoolEvents { get; init; } = 65_536;

    /// <summary>Most octets in one append, until the store says another number.</summary>
    public int MaxAppend { get; init; } = AppendChunks.DefaultLimit * 3 / 4;

    /// <summary>How often the stream's end is looked at when there is nothing to write: so a lost store is known before the next command, and a second writer too.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest pause between two tries to reach a store that is away.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(5);

    public ILogger Log { get; init; } = NullLogger.Instance;

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
