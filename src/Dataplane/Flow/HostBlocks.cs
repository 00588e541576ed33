namespace Gateway.Dataplane.Flow;

/// <summary>The blocks of outside ports that an inside host has, as workers see them; replaced as a whole. All are of one address.</summary>
/// <param name="Outside">The outside address.</param>
/// <param name="Firsts">First port of each block, the oldest first.</param>
/// <param name="FullUntil">No further block can be had before this time of the workers' clock, ns.</param>
internal sealed record HostBlocks(uint Outside, ushort[] Firsts, long FullUntil = 0);
