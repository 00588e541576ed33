using System.Net;

namespace Gateway.Dataplane.Apply;

/// <summary>A block of outside ports that an inside host has.</summary>
/// <param name="Vrf">Name of the host's VRF; null the default one.</param>
/// <param name="Since">When it got it.</param>
public sealed record NatBlock(string Rule, IPAddress Host, string? Vrf, IPAddress Outside, int FirstPort, int LastPort, DateTimeOffset Since);

/// <summary>Keeps account of blocks of ports: a block is used only when it says that this is stored, and given to another host only when its release is.</summary>
public interface INatLedger
{
    /// <summary>A host is to get a block. False: that cannot be written now. Else <paramref name="stored"/> is called later, on any thread, with whether it is stored.</summary>
    bool TryAssign(NatBlock block, Action<bool> stored);

    /// <summary>Blocks are no host's any more; else as <see cref="TryAssign"/>.</summary>
    /// <param name="reason">Stable word: <c>idle</c>, <c>rule-changed</c>.</param>
    bool TryRelease(IReadOnlyList<NatBlock> blocks, string reason, Action<bool> stored);
}

/// <summary>How blocks of ports were given since the start.</summary>
/// <param name="Assigned">Blocks that hosts got.</param>
/// <param name="Released">Blocks that were given back.</param>
/// <param name="Exhausted">Times that a host needed a block and there was none.</param>
/// <param name="Unwritten">Times that a block was not given because the journal did not take it.</param>
public readonly record struct NatBlockCounts(long Assigned, long Released, long Exhausted, long Unwritten);

/// <summary>The blocks of a rule.</summary>
/// <param name="Size">Ports of a block.</param>
/// <param name="Blocks">How many there are.</param>
/// <param name="Taken">How many are not free.</param>
/// <param name="Hosts">Hosts that have some.</param>
/// <param name="Exhausted">Times that a host needed a block and there was none.</param>
public sealed record NatBlockUsage(int Size, int Blocks, int Taken, int Hosts, long Exhausted);
