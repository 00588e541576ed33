namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>What goes wrong with a call.</summary>
internal enum Fault
{
    None,

    /// <summary>The connection breaks before anything is done.</summary>
    BreakBefore,

    /// <summary>It is done, then the connection breaks.</summary>
    BreakAfter,

    /// <summary>It is done, and half of the answer is sent.</summary>
    HalfAnswer,

    /// <summary>Nothing is done and nothing answered.</summary>
    Hang,

    /// <summary>It is done, but not answered.</summary>
    HangAfter,

    /// <summary>The node says that it is not the leader, and who is.</summary>
    NotLeader,

    /// <summary>The node says that it is too busy.</summary>
    Unavailable,

    /// <summary>The answer ends without a status.</summary>
    NoStatus,

    /// <summary>It is held back, and done when the test says so: a packet that was long on its way.</summary>
    Late,
}
