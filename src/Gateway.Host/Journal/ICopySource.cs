using Gateway.Host.Journal.EventStore;

namespace Gateway.Host.Journal;

/// <summary>A journal that can be read together with the records of its commands.</summary>
internal interface ICopySource
{
    /// <summary>Events from <paramref name="from"/> on, each with the records that lie with it.</summary>
    IAsyncEnumerable<JournalEntry> EntriesAsync(long from, CancellationToken stop);
}
