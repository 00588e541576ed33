using System.Text;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Heads;

/// <summary>
/// The files beside a journal by which it is verified without the gateway: <c>.heads</c>, a line of JSON for each signed head, and <c>.pub</c>, the public
/// key as PEM. Whoever can write to the journal can write to these too: what proves something is a key, or a head, that was kept elsewhere.
/// </summary>
public static class HeadFiles
{
    /// <summary>From so many lines on the older ones are thinned out.</summary>
    private const int MaxLines = 20_000;

    public static string HeadsPath(string journal) => journal + ".heads";

    public static string PublicKeyPath(string journal) => journal + ".pub";

    /// <summary>The signed heads of a file, by position, and how many of its lines are none. A missing file has none.</summary>
    public static (IReadOnlyList<SignedHead> Heads, int Unreadable) Read(string path)
    {
        if (!File.Exists(path)) return ([], 0);
        var (heads, unreadable) = (new List<SignedHead>(), 0);
        foreach (var line in File.ReadLines(path))
        {
            if (line.Length == 0) continue;
            if (TryParse(line) is { } head) heads.Add(head);
            else unreadable++;
        }

        heads.Sort((a, b) => a.Position.CompareTo(b.Position));
        return (heads, unreadable);
    }

    public static SignedHead? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<SignedHead>(line, ApiJson.Options) is { Gateway: not null, Position: > 0, Hash.Length: HashChain.HashLength } head ? head : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Adds a line. A line that a crash cut off before it is ended first.</summary>
    public static void Append(string path, SignedHead head, bool synced)
    {
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        if (file.Length == 0) File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        else
        {
            file.Seek(-1, SeekOrigin.End);
            if (file.ReadByte() != '\n') file.WriteByte((byte)'\n');
        }

        file.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(head, ApiJson.Options) + "\n"));
        file.Flush(synced);
    }

    /// <summary>Keeps the file bounded: of its older half every tenth line stays.</summary>
    public static void Thin(string path)
    {
        if (!File.Exists(path)) return;
        var lines = File.ReadAllLines(path);
        if (lines.Length < MaxLines) return;
        var kept = lines.Where((_, i) => i >= lines.Length / 2 || i % 10 == 0);
        File.WriteAllLines(path + ".new", kept);
        File.SetUnixFileMode(path + ".new", File.GetUnixFileMode(path));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>The public key beside the journal; null when there is none.</summary>
    public static HeadKey? PublicKeyOf(string journal)
    {
        try
        {
            return File.Exists(PublicKeyPath(journal)) ? HeadKey.FromPem(File.ReadAllText(PublicKeyPath(journal))) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
