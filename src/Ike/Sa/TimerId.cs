namespace Gateway.Ike.Sa;

/// <summary>What a timer of an IKE SA is for.</summary>
public enum TimerKind : byte
{
    /// <summary>Send the outstanding request again.</summary>
    Retransmit = 1,

    /// <summary>Give up a set-up that the peer does not finish.</summary>
    HalfOpen,

    IkeRekey,

    IkeExpire,

    /// <summary>Authenticate anew.</summary>
    IkeReauth,

    /// <summary>Check whether a silent peer still lives.</summary>
    Liveness,

    /// <summary>Keep the mapping of a NAT before us alive.</summary>
    Keepalive,

    /// <summary>Its number is the CHILD SA's.</summary>
    ChildRekey,

    /// <inheritdoc cref="ChildRekey"/>
    ChildExpire,

    /// <summary>Try again what the peer could not do at the time.</summary>
    Retry,

    /// <summary>Close a replaced IKE SA that the peer did not close.</summary>
    Linger,

    /// <summary>Go on without the answer to a question.</summary>
    Patience,

    /// <summary>Close a child that carries nothing; its number is the CHILD SA's.</summary>
    ChildIdle,
}

/// <summary>Names one timer within its IKE SA. Setting a timer that runs moves it.</summary>
public readonly record struct TimerId(TimerKind Kind, ulong Number = 0)
{
    public override string ToString() => Number == 0 ? Kind.ToString() : $"{Kind} {Number}";
}
