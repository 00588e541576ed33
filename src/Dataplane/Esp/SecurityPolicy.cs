using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>What a security policy does (RFC 4301 §4.4.1).</summary>
public enum SecurityAction
{
    /// <summary>Only through an SA of the child: without one packets are dropped and an acquire is told; they never go in the clear.</summary>
    Protect,
    Bypass,
    Discard,
}

/// <summary>
/// One security policy: every pair of a local and a remote selector of the same family. Empty = any address of both families. How policies are ordered: see SpdRank.
/// </summary>
/// <param name="Name">Name of the policy item; for a child see <see cref="OfChild"/>.</param>
/// <param name="Local">Sources of outbound and destinations of inbound packets.</param>
/// <param name="Priority">Lower first; 0 = by the size of the selectors, behind all that have a number.</param>
public sealed record SecurityPolicy(string Name, SecurityAction Action, ValueList<TrafficSelector> Local, ValueList<TrafficSelector> Remote, int Priority = 0)
{
    /// <summary>The child that a protect policy belongs to.</summary>
    public ConnectionName Connection { get; init; }

    /// <inheritdoc cref="Connection"/>
    public ChildName Child { get; init; }

    /// <summary>A few packets wait a while for the SA that they ask for; without it they are dropped.</summary>
    public bool Holds { get; init; }

    /// <summary>It concerns only what is routed into the ipsec interface with this number, and nothing that comes in; 0 = all.</summary>
    public uint IfId { get; init; }

    /// <summary>The protect policy of a configured child. Selectors that are not known before the SA is (dynamic) are left out by the caller; the SA brings them.</summary>
    public static SecurityPolicy OfChild(ConnectionName connection, ChildName child, ValueList<TrafficSelector> local, ValueList<TrafficSelector> remote, int priority = 0) =>
        new($"{connection}/{child}", SecurityAction.Protect, local, remote, priority) { Connection = connection, Child = child };
}
