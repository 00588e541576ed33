using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;

namespace Gateway.Host.Journal;

/// <summary>Finds recorded commands on a connection of its own that stays open: every command is looked for once, and to open a database takes longer than to look.</summary>
internal sealed class CommandLookup(Func<SqliteConnection> connect) : IDisposable
{
    private readonly Lock _gate = new();
    private SqliteConnection? _connection;
    private SqliteCommand? _command;

    public RecordedCommand? Find(CommandKey key)
    {
        lock (_gate)
        {
            try
            {
                var command = _command ??= Prepare();
                command.Parameters[0].Value = key.Principal.Door;
                command.Parameters[1].Value = key.Principal.Name;
                command.Parameters[2].Value = key.Id;
                using var row = command.ExecuteReader();
                return row.Read() ? new RecordedCommand(key, (byte[])row[0], row.GetInt64(1), (byte[])row[2]) : null;
            }
            catch (SqliteException)
            {
                // The next call begins with a connection of its own again.
                Close();
                throw;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate) Close();
    }

    private SqliteCommand Prepare()
    {
        _connection = connect();
        var command = _connection.CreateCommand();
        command.CommandText = "SELECT body_hash, position, outcome FROM commands WHERE door=$door AND who=$who AND id=$id";
        foreach (var name in (string[])["$door", "$who", "$id"]) command.Parameters.Add(new SqliteParameter(name, SqliteType.Text));
        return command;
    }

    private void Close()
    {
        _command?.Dispose();
        _connection?.Dispose();
        (_command, _connection) = (null, null);
    }
}
