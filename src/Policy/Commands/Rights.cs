using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Policy.Commands;

/// <summary>What a principal may do. Nothing, unless it says so.</summary>
public sealed record Rights
{
    /// <summary>Everything.</summary>
    public static Rights All { get; } = new()
    {
        Items = [ItemPattern.All],
        Apply = true,
        Plan = true,
        Sa = [SaVerb.Initiate, SaVerb.Rekey, SaVerb.Terminate],
        TakeOwnership = true,
        Read = true,
        Replay = true,
        Operate = true,
    };

    public static Rights None { get; } = new();

    /// <summary>Items that it may put and delete.</summary>
    public ValueList<ItemPattern> Items { get; init; }

    /// <summary>May carry transactions out.</summary>
    public bool Apply { get; init; }

    /// <summary>May ask what a transaction would do.</summary>
    public bool Plan { get; init; }

    public ValueList<SaVerb> Sa { get; init; }

    /// <summary>May change what belongs to others, when it says so.</summary>
    public bool TakeOwnership { get; init; }

    /// <summary>May ask for configuration, history and state.</summary>
    public bool Read { get; init; }

    /// <summary>May ask for events over the bus once more.</summary>
    public bool Replay { get; init; }

    /// <summary>May trace packets and set log levels.</summary>
    public bool Operate { get; init; }

    public bool MayChange(ItemKey key)
    {
        foreach (var pattern in Items)
            if (pattern.Matches(key)) return true;
        return false;
    }
}

/// <summary>Who sends a command, and what that one may.</summary>
public sealed record Speaker(Principal Principal, Rights Rights)
{
    /// <summary>
    /// To whom an item belongs that this principal puts; null for nobody: the first configuration of the box is there for whoever manages it later,
    /// and who proved nothing owns nothing.
    /// </summary>
    public static Principal? OwnerFrom(Principal principal) => principal is { Door: "config" or "gateway" } or { Name: "-" or "" } ? null : principal;

    /// <summary>True when it may change an item without taking it from somebody.</summary>
    public bool Owns(Item item) => item.Owner is null || item.Owner == Principal;
}
