using System.Runtime.InteropServices;

namespace Gateway.Host.Journal.Sqlite.Interop;

/// <summary>
/// The columns of the row on which a statement stands. The row was computed by the step before, so that these calls only look into memory and return at
/// once: they go straight into the library, where the general wrapper's bookkeeping costs several times the call.
/// </summary>
internal static unsafe partial class SqliteColumns
{
    private const string Library = "e_sqlite3";
    private const int Null = 5;

    public static long Number(SafeHandle statement, int column) => sqlite3_column_int64(statement.DangerousGetHandle(), column);

    public static bool IsNull(SafeHandle statement, int column) => sqlite3_column_type(statement.DangerousGetHandle(), column) == Null;

    /// <summary>The octets of a text or blob; they are SQLite's own, until the next step.</summary>
    public static ReadOnlySpan<byte> Octets(SafeHandle statement, int column)
    {
        var handle = statement.DangerousGetHandle();
        var octets = sqlite3_column_blob(handle, column);
        return octets is null ? default : new ReadOnlySpan<byte>(octets, sqlite3_column_bytes(handle, column));
    }

    [LibraryImport(Library), SuppressGCTransition]
    private static partial long sqlite3_column_int64(nint statement, int column);

    [LibraryImport(Library), SuppressGCTransition]
    private static partial int sqlite3_column_type(nint statement, int column);

    [LibraryImport(Library), SuppressGCTransition]
    private static partial byte* sqlite3_column_blob(nint statement, int column);

    [LibraryImport(Library), SuppressGCTransition]
    private static partial int sqlite3_column_bytes(nint statement, int column);
}
