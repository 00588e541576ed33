namespace Gateway.Dataplane.Io;

/// <summary>Something that a port counts by its reason.</summary>
/// <param name="Name">A stable kebab-case word.</param>
/// <param name="Sentence">What it means.</param>
public sealed record PortReason(string Name, ulong Value, string Sentence);

/// <summary>A port that tells more than <see cref="PortCounters"/>: why its connections ended, for example.</summary>
public interface IReasonedPort
{
    /// <summary>What was counted so far; nothing for what never happened. May be asked on any thread.</summary>
    IEnumerable<PortReason> Reasons { get; }
}
