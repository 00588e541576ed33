using Gateway.Dataplane.Esp;
using Gateway.Host.Ike;
using Gateway.Ike.Engine;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Projections;

namespace Gateway.Host.Vici.Server;

/// <summary>What the vici door asks of a gateway.</summary>
internal interface IViciFace
{
    string Version { get; }

    DateTimeOffset Started { get; }

    /// <summary>The configuration as far as it is stored.</summary>
    RunningConfiguration Running { get; }

    /// <summary>The IKE SAs in any state, oldest first.</summary>
    IReadOnlyList<IkeSaView> IkeSas { get; }

    /// <summary>The SAs as the journal tells of them.</summary>
    SaInventory Inventory { get; }

    /// <summary>Who has which address of the pools.</summary>
    LeaseBook Leases { get; }

    /// <summary>Names of certificate items whose private key the gateway has.</summary>
    IReadOnlySet<string> Owned { get; }

    /// <summary>What was learned of revocation is asked for again.</summary>
    void ForgetRevocation();

    /// <summary>IKE messages that came and went.</summary>
    IkeMessageCounts Messages { get; }

    /// <summary>Half-open IKE SAs.</summary>
    int HalfOpen { get; }

    /// <summary>What a client may do.</summary>
    Rights RightsOf(Principal principal);

    /// <summary>The one way in for commands.</summary>
    Task<Outcome> HandleAsync(Command command, Principal principal, CancellationToken cancellationToken);

    /// <summary>The CHILD SAs that the dataplane carries, with their counters.</summary>
    IReadOnlyList<SaStatus> Carried();

    /// <summary>The security policies in the order in which they are looked at.</summary>
    IReadOnlyList<SecurityRuleStatus> Policies();

    /// <summary>Calls back for every event that is stored, in order, until what it gives is disposed; must be quick.</summary>
    IDisposable Follow(Action<ViciFact> onStored);

    /// <summary>Calls back for IKE messages while <see cref="TraceMessages"/> is on, until what it gives is disposed; must be quick.</summary>
    IDisposable FollowMessages(Action<MessageSeen> onSeen);

    /// <summary>Whether somebody wants to know of messages.</summary>
    void TraceMessages(bool on);

    /// <summary>Calls back for every line that is logged, until what it gives is disposed; must be quick.</summary>
    IDisposable FollowLog(Action<LogLine> onLogged);
}

/// <summary>A stored event with the SAs before and after it.</summary>
internal sealed record ViciFact(Envelope Envelope, GatewayEvent Event, SaInventory Before, SaInventory After);

/// <summary>A line of the log.</summary>
/// <param name="Area">As in <c>gateway log-level</c>.</param>
/// <param name="Text">Makes the text; only when somebody reads it.</param>
internal sealed record LogLine(string Area, LogLevel Level, Func<string> Text);
