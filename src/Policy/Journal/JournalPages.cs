using System.Runtime.CompilerServices;

namespace Gateway.Policy.Journal;

/// <summary>Puts single events together to pages, for stores that have no better way.</summary>
public static class JournalPages
{
    /// <summary>Most events of a page: few enough that the pages in work stay in the processor's cache.</summary>
    public const int Length = 256;

    public static async IAsyncEnumerable<IReadOnlyList<Envelope>> Of(IAsyncEnumerable<Envelope> events, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var page = new List<Envelope>();
        await foreach (var e in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            page.Add(e);
            if (page.Count < Length) continue;
            yield return page;
            page = [];
        }

        if (page.Count > 0) yield return page;
    }
}
