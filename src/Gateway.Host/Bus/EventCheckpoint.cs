using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Policy;
using Gateway.Policy.Journal;

namespace Gateway.Host.Bus;

/// <summary>
/// The small file that remembers the last event that the broker confirmed. It holds the event's hash too: when the journal has another event there (it was
/// replaced, or restored from a backup), publishing begins anew at position 1.
/// </summary>
internal sealed class EventCheckpoint(string path)
{
    /// <summary>The last position that the broker confirmed; 0 = none.</summary>
    public long Position => Read()?.Position ?? 0;

    /// <summary>The position to go on at: behind the stored one, or where the journal begins.</summary>
    public async Task<long> NextAsync(IJournal journal, CancellationToken cancellationToken)
    {
        var first = ((await journal.BaseAsync(cancellationToken).ConfigureAwait(false))?.Head.Position ?? 0) + 1;
        if (Read() is not { } mark || mark.Position < first) return first;
        await foreach (var e in journal.ReadAsync(mark.Position, cancellationToken).ConfigureAwait(false))
            return e.Position == mark.Position && e.Hash == mark.Hash ? mark.Position + 1 : first;
        return first;
    }

    /// <summary>Replaces the file atomically; a cut-off write leaves the one before.</summary>
    public void Write(long position, Octets hash)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(JsonSerializer.SerializeToUtf8Bytes(new Mark(position, hash), ApiJson.Options));
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }

    private Mark? Read()
    {
        try
        {
            return JsonSerializer.Deserialize<Mark>(File.ReadAllBytes(path), ApiJson.Options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    internal sealed record Mark(long Position, Octets Hash);
}
