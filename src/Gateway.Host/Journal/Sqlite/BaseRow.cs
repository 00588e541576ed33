using Gateway.Policy;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;

namespace Gateway.Host.Journal.Sqlite;

/// <summary>The row that says where a journal begins whose older events were archived.</summary>
internal static class BaseRow
{
    public const string Schema =
        "CREATE TABLE IF NOT EXISTS base (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, hash BLOB NOT NULL, state BLOB NOT NULL, bundle TEXT NOT NULL, archived INTEGER NOT NULL)";

    /// <summary>Events deleted in one transaction, so that commands get their turn in between.</summary>
    private const int DeletedAtOnce = 2000;

    /// <summary>Position and bundle alone; null when nothing was archived.</summary>
    public static (long Position, string Bundle)? Mark(SqliteConnection connection)
    {
        if (!Exists(connection)) return null;
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT position, bundle FROM base";
        using var row = command.ExecuteReader();
        return row.Read() ? (row.GetInt64(0), row.GetString(1)) : null;
    }

    public static JournalBase? Read(SqliteConnection connection)
    {
        if (!Exists(connection)) return null;
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT position, hash, state, bundle, archived FROM base";
        using var row = command.ExecuteReader();
        if (!row.Read()) return null;
        return new JournalBase(
            new JournalHead(row.GetInt64(0), Octets.Owning((byte[])row[1])), Octets.Owning((byte[])row[2]), row.GetString(3), new DateTimeOffset(row.GetInt64(4), TimeSpan.Zero));
    }

    public static void Write(SqliteConnection connection, JournalBase archived)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "INSERT OR REPLACE INTO base VALUES (1, $position, $hash, $state, $bundle, $archived)";
        command.Parameters.AddWithValue("$position", archived.Head.Position);
        command.Parameters.AddWithValue("$hash", archived.Head.Hash.Span.ToArray());
        command.Parameters.AddWithValue("$state", archived.State.Span.ToArray());
        command.Parameters.AddWithValue("$bundle", archived.Bundle);
        command.Parameters.AddWithValue("$archived", archived.Archived.UtcTicks);
        command.ExecuteNonQuery();
    }

    /// <summary>Deletes some of the events that the base has made superfluous; false when none is left.</summary>
    public static bool DeleteSome(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"DELETE FROM events WHERE position IN (SELECT position FROM events WHERE position <= (SELECT position FROM base) ORDER BY position LIMIT {DeletedAtOnce})";
        return command.ExecuteNonQuery() > 0;
    }

    // A journal of an older gateway, opened for reading only, has no such table.
    private static bool Exists(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='base'";
        return (long)command.ExecuteScalar()! > 0;
    }
}
