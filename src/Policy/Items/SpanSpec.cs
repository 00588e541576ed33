namespace Gateway.Policy.Items;

/// <summary>Which frames of an interface are copied.</summary>
public enum SpanDirection
{
    /// <summary>Those that come in and those that leave.</summary>
    Both,

    /// <summary>Those that come in.</summary>
    In,

    /// <summary>Those that leave.</summary>
    Out,
}

/// <summary>A mirror (<c>span</c>): copies of an interface's frames leave by another one too: <c>{"source":"wan","destination":"probe"}</c>.</summary>
public sealed record SpanSpec : ItemSpec
{
    /// <summary>Name of the interface whose frames are copied: one with Ethernet frames, switched or routed.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the interface by which the copies leave; a vxlan or gretap takes them to another machine.</summary>
    public required string Destination { get; init; }

    /// <summary>Which frames are copied.</summary>
    public SpanDirection Direction { get; init; }
}
