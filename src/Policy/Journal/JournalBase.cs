namespace Gateway.Policy.Journal;

/// <summary>Where a journal begins whose older events were archived: nothing up to <paramref name="Head"/> is in it any more.</summary>
/// <param name="Head">Position and hash of the last archived event; the chain goes on from here.</param>
/// <param name="State">What the archived events led to: the content of a snapshot.</param>
/// <param name="Bundle">File name of the bundle that holds the last of them.</param>
/// <param name="Archived">When it was done.</param>
public sealed record JournalBase(JournalHead Head, Octets State, string Bundle, DateTimeOffset Archived);

/// <summary>What was asked for lies before the journal's base: in bundles, not in the journal.</summary>
public sealed class JournalArchivedException(long position, string message) : Exception(message)
{
    public long Position { get; } = position;
}
