using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>A bridge domain (<c>bridge</c>), which switches frames between its members: <c>{"members":[{"interface":"lan1"},{"interface":"lan2"}],"bvi":"lan"}</c>.</summary>
public sealed record BridgeSpec : ItemSpec
{
    /// <summary>The interfaces between which frames are switched. They have no addresses of their own.</summary>
    public ValueList<BridgeMember> Members { get; init; }

    /// <summary>Name of a loopback interface that becomes the routed member: its addresses are reached through the bridge.</summary>
    public string? Bvi { get; init; }

    /// <summary>Time after which a learned MAC address that was not seen any more is forgotten, at least 10s; 0 never.</summary>
    public SwanDuration MacAge { get; init; } = new(300);

    /// <summary>MAC addresses that the bridge knows at most. A quarter of them is kept for the members in equal shares, so that a flood at one leaves room to the others.</summary>
    [Range(16, 1_048_576)]
    public int MacLimit { get; init; } = 16_384;

    /// <summary>Learn where MAC addresses are from the frames that come.</summary>
    public bool Learn { get; init; } = true;

    /// <summary>Send frames to MAC addresses that nobody knows to all members; otherwise they are dropped.</summary>
    public bool FloodUnknown { get; init; } = true;

    /// <summary>MAC addresses that are at a member for good; frames from them at another member are dropped.</summary>
    public ValueList<BridgeStation> Static { get; init; }
}

/// <summary>A member of a bridge.</summary>
public sealed record BridgeMember
{
    /// <summary>Name of an interface.</summary>
    public required string Interface { get; init; }

    /// <summary>Members of the same group other than 0 send nothing to each other.</summary>
    [Range(0, 255)]
    public int SplitHorizonGroup { get; init; }

    /// <summary>Learn MAC addresses here, if the bridge learns at all.</summary>
    public bool Learn { get; init; } = true;

    /// <summary>MAC addresses that may be learned here. Default: as many as the bridge has room for.</summary>
    [Range(1, 1_048_576)]
    public int? MacLimit { get; init; }

    /// <summary>Storm control: frames a second from here that may go to all members (broadcast, multicast, unknown destinations). Default without limit.</summary>
    [Range(1, 10_000_000)]
    public int? FloodRate { get; init; }
}

/// <summary>A MAC address at a member of a bridge.</summary>
public sealed record BridgeStation
{
    public required MacAddress Mac { get; init; }

    /// <summary>Name of a member.</summary>
    public required string Interface { get; init; }
}
