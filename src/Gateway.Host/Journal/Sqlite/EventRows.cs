using Gateway.Host.Journal.Pages;
using Gateway.Host.Journal.Sqlite.Interop;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Gateway.Host.Journal.Sqlite;

/// <summary>
/// Reads the rows of the events table into pages, straight from SQLite's memory. It has a connection of its own that takes no locks between threads, as nobody
/// else uses it: the locks of a common one cost more than the columns.
/// </summary>
internal sealed class EventRows : IDisposable
{
    private const string Query =
        "SELECT position, subject, name, time, command_id, door, who, issuer, cause, data, hash FROM events WHERE position >= ?1 ORDER BY position";

    /// <summary>Milliseconds to wait for somebody who takes in a write-ahead log that a crash left.</summary>
    private const int BusyTimeout = 5000;

    private readonly sqlite3 _database;
    private readonly sqlite3_stmt? _statement;

    /// <param name="source">Path or URI of the database.</param>
    public EventRows(string source)
    {
        var opened = raw.sqlite3_open_v2(source, out _database, raw.SQLITE_OPEN_READONLY | raw.SQLITE_OPEN_NOMUTEX | raw.SQLITE_OPEN_URI, null);
        try
        {
            Check(opened);
            Check(raw.sqlite3_busy_timeout(_database, BusyTimeout));
            // It is read from end to end, and followers stay open: a larger page cache would only stand about.
            Check(raw.sqlite3_exec(_database, "PRAGMA cache_size=-128"));
            Check(raw.sqlite3_prepare_v2(_database, Query, out _statement));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="BaseRow.Mark"/>
    public (long Position, string Bundle)? Mark()
    {
        // A journal of an older gateway, opened for reading only, has no such table.
        if (raw.sqlite3_prepare_v2(_database, "SELECT position, bundle FROM base", out var statement) != raw.SQLITE_OK) return null;
        using (statement) return raw.sqlite3_step(statement) == raw.SQLITE_ROW ? (raw.sqlite3_column_int64(statement, 0), raw.sqlite3_column_text(statement, 1).utf8_to_string()) : null;
    }

    /// <summary>The events from <paramref name="from"/> on, as many as a page takes, in one read transaction. A page that is not full holds the last of them.</summary>
    public EventPage Read(long from)
    {
        Check(raw.sqlite3_bind_int64(_statement!, 1, from));
        var page = new EventPage();
        try
        {
            while (!page.IsFull)
            {
                var result = raw.sqlite3_step(_statement!);
                if (result == raw.SQLITE_DONE) break;
                if (result != raw.SQLITE_ROW) Check(result);
                Add(page);
            }

            return page;
        }
        catch
        {
            page.Dispose();
            throw;
        }
        finally
        {
            raw.sqlite3_reset(_statement!);
        }
    }

    public void Dispose()
    {
        _statement?.Dispose();
        _database.Dispose();
    }

    private void Add(EventPage page)
    {
        var row = _statement!;
        page.Add(
            new EventOctets
            {
                Position = SqliteColumns.Number(row, 0),
                Subject = SqliteColumns.Octets(row, 1),
                Name = SqliteColumns.Octets(row, 2),
                // A damaged row may hold any number; the chain says that it is wrong, so reading must get there.
                Ticks = Math.Clamp(SqliteColumns.Number(row, 3), DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks),
                CommandId = SqliteColumns.Octets(row, 4),
                HasCommandId = !SqliteColumns.IsNull(row, 4),
                Door = SqliteColumns.Octets(row, 5),
                Who = SqliteColumns.Octets(row, 6),
                Issuer = SqliteColumns.Octets(row, 7),
                HasIssuer = !SqliteColumns.IsNull(row, 7),
                Cause = SqliteColumns.IsNull(row, 8) ? -1 : SqliteColumns.Number(row, 8),
                Data = SqliteColumns.Octets(row, 9),
            },
            SqliteColumns.Octets(row, 10));
    }

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK) throw new SqliteException(raw.sqlite3_errmsg(_database).utf8_to_string(), result & 0xff, result);
    }
}
