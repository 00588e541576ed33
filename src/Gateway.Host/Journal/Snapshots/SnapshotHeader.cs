using System.Text.Json.Serialization;
using Gateway.Policy;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Snapshots;

/// <summary>What a snapshot is a snapshot of.</summary>
public sealed record SnapshotHeader
{
    /// <summary>Id of the gateway.</summary>
    public required string Gateway { get; init; }

    /// <summary>The last event that is in it.</summary>
    public required long Position { get; init; }

    /// <summary>The chain's hash at that event: in a journal that has another one there, the snapshot is worth nothing.</summary>
    public required Octets Hash { get; init; }

    /// <summary>The revision in force.</summary>
    public required long Revision { get; init; }

    /// <summary>The first event behind the snapshot before this one.</summary>
    public required long SegmentFrom { get; init; }

    /// <summary>Ticks of the earliest event from <see cref="SegmentFrom"/> on; clocks jump, so it need not be the first.</summary>
    public required long SegmentEarliest { get; init; }

    /// <summary>Names the code that folded it; only the same code reads it.</summary>
    public required string Build { get; init; }

    /// <summary>SHA-256 of the content as it is stored.</summary>
    public required Octets Digest { get; init; }

    /// <summary>Octets of the content as it is stored: a <c>StateDocument</c>, compressed with Brotli.</summary>
    public required int Length { get; init; }

    /// <summary>Stands for the journal's own beginning behind what was archived.</summary>
    [JsonIgnore]
    public bool IsBase => Build.Length == 0;

    [JsonIgnore]
    public JournalHead Head => new(Position, Hash);
}
