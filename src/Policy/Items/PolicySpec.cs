using System.ComponentModel.DataAnnotations;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items;

/// <summary>What happens to packets of a security policy (RFC 4301 §4.4.1); <c>protect</c> comes from the children of connections.</summary>
public enum PolicyAction
{
    Bypass,
    Discard,
}

/// <summary>A security policy (<c>policy</c>) beside those that the children of connections make: <c>{"action":"bypass","local_ts":["10.1.0.0/24"],"remote_ts":["10.9.0.0/16"]}</c>.</summary>
public sealed record PolicySpec : ItemSpec
{
    public required PolicyAction Action { get; init; }

    /// <summary>Sources of outbound and destinations of inbound packets; none = any.</summary>
    public ValueList<TrafficSelector> LocalTs { get; init; }

    public ValueList<TrafficSelector> RemoteTs { get; init; }

    /// <summary>Lower is looked at first; 0 = by the size of the selectors, the narrower first, before children of the same size.</summary>
    [Range(0, 65535)]
    public int Priority { get; init; }
}
