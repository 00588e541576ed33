using System.Runtime.CompilerServices;
using Gateway.Host.Journal.Pages;
using Gateway.Host.Journal.Sqlite;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Journal;

/// <summary>
/// The embedded journal: one SQLite file in WAL mode. Synced appends commit with synchronous=FULL; others with NORMAL, which survives the process,
/// followed by a sync of the write-ahead log within <see cref="SoonDelay"/>. A lock file keeps a second writer out while readers may look on;
/// a <see cref="HeadAnchor"/> beside it shows a lost tail.
/// </summary>
public sealed class SqliteJournal : IJournal, IEventPages
{
    /// <summary>Longest time that an append of <see cref="Durability.Soon"/> waits for its sync.</summary>
    public static readonly TimeSpan SoonDelay = TimeSpan.FromMilliseconds(40);

    private const int ApplicationId = 0x47_57_4a_31;

    /// <summary>EWOULDBLOCK: what the runtime answers when another process holds a file.</summary>
    private const int WouldBlock = 11;

    private readonly string _path;
    private readonly string? _owner;
    private int? _maxPages;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Timer _syncSoon;
    private SqliteConnection? _writer;
    private EventWriter? _events;
    private CommandLookup? _lookup;
    private FileStream? _lock;
    private HeadAnchor? _anchor;
    private JournalHead _head;
    private SafeFileHandle? _wal;
    private bool _full;
    private int _syncPending;
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    static SqliteJournal() => SQLitePCL.Batteries_V2.Init();

    /// <param name="path">The database; its anchor, its lock and its heads lie beside it.</param>
    /// <param name="owner">Id of the gateway, which the journal remembers; the journal of another one is refused. Null = do not look.</param>
    public SqliteJournal(string path, string? owner = null)
    {
        (_path, _owner) = (Path.GetFullPath(path), owner);
        _syncSoon = new Timer(_ => SyncNow());
    }

    /// <summary>Most pages of 4096 octets that the database may have; for tests of a full disk.</summary>
    internal int? MaxPages
    {
        get => _maxPages;
        set
        {
            _maxPages = value;
            if (_writer is not null) Execute(_writer, $"PRAGMA max_page_count={value ?? int.MaxValue}");
        }
    }

    /// <summary>The head anchor's file for the journal at <paramref name="path"/>.</summary>
    public static string AnchorPath(string path) => path + ".head";

