namespace Gateway.Dataplane.Io;

/// <summary>A port whose link may go and be back before anyone looks.</summary>
internal interface ILinkedPort
{
    /// <summary>How often the link went, or another device took the place of the one before. May be asked on any thread.</summary>
    uint LinkLosses { get; }
}
