using Gateway.Policy.Commands;

namespace Gateway.Host.Appliance;

/// <summary>Who may do what. The first rule that names a principal holds for it; whom none names may do nothing.</summary>
public sealed record AuthorizationSection
{
    /// <summary>Looked at in order. Root and the gateway's own user may do everything on the Unix sockets unless a rule names them, because they could change this file too.</summary>
    public IReadOnlyList<AuthorizationRule> Rules { get; init; } = [];
}

/// <summary>What some principals may do.</summary>
public sealed record AuthorizationRule
{
    /// <summary>Principals as the journal shows them, <c>*</c> for any text: <c>bus:user:onap</c>, <c>http:uid:1000</c>, <c>http:cn:*</c>, <c>vici:uid:1000</c>, <c>bus:-</c> for senders without <c>user_id</c>.</summary>
    public required IReadOnlyList<string> Who { get; init; }

    /// <summary>Items that they may put and delete: <c>*</c>, a kind (<c>route</c>) or a pattern of names (<c>connection/branch-*</c>).</summary>
    public IReadOnlyList<string> Items { get; init; } = [];

    /// <summary>Whether they may carry transactions out, or only plan them.</summary>
    public IReadOnlyList<TransactionMode> Modes { get; init; } = [TransactionMode.Apply, TransactionMode.Plan];

    /// <summary>What they may do with SAs.</summary>
    public IReadOnlyList<SaVerb> Sa { get; init; } = [];

    /// <summary>May change what belongs to others, when a command says so.</summary>
    public bool TakeOwnership { get; init; }

    /// <summary>May read configuration, history and state over HTTP and vici.</summary>
    public bool Read { get; init; } = true;

    /// <summary>May ask for events once more over the bus.</summary>
    public bool Replay { get; init; }

    /// <summary>May trace packets and set log levels.</summary>
    public bool Operate { get; init; }

    /// <summary>Instead of the limits that hold for all.</summary>
    public LimitsSection? Limits { get; init; }
}

/// <summary>What one principal may use; beyond it commands are refused as <c>over-limit</c>, <c>too-large</c> or <c>too-many</c>.</summary>
public sealed record LimitsSection
{
    /// <summary>Commands a second in the long run, 0 = any number.</summary>
    public double Rate { get; init; }

    /// <summary>Commands at once before the rate counts, 1–1,000,000.</summary>
    public int Burst { get; init; } = 1000;

    /// <summary>Commands without an outcome yet, 1–100,000.</summary>
    public int InFlight { get; init; } = 1024;

    /// <summary>Octets of one command, 1024–4,194,304.</summary>
    public int Bytes { get; init; } = CommandLimits.Default.MaxBytes;

    /// <summary>Puts and deletes of one transaction, 1–100,000.</summary>
    public int Items { get; init; } = CommandLimits.Default.MaxItems;
}