    public async ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken)
    {
        MakeFolder();
        _lock = TakeLock();
        try
        {
            _writer = Connect(SqliteOpenMode.ReadWriteCreate);
            // Before anything is written: what is not this gateway's stays as it is.
            CheckOwner(_writer);
            Execute(_writer, "PRAGMA journal_mode=WAL");
            Execute(_writer, "PRAGMA synchronous=NORMAL");
            CreateSchema(_writer);
            MaxPages = _maxPages;
            // An archiving that was cut off had its bundle and its base: the rest of it is done now.
            while (BaseRow.DeleteSome(_writer))
            {
            }

            _head = ReadHead(_writer);
            _anchor = HeadAnchor.Open(AnchorPath(_path));
            var anchor = HeadAnchor.Read(AnchorPath(_path));
            await CheckAnchorAsync(anchor, cancellationToken).ConfigureAwait(false);
            if (_head.Position > 0 && anchor != _head) _anchor.Write(_head);
            return _head;
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw CannotBeWritten(e);
        }
    }

    /// <summary>
    /// Opens for reading beside a running gateway, or without one, also on a medium that cannot be written; <see cref="AppendAsync"/> is refused.
    /// </summary>
    public static SqliteJournal OpenForReading(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no journal at {path}.", path);
        return new SqliteJournal(path);
    }

    public async ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken)
    {
        if (_writer is null) throw new InvalidOperationException("The journal is not open for writing.");
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (batch.Envelopes.Count > 0 && batch.Envelopes[0].Position != _head.Position + 1)
                throw new JournalConflictException($"The stream ends at {_head.Position}, the append begins at {batch.Envelopes[0].Position}.");
            Store(_writer, batch);
            if (batch.Envelopes.Count > 0) _head = new JournalHead(batch.Envelopes[^1].Position, batch.Envelopes[^1].Hash);
            _anchor!.Write(_head);
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
        finally
        {
            _writing.Release();
        }

        if (batch.Durability == Durability.Soon && Interlocked.Exchange(ref _syncPending, 1) == 0) _syncSoon.Change(SoonDelay, Timeout.InfiniteTimeSpan);
        Interlocked.Exchange(ref _grown, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    public async IAsyncEnumerable<Envelope> ReadAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var page in EnvelopePages(from, cancellationToken))
            foreach (var envelope in page) yield return envelope;
    }

    public IAsyncEnumerable<IReadOnlyList<Envelope>> ReadPagesAsync(long from, CancellationToken cancellationToken) => ReadAhead.Of(stop => EnvelopePages(from, stop), cancellationToken);

    IAsyncEnumerable<EventPage> IEventPages.ReadEventPagesAsync(long from, CancellationToken cancellationToken) => ReadAhead.Of(stop => Pages(from, stop), cancellationToken);

    public async IAsyncEnumerable<Envelope> FollowAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var recurring = new RecurringValues();
        using var rows = Reading(source => new EventRows(source));
        while (true)
        {
            var grown = Volatile.Read(ref _grown).Task;
            foreach (var page in Pages(rows, from, cancellationToken))
            {
                Envelope[] envelopes;
                using (page) envelopes = page.ToEnvelopes(recurring);
                from = envelopes[^1].Position + 1;
                foreach (var envelope in envelopes) yield return envelope;
            }

            await grown.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken)
    {
        var lookup = _lookup ?? Interlocked.CompareExchange(ref _lookup, new CommandLookup(() => Connect(SqliteOpenMode.ReadOnly)), null) ?? _lookup;
        return ValueTask.FromResult(lookup.Find(key));
    }

    public ValueTask<JournalBase?> BaseAsync(CancellationToken cancellationToken)
    {
        using var connection = Connect(SqliteOpenMode.ReadOnly);
        return ValueTask.FromResult(BaseRow.Read(connection));
    }

    /// <summary>
    /// Lets the journal begin behind <paramref name="archived"/>, whose events are safe in a bundle, and deletes them, a few at a time, so that appends go on
    /// meanwhile. The commands' keys stay: what was decided once is still known.
    /// </summary>
    public async ValueTask ArchiveAsync(JournalBase archived, CancellationToken cancellationToken)
    {
        await WriteAsync(
            writer =>
            {
                Execute(writer, "PRAGMA synchronous=FULL");
                _full = true;
                BaseRow.Write(writer, archived);
                return false;
            },
            cancellationToken).ConfigureAwait(false);
        // From here on a cut-off is completed by the next start.
        while (await WriteAsync(BaseRow.DeleteSome, cancellationToken).ConfigureAwait(false)) await Task.Delay(1, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _syncSoon.DisposeAsync().ConfigureAwait(false);
        await _writing.WaitAsync().ConfigureAwait(false);
        if (_syncPending != 0) SyncWal();
        _events?.Dispose();
        _lookup?.Dispose();
        if (_writer is not null)
        {
            Checkpoint(_writer);
            _writer.Dispose();
        }

        _anchor?.Sync();
        _anchor?.Dispose();
        _wal?.Dispose();
        _lock?.Dispose();
        _writing.Dispose();
    }

    private void CheckOwner(SqliteConnection connection)
    {
        var tables = (long)Scalar(connection, "SELECT count(*) FROM sqlite_master")!;
        if (tables != 0 && !IsMarked(connection)) throw new JournalUnavailableException($"The file {_path} is a database of something else, not a journal of a gateway.");
        if (_owner is null || (long)Scalar(connection, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='owner'")! == 0) return;
        if (Scalar(connection, "SELECT gateway FROM owner") is string owner && owner != _owner)
            throw new JournalUnavailableException($"The journal {_path} belongs to the gateway {owner}, not to {_owner}.");
    }

    private static bool IsMarked(SqliteConnection connection) => (long)Scalar(connection, "PRAGMA application_id")! == ApplicationId;

    private void CreateSchema(SqliteConnection connection)
    {
        if (!IsMarked(connection)) Execute(connection, $"PRAGMA application_id={ApplicationId}");
        Execute(
            connection,
            $"""
            CREATE TABLE IF NOT EXISTS events (
              position INTEGER PRIMARY KEY, subject TEXT NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, command_id TEXT, door TEXT NOT NULL,
              who TEXT NOT NULL, issuer TEXT, cause INTEGER, data BLOB NOT NULL, hash BLOB NOT NULL);
            DROP INDEX IF EXISTS events_by_subject;
            CREATE TABLE IF NOT EXISTS commands (
              door TEXT NOT NULL, who TEXT NOT NULL, id TEXT NOT NULL, body_hash BLOB NOT NULL, position INTEGER NOT NULL, outcome BLOB NOT NULL,
              PRIMARY KEY (door, who, id)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY CHECK (one = 1), gateway TEXT NOT NULL);
            {BaseRow.Schema};
            """);
        if (_owner is null) return;
        using var command = connection.CreateCommand();
        command.CommandText = "INSERT OR IGNORE INTO owner VALUES (1, $gateway)";
        command.Parameters.AddWithValue("$gateway", _owner);
        command.ExecuteNonQuery();
    }

    private async ValueTask<T> WriteAsync<T>(Func<SqliteConnection, T> write, CancellationToken cancellationToken)
    {
        if (_writer is null) throw new InvalidOperationException("The journal is not open for writing.");
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return write(_writer);
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
        finally
        {
            _writing.Release();
        }
    }

    private static JournalHead ReadHead(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT position, hash FROM events ORDER BY position DESC LIMIT 1";
        using var row = command.ExecuteReader();
        if (row.Read()) return new JournalHead(row.GetInt64(0), (byte[])row[1]);
        return BaseRow.Read(connection)?.Head ?? JournalHead.Empty;
    }

    private async ValueTask CheckAnchorAsync(JournalHead? anchor, CancellationToken cancellationToken)
    {
        if (anchor is not { Position: > 0 } expected) return;
        if (_head.Position < expected.Position)
        {
            throw new JournalDamagedException(
                _head.Position + 1,
                $"The journal {_path} ends at position {_head.Position}, but position {expected.Position} was committed: its tail is lost (first missing position {_head.Position + 1}).");
        }

        if (expected.Position == _head.Position && expected.Hash == _head.Hash) return;
        if (BaseRow.Mark(_writer!) is { } mark && mark.Position >= expected.Position) return;
        await foreach (var envelope in ReadAsync(expected.Position, cancellationToken).ConfigureAwait(false))
        {
            if (envelope.Position != expected.Position || envelope.Hash != expected.Hash)
                throw new JournalDamagedException(expected.Position, $"The journal {_path} holds another event at position {expected.Position} than was committed there.");
            break;
        }
    }

    private void Store(SqliteConnection writer, AppendBatch batch)
    {
        var full = batch.Durability == Durability.Synced;
        if (full != _full)
        {
            Execute(writer, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
            _full = full;
        }

        (_events ??= new EventWriter(writer)).Store(batch);
    }

    private IEnumerable<EventPage> Pages(long from, CancellationToken cancellationToken)
    {
        using var rows = Reading(source => new EventRows(source));
        foreach (var page in Pages(rows, from, cancellationToken)) yield return page;
    }

    // Each page is a read transaction of its own: a long one would keep the write-ahead log from being taken in.
    private IEnumerable<EventPage> Pages(EventRows rows, long from, CancellationToken cancellationToken)
    {
        from = Math.Max(1, from);
        ThrowIfArchived(rows, from);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = rows.Read(from);
            // It may have been archived while it was read.
            if (page.Count > 0 && page.PositionAt(0) != from) ThrowIfArchived(rows, from);
            var (more, next) = (page.IsFull, page.Count > 0 ? page.PositionAt(page.Count - 1) + 1 : 0);
            if (page.Count > 0) yield return page;
            else page.Dispose();
            if (!more) yield break;
            from = next;
        }
    }

    private IEnumerable<IReadOnlyList<Envelope>> EnvelopePages(long from, CancellationToken cancellationToken)
    {
        var recurring = new RecurringValues();
        foreach (var page in Pages(from, cancellationToken))
        {
            using (page) yield return page.ToEnvelopes(recurring);
        }
    }

    private void ThrowIfArchived(EventRows rows, long from)
    {
        if (rows.Mark() is { } mark && from <= mark.Position)
            throw new JournalArchivedException(from, $"Position {from} was archived: the journal {_path} begins behind position {mark.Position}; the bundle {mark.Bundle} holds what was before.");
    }

    private void SyncNow()
    {
        _writing.Wait();
        try
        {
            SyncWal();
        }
        catch (IOException)
        {
            // The next synced commit meets the same disk and tells its caller.
        }
        finally
        {
            _writing.Release();
        }
    }

    private void SyncWal()
    {
        Interlocked.Exchange(ref _syncPending, 0);
        var wal = _path + "-wal";
        _wal ??= File.Exists(wal) ? File.OpenHandle(wal, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete) : null;
        if (_wal is not null) RandomAccess.FlushToDisk(_wal);
        _anchor?.Sync();
    }

    private static void Checkpoint(SqliteConnection writer)
    {
        try
        {
            Execute(writer, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException)
        {
            // The log stays beside a database that cannot take it; the next open reads both, or says what is wrong.
        }
    }

    private FileStream TakeLock()
    {
        try
        {
            return new FileStream(_path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new JournalUnavailableException($"The journal {_path} is in use by another process.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw CannotBeWritten(e);
        }
    }

    private void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw CannotBeWritten(e);
        }
    }

    private JournalUnavailableException CannotBeWritten(Exception e) => new($"The journal {_path} cannot be written: {e.Message}", e);

    private SqliteConnection Connect(SqliteOpenMode mode) => mode == SqliteOpenMode.ReadOnly ? Reading(source => Connect(source, mode)) : Connect(_path, mode);

    /// <summary>Opens the database for reading, wherever it lies.</summary>
    private T Reading<T>(Func<string, T> open)
    {
        if (_writer is not null) return open(_path);
        try
        {
            return open(_path);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SQLitePCL.raw.SQLITE_CANTOPEN or SQLitePCL.raw.SQLITE_READONLY)
        {
            // SQLite shares an index of the write-ahead log with a writer, and may not make it here. Where there is no log nobody can be writing: it was closed.
            if (new FileInfo(_path + "-wal") is { Exists: true, Length: > 0 })
                throw new JournalUnavailableException($"The journal {_path} was not closed and lies where nothing can be written: copy it with its -wal file to another folder to read it.", e);
            return open($"file:{Uri.EscapeDataString(_path)}?immutable=1");
        }
    }

    private static SqliteConnection Connect(string source, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = source, Mode = mode, Pooling = false, DefaultTimeout = 5 }.ToString());
        try
        {
            connection.Open();
            // The journal is appended to and read from end to end; a larger page cache would only stand about.
            Execute(connection, "PRAGMA cache_size=-512");
            // The first look into the file; a writer looks at once by itself.
            if (mode == SqliteOpenMode.ReadOnly) Scalar(connection, "SELECT 1 FROM sqlite_master LIMIT 1");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    // Where SQLite has no room for its index it says no more than that the disk failed.
    private bool IsDiskFull()
    {
        try
        {
            return new DriveInfo(Path.GetDirectoryName(_path)!).AvailableFreeSpace < 64 * 1024;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private Exception Translate(SqliteException e) => e.SqliteErrorCode switch
    {
        SQLitePCL.raw.SQLITE_CORRUPT or SQLitePCL.raw.SQLITE_NOTADB =>
            new JournalDamagedException(_head.Position + 1, $"The journal {_path} is damaged behind position {_head.Position}: {e.Message}"),
        SQLitePCL.raw.SQLITE_CONSTRAINT => new JournalConflictException($"Somebody else wrote to the journal {_path}: {e.Message}"),
        SQLitePCL.raw.SQLITE_FULL or SQLitePCL.raw.SQLITE_IOERR when e.SqliteErrorCode == SQLitePCL.raw.SQLITE_FULL || IsDiskFull() => new JournalUnavailableException($"The disk of the journal {_path} is full.", e),
        SQLitePCL.raw.SQLITE_READONLY or SQLitePCL.raw.SQLITE_CANTOPEN or SQLitePCL.raw.SQLITE_PERM =>
            new JournalUnavailableException($"The journal {_path} cannot be written: {e.Message}", e),
        SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED => new JournalUnavailableException($"The journal {_path} is locked by another process.", e),
        _ => new JournalUnavailableException($"The journal {_path} cannot be used: {e.Message}", e),
    };
}
