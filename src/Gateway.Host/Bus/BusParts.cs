using Gateway.Host.Appliance;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Host.Bus;

/// <summary>
/// Takes one command and gives its outcome when that is durable. Calls made one after the other are decided in that order; the message may be
/// overwritten when the task is complete.
/// </summary>
public delegate Task<Outcome> CommandDoor(ReadOnlyMemory<byte> message, Principal principal, CancellationToken cancellationToken);

/// <summary>What a bus works with.</summary>
public sealed record BusParts
{
    public required BusSection Section { get; init; }

    /// <summary>Id of the gateway; part of every queue name and routing key.</summary>
    public required string GatewayId { get; init; }

    public required CommandDoor Handle { get; init; }

    /// <summary>Followed for the events to publish.</summary>
    public required IJournal Journal { get; init; }

    /// <summary>The journal's last stored position.</summary>
    public required Func<long> LastPosition { get; init; }

    /// <summary>What a principal may do.</summary>
    public Func<Principal, Rights> RightsOf { get; init; } = _ => Rights.All;

    /// <summary>File that remembers up to which position events are with the broker.</summary>
    public required string CheckpointPath { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>Gives the newest signed head; null when heads are not published.</summary>
    public Func<Journal.Heads.SignedHead?>? Head { get; init; }

    /// <summary>Beside the vault: it belongs to this gateway as that does.</summary>
    internal static string CheckpointOf(ApplianceConfig appliance) => Path.Combine(Path.GetDirectoryName(appliance.Vault.Path)!, "bus.checkpoint");

    public BusTiming Timing { get; init; } = new();
}

/// <summary>How patient the bus is.</summary>
public sealed record BusTiming
{
    /// <summary>Wait after the first failed attempt to reach the broker; doubled with each further one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long at the end the outcomes of commands in flight are waited for; the others come again at the next start.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Least time between two writes of the checkpoint; what was published since is published again after a crash.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(2);
}
