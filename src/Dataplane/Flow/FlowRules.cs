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

    /// <summary>By index: begin a flow for everything that comes in or leaves by this interface; null when there are none such.</summary>
    public bool[]? TrackOn { get; init; }

    /// <summary>Let a TCP connection begin in its middle (nf_conntrack_tcp_loose).</summary>
    public bool Loose { get; init; } = true;

    /// <summary>A rule of an interface permits flows both ways.</summary>
    public bool Reflects { get; init; }

    /// <summary>Whether flows are looked at at all.</summary>
    public bool Active => Nat.Any || Active6;

    /// <summary>Whether flows of IPv6 are, which nothing translates.</summary>
    public bool Active6 => TrackAll || Reflects || TrackOn is not null;

    /// <summary>Whether a flow that comes in by one interface and leaves by the other begins although no rule asks for it.</summary>
    public bool Tracks(uint from, uint to) => TrackAll || (TrackOn is { } on && ((from < on.Length && on[from]) || (to < on.Length && on[to])));
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

    /// <summary>Something by which flows are judged has changed. Control side only.</summary>
    public void JudgeAgain() => Current = Current with { Generation = Current.Generation + 1 };

    /// <summary>Rules of an interface have changed: flows are judged again. Control side only.</summary>
    public void FiltersChanged(bool reflects) => Current = Current with { Generation = Current.Generation + 1, Reflects = reflects };

    /// <summary>Whether packets meet the nodes of flows.</summary>
    public bool Active => Current.Active;

    /// <inheritdoc cref="Active"/>
    public bool Active6 => Current.Active6;
}
