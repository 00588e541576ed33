using System.Diagnostics.CodeAnalysis;
using Gateway.Host.Appliance;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>
/// A journal as <c>gateway journal copy</c> names it: <c>sqlite:PATH</c>, <c>esdb://…?stream=NAME</c>, or an <c>appliance.json</c>, whose journal is meant.
/// </summary>
internal abstract record JournalAddress
{
    private JournalAddress()
    {
    }

    public sealed record Sqlite(string Path, string? Archive = null) : JournalAddress
    {
        public override string ToString() => "sqlite:" + Path;
    }

    public sealed record Store(EventStoreUri Uri, string Stream, string? StatePath) : JournalAddress
    {
        public override string ToString() => $"{Uri} stream {Stream}";
    }

    public static bool TryParse(string text, [NotNullWhen(true)] out JournalAddress? address, [NotNullWhen(false)] out string? error)
    {
        (address, error) = (null, null);
        if (text.StartsWith("sqlite:", StringComparison.Ordinal) && text.Length > 7)
        {
            address = new Sqlite(Path.GetFullPath(text[7..]));
            return true;
        }

        if (EventStoreUri.IsOne(text))
        {
            if (!EventStoreUri.TryParse(text, out var uri, out error)) return false;
            if (uri.Stream is null)
            {
                error = "Which stream? Add stream=NAME to its options; that of a gateway is gateway-ID.";
                return false;
            }

            address = new Store(uri.In(Environment.CurrentDirectory), uri.Stream, null);
            return true;
        }

        if (!text.EndsWith(".json", StringComparison.Ordinal))
        {
            error = "Write sqlite:PATH, esdb://HOST:2113?stream=NAME, or the path of an appliance.json.";
            return false;
        }

        try
        {
            var appliance = ApplianceFile.Load(text);
            address = Of(appliance);
            error = address is null ? $"The journal of {text} lives in the gateway's memory only." : null;
            return address is not null;
        }
        catch (ApplianceException e)
        {
            error = e.Message;
            return false;
        }
    }

    /// <summary>
    /// To be written by a copy; it must be opened. The anchor beside a store elsewhere is not looked at, and that beside a file is made anew:
    /// <see cref="JournalCopy.CheckAnchorAsync"/> comes before.
    /// </summary>
    public IJournal ToWrite()
    {
        switch (this)
        {
            case Sqlite sqlite:
                if (File.Exists(SqliteJournal.AnchorPath(sqlite.Path)) && !IsInUse()) File.Delete(SqliteJournal.AnchorPath(sqlite.Path));
                return new SqliteJournal(sqlite.Path);
            case Store store:
                return new EventStoreJournal(new EventStoreJournalOptions { Uri = store.Uri, Stream = store.Stream, StartTimeout = TimeSpan.Zero });
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>To be read.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public ICopySource ToRead() => this switch
    {
        Sqlite sqlite => new SqliteCopySource(sqlite.Path, sqlite.Archive),
        Store store => new EventStoreJournal(new EventStoreJournalOptions { Uri = store.Uri, Stream = store.Stream }),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The head anchor beside it, if there is one.</summary>
    public JournalHead? Anchor() => this switch
    {
        Sqlite sqlite => HeadAnchor.Read(SqliteJournal.AnchorPath(sqlite.Path)),
        Store { StatePath: { } path } => HeadAnchor.Read(LocalFiles.Anchor(path)),
        _ => null,
    };

    /// <summary>A running gateway writes to it, as far as can be seen from here.</summary>
    public bool IsInUse() => this switch
    {
        Sqlite sqlite => IsHeld(sqlite.Path + ".lock"),
        Store { StatePath: { } path } => IsHeld(LocalFiles.Spool(path)),
        _ => false,
    };

    private static JournalAddress? Of(ApplianceConfig appliance)
    {
        if (appliance.Journal.Kind == JournalKind.Memory) return null;
        if (appliance.Journal.Kind == JournalKind.Sqlite) return new Sqlite(appliance.Journal.Path, appliance.Journal.Archive);
        var options = Journals.Options(appliance);
        return new Store(options.Uri, options.Stream, appliance.Journal.Path);
    }

    private static bool IsHeld(string path)
    {
        if (!File.Exists(path)) return false;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
