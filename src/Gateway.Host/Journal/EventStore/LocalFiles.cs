namespace Gateway.Host.Journal.EventStore;

/// <summary>The files beside a journal that lies in a store elsewhere.</summary>
internal static class LocalFiles
{
    /// <summary>The head anchor: the same file as beside a journal in a file of its own, so that a switch from one to the other is checked.</summary>
    public static string Anchor(string path) => SqliteJournal.AnchorPath(path);

    public static string Spool(string path) => path + ".spool";

    public static string Commands(string path) => path + ".commands";
}
