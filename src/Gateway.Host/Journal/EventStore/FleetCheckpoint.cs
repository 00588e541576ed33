using System.Globalization;

namespace Gateway.Host.Journal.EventStore;

/// <summary>A small file that remembers how far a follower of all streams has come; it is written after what it covers was handed on, so that nothing is left out.</summary>
/// <param name="path">Null: nothing is remembered.</param>
internal sealed class FleetCheckpoint(string? path)
{
    /// <summary>Where to go on; the start when there is no file, or none that can be read.</summary>
    public AllPosition Read()
    {
        if (path is null || !File.Exists(path)) return AllPosition.Start;
        var words = File.ReadAllText(path).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 2
            && ulong.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var commit) && ulong.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var prepare)
            ? new AllPosition(commit, prepare)
            : throw new InvalidDataException($"{path} is no checkpoint.");
    }

    /// <summary>Replaces the file atomically.</summary>
    public void Write(AllPosition position)
    {
        if (path is null) return;
        var fresh = path + ".new";
        File.WriteAllText(fresh, string.Create(CultureInfo.InvariantCulture, $"{position.Commit} {position.Prepare}\n"));
        File.Move(fresh, path, overwrite: true);
    }
}
