using System.Runtime.CompilerServices;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;

namespace Gateway.Host.Journal;

/// <summary>Reads a SQLite journal, with the bundles that its older events were archived into, and with the records of its commands: each lies with the first event of its command.</summary>
internal sealed class SqliteCopySource : ICopySource, IAsyncDisposable
{
    private readonly SqliteJournal _journal;
    private readonly ArchivedJournal _whole;
    private readonly string _path;

    /// <param name="path">The journal's file.</param>
    /// <param name="archive">Folder of the bundles; null = <c>archive</c> beside the file.</param>
    public SqliteCopySource(string path, string? archive = null)
    {
        _journal = SqliteJournal.OpenForReading(path);
        _whole = new ArchivedJournal(_journal, archive ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, "archive"));
        _path = path;
    }

    public async IAsyncEnumerable<JournalEntry> EntriesAsync(long from, [EnumeratorCancellation] CancellationToken stop)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT door, who, id, body_hash, position, outcome FROM commands WHERE position >= $from ORDER BY position";
        command.Parameters.AddWithValue("$from", from);
        using var rows = command.ExecuteReader();
        var next = Next(rows);
        await foreach (var envelope in _whole.ReadAsync(from, stop).ConfigureAwait(false))
        {
            var commands = new List<RecordedCommand>();
            while (next is not null && next.FirstPosition <= envelope.Position)
            {
                commands.Add(next);
                next = Next(rows);
            }

            yield return new JournalEntry(envelope, commands);
        }
    }

    public ValueTask DisposeAsync() => _journal.DisposeAsync();

    private static RecordedCommand? Next(SqliteDataReader rows) => rows.Read()
        ? new RecordedCommand(new CommandKey(new Principal(rows.GetString(0), rows.GetString(1)), rows.GetString(2)), (byte[])rows[3], rows.GetInt64(4), (byte[])rows[5])
        : null;
}
