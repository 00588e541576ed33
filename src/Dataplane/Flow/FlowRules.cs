namespace Gateway.Dataplane.Flow;

/// <summary>What workers know of the configuration of flows; immutable, replaced as a whole.</summary>
internal sealed record FlowRules
{
    public static readonly FlowRules None = new() { Nat = NatProgram.Empty };

    /// <summary>Goes up with every change by which a flow might be judged differently.</summary>
    public uint Generation { get; init; }

    public required NatProgram Nat { get; init; }

    /// <summary>Begin a flow for everything that is forwarded between interfaces, not only for what a rule translates or reflects.</summary>
    public bool TrackAll { get; init; }

    /// <summary>Let a TCP connection begin in its middle (nf_conntrack_tcp_loose).</summary>
    public bool Loose { get; init; } = true;

    /// <summary>Whether flows are looked at at all.</summary>
    public bool Active => Nat.Any || TrackAll;
}

/// <summary>The rules that hold now.</summary>
internal sealed class FlowTable
{
    private FlowRules _current = FlowRules.None;

    public FlowRules Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }

    /// <summary>Whether packets meet the nodes of flows.</summary>
    public bool Active => Current.Active;
}
