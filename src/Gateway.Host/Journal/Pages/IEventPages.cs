namespace Gateway.Host.Journal.Pages;

/// <summary>A journal that gives its events as pages of octets.</summary>
internal interface IEventPages
{
    /// <summary>The events from <paramref name="from"/> on, in order; who takes a page disposes it.</summary>
    IAsyncEnumerable<EventPage> ReadEventPagesAsync(long from, CancellationToken cancellationToken);
}
