using Gateway.Host.Appliance;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gateway.Host.Journal;

/// <summary>Makes the journal that <c>appliance.json</c> names.</summary>
internal static class Journals
{
    /// <summary>To be opened for writing.</summary>
    public static IJournal Create(ApplianceConfig appliance, ILogger log) => appliance.Journal.Kind switch
    {
        JournalKind.Memory => new MemoryJournal(),
        JournalKind.Eventstoredb => new EventStoreJournal(Options(appliance) with { StatePath = appliance.Journal.Path, Log = log }),
        _ => new SqliteJournal(appliance.Journal.Path, appliance.Id),
    };

    /// <summary>To be looked at, beside a running gateway or without one.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static IJournal OpenForReading(ApplianceConfig appliance) => appliance.Journal.Kind switch
    {
        JournalKind.Memory => throw new FileNotFoundException("The journal of this gateway lives in its memory only."),
        JournalKind.Eventstoredb => new EventStoreJournal(Options(appliance)),
        _ => SqliteJournal.OpenForReading(appliance.Journal.Path),
    };

    /// <summary>The head anchor as it is now; null where there is none.</summary>
    public static JournalHead? Anchor(ApplianceConfig appliance) => appliance.Journal.Kind == JournalKind.Memory ? null : HeadAnchor.Read(SqliteJournal.AnchorPath(appliance.Journal.Path));

    /// <summary>The stream of a gateway unless it is told another.</summary>
    public static string StreamOf(string gatewayId) => "gateway-" + gatewayId;

    internal static EventStoreJournalOptions Options(ApplianceConfig appliance)
    {
        var section = appliance.Journal;
        if (!EventStoreUri.TryParse(section.Uri!, out var uri, out var error)) throw new ApplianceException($"journal.uri: {error}");
        uri = uri.In(appliance.Folder);
        if (section.PasswordFile is { } file) uri = uri with { PasswordFile = file };
        return new EventStoreJournalOptions
        {
            Uri = uri,
            Stream = section.Stream ?? uri.Stream ?? StreamOf(appliance.Id),
            StartTimeout = section.StartTimeout < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(section.StartTimeout),
            SpoolLimit = section.SpoolMegabytes * 1024L * 1024,
            Log = NullLogger.Instance,
        };
    }
}
