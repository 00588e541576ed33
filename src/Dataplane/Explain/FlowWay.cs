using Gateway.Dataplane.Apply;

namespace Gateway.Dataplane.Explain;

/// <summary>Where a packet begins its way; a closed family.</summary>
public abstract record WayBegin
{
    private WayBegin()
    {
    }

    /// <summary>It comes in by an interface.</summary>
    public sealed record ByInterface(string Name) : WayBegin;

    /// <summary>A CHILD SA has decrypted it.</summary>
    public sealed record OutOfSa(Policy.Sa.ChildSaId Id) : WayBegin;

    /// <summary>The gateway itself, or its host, sends it.</summary>
    public sealed record Own : WayBegin;
}

/// <summary>What became of a packet; a closed family.</summary>
public abstract record WayEnd
{
    private WayEnd()
    {
    }

    /// <summary>It left.</summary>
    /// <param name="Interfaces">By which; several when it was flooded.</param>
    public sealed record Left(IReadOnlyList<string> Interfaces) : WayEnd;

    /// <summary>It was for the gateway.</summary>
    /// <param name="To">Who took it: <c>host</c>, <c>ike</c>, or the node that answered or used it.</param>
    public sealed record Delivered(string To) : WayEnd;

    /// <summary>It was dropped without a word.</summary>
    /// <param name="Reason">As <c>show counters</c> names it: node and reason.</param>
    public sealed record Dropped(string Reason, string Sentence) : WayEnd;

    /// <summary>It was dropped, and its sender is told.</summary>
    /// <param name="By">The node that tells it.</param>
    public sealed record Refused(string Reason, string Sentence, string By) : WayEnd;

    /// <summary>It waits for a CHILD SA that it asked for.</summary>
    public sealed record Waits(string Policy) : WayEnd;
}

/// <summary>The whole way of a packet.</summary>
/// <param name="Steps">In order; those behind <paramref name="Own"/> steps are of what the gateway sent because of it.</param>
/// <param name="Own">How many steps are the packet's own.</param>
/// <param name="Answer">What the other end would send back, and where it comes in; null when it did not get there, or does not answer.</param>
public sealed record FlowWay(IReadOnlyList<TraceRow> Steps, int Own, WayEnd End, (ProbeFlow Flow, WayBegin Begin)? Answer);
