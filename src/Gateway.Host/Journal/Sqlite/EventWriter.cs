using System.Text;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Gateway.Host.Journal.Sqlite;

/// <summary>
/// Writes groups of events with their commands, each group in a transaction, by statements that are prepared once. A fact about an SA is written for every
/// set-up of a peer; parameter objects, command objects and a parsed <c>COMMIT</c> for each would cost more than SQLite itself takes.
/// </summary>
internal sealed class EventWriter : IDisposable
{
    private const int Patience = 5000; // milliseconds, as for all connections of a journal
    private const int OnStack = 512;

    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _begin;
    private readonly sqlite3_stmt _commit;
    private readonly sqlite3_stmt _rollback;
    private readonly sqlite3_stmt _event;
    private readonly sqlite3_stmt _command;

    public EventWriter(SqliteConnection connection)
    {
        _database = connection.Handle!;
        Check(raw.sqlite3_busy_timeout(_database, Patience));
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
        _rollback = Prepare("ROLLBACK");
        _event = Prepare("INSERT INTO events VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
        _command = Prepare("INSERT INTO commands VALUES (?1,?2,?3,?4,?5,?6)");
    }

    /// <summary>Stores all of it or nothing.</summary>
    /// <exception cref="SqliteException">Nothing was stored.</exception>
    public void Store(AppendBatch batch)
    {
        Run(_begin);
        try
        {
            foreach (var envelope in batch.Envelopes) Insert(envelope);
            foreach (var command in batch.Commands) Insert(command);
            Run(_commit);
        }
        catch
        {
            // SQLite itself may have rolled back already.
            if (raw.sqlite3_get_autocommit(_database) == 0) _ = Step(_rollback);
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var statement in (sqlite3_stmt[])[_begin, _commit, _rollback, _event, _command]) statement.Dispose();
    }

    private void Insert(Envelope e)
    {
        Number(_event, 1, e.Position);
        Text(_event, 2, e.Subject);
        Text(_event, 3, e.Name);
        Number(_event, 4, e.Time.UtcTicks);
        Text(_event, 5, e.CommandId);
        Text(_event, 6, e.Principal.Door);
        Text(_event, 7, e.Principal.Name);
        Text(_event, 8, e.Issuer);
        if (e.Cause is { } cause) Number(_event, 9, cause);
        else Check(raw.sqlite3_bind_null(_event, 9));
        Check(raw.sqlite3_bind_blob(_event, 10, e.Data.Span));
        Check(raw.sqlite3_bind_blob(_event, 11, e.Hash.Span));
        Run(_event);
    }

    private void Insert(RecordedCommand c)
    {
        Text(_command, 1, c.Key.Principal.Door);
        Text(_command, 2, c.Key.Principal.Name);
        Text(_command, 3, c.Key.Id);
        Check(raw.sqlite3_bind_blob(_command, 4, c.BodyHash.Span));
        Number(_command, 5, c.FirstPosition);
        Check(raw.sqlite3_bind_blob(_command, 6, c.Outcome.Span));
        Run(_command);
    }

    private void Number(sqlite3_stmt statement, int place, long value) => Check(raw.sqlite3_bind_int64(statement, place, value));

    private void Text(sqlite3_stmt statement, int place, string? text)
    {
        if (text is null)
        {
            Check(raw.sqlite3_bind_null(statement, place));
            return;
        }

        Span<byte> octets = stackalloc byte[OnStack];
        // An empty span would bind NULL.
        Check(text.Length > 0 && Encoding.UTF8.TryGetBytes(text, octets, out var length)
            ? raw.sqlite3_bind_text(statement, place, octets[..length])
            : raw.sqlite3_bind_text(statement, place, text));
    }

    private sqlite3_stmt Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v3(_database, sql, 1 /* SQLITE_PREPARE_PERSISTENT */, out var statement));
        return statement;
    }

    private void Run(sqlite3_stmt statement)
    {
        var result = Step(statement);
        if (result != raw.SQLITE_DONE) Check(result);
    }

    // The code of a failed step is the step's own; what the reset then repeats says nothing new.
    private static int Step(sqlite3_stmt statement)
    {
        var result = raw.sqlite3_step(statement);
        _ = raw.sqlite3_reset(statement);
        return result;
    }

    private void Check(int result)
    {
        if (result is raw.SQLITE_OK) return;
        throw new SqliteException(raw.sqlite3_errmsg(_database).utf8_to_string(), result & 0xff, raw.sqlite3_extended_errcode(_database));
    }
}
