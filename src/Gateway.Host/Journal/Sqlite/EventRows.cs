using Gateway.Host.Journal.Sqlite.Interop;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Gateway.Host.Journal.Sqlite;

/// <summary>
/// Reads the rows of the events table, straight from SQLite's memory: the columns' octets become an envelope without objects in between, and words that
/// come again and again (names, subjects, principals) are the same string each time.
/// </summary>
internal sealed class EventRows : IDisposable
{
    private const string Query =
        "SELECT position, subject, name, time, command_id, door, who, issuer, cause, data, hash FROM events WHERE position >= ?1 AND position <= ?2 ORDER BY position";

    private readonly sqlite3_stmt _statement;
    private readonly sqlite3 _database;
    private readonly Words _words = new();
    private Principal? _lastPrincipal;

    public EventRows(SqliteConnection connection)
    {
        _database = connection.Handle!;
        Check(raw.sqlite3_prepare_v2(_database, Query, out _statement));
    }

    /// <summary>From here on <see cref="Next"/> gives the rows of positions <paramref name="from"/> to <paramref name="to"/>, both inclusive.</summary>
    public void Begin(long from, long to)
    {
        Check(raw.sqlite3_bind_int64(_statement, 1, from));
        Check(raw.sqlite3_bind_int64(_statement, 2, to));
    }

    /// <summary>Ends the read transaction that the first row began.</summary>
    public void End() => raw.sqlite3_reset(_statement);

    /// <summary>The next row, or null behind the last one.</summary>
    public Envelope? Next()
    {
        var result = raw.sqlite3_step(_statement);
        if (result == raw.SQLITE_DONE) return null;
        if (result != raw.SQLITE_ROW) Check(result);
        return new Envelope
        {
            Position = SqliteColumns.Number(_statement, 0),
            Subject = Text(1)!,
            Name = Text(2)!,
            Time = Time(SqliteColumns.Number(_statement, 3)),
            CommandId = Text(4),
            Principal = Principal(Text(5)!, Text(6)!),
            Issuer = Text(7),
            Cause = SqliteColumns.IsNull(_statement, 8) ? null : SqliteColumns.Number(_statement, 8),
            Data = Blob(9),
            Hash = Blob(10),
        };
    }

    public void Dispose() => _statement.Dispose();

    // A damaged row may hold any number; the chain says that it is wrong, so reading must get there.
    private static DateTimeOffset Time(long ticks) => new(Math.Clamp(ticks, DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks), TimeSpan.Zero);

    private string? Text(int column)
    {
        var octets = SqliteColumns.Octets(_statement, column);
        return octets.Length == 0 && column is (4 or 7) && SqliteColumns.IsNull(_statement, column) ? null : _words.Of(octets);
    }

    private Octets Blob(int column) => Octets.Owning(SqliteColumns.Octets(_statement, column).ToArray());

    private Principal Principal(string door, string name)
    {
        if (_lastPrincipal is not { } last || last.Door != door || last.Name != name) _lastPrincipal = new Principal(door, name);
        return _lastPrincipal;
    }

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK) throw new SqliteException(raw.sqlite3_errmsg(_database).utf8_to_string(), result & 0xff, result);
    }

    /// <summary>Strings by their UTF-8 octets; each place remembers the last one that fell to it.</summary>
    private sealed class Words
    {
        private readonly (byte[] Octets, string Text)[] _places = new (byte[], string)[4096];

        public string Of(ReadOnlySpan<byte> octets)
        {
            if (octets.Length == 0) return "";
            var hash = (uint)octets.Length;
            foreach (var octet in octets) hash = (hash ^ octet) * 16_777_619;
            ref var place = ref _places[(hash ^ (hash >> 15)) & 4095];
            if (place.Octets is not null && octets.SequenceEqual(place.Octets)) return place.Text;
            place = (octets.ToArray(), System.Text.Encoding.UTF8.GetString(octets));
            return place.Text;
        }
    }
}
