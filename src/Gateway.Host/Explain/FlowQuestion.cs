using Gateway.Dataplane.Explain;
using Gateway.Policy.Sa;

namespace Gateway.Host.Explain;

/// <summary>Where somebody lets a packet begin; a closed family.</summary>
internal abstract record FlowBegin
{
    private FlowBegin()
    {
    }

    /// <summary>It comes in by an interface.</summary>
    public sealed record In(string Interface) : FlowBegin;

    /// <summary>It comes out of the newest CHILD SA of a child.</summary>
    public sealed record From(ConnectionName Connection, ChildName Child) : FlowBegin;

    /// <summary>The gateway, or its host, sends it.</summary>
    public sealed record Gateway : FlowBegin;
}

/// <summary>What somebody asks: a packet, and where it begins.</summary>
/// <param name="Text">As it was asked, in its shortest form.</param>
/// <param name="HasFlags">TCP flags were given.</param>
/// <param name="IsNew">Flows that are known are left out of account.</param>
internal sealed record FlowQuestion(FlowBegin Begin, ProbeFlow Flow, string Text, bool HasFlags, bool IsNew);
