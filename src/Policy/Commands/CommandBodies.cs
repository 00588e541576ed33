using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Commands;

/// <summary>The word under <c>command</c> in a message.</summary>
public enum CommandWord
{
    Transaction,
    Initiate,
    Rekey,
    Terminate,
    Undo,
    Restore,
    ClearSessions,
}

/// <summary>A transaction as it arrives: <c>{"id":"7","put":[{"kind":"route","name":"default","spec":{…}}]}</c>.</summary>
public sealed record TransactionBody
{
    /// <summary>May be left out: a message without it is a transaction.</summary>
    public CommandWord Command { get; init; }

    /// <summary>The sender's id, 1–128 printable characters; the same id is never carried out twice.</summary>
    public required string Id { get; init; }

    /// <summary>A label of the sender; nothing is decided by it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Why, in the sender's words; it is kept.</summary>
    public string? Reason { get; init; }

    /// <summary>Refuse unless the running revision is this one.</summary>
    [Range(0, long.MaxValue)]
    public long? ExpectedRevision { get; init; }

    /// <summary>Whether it is carried out or only planned.</summary>
    public TransactionMode Mode { get; init; }

    /// <summary>
    /// The puts are the whole desired state: everything else that belongs to the sender or to nobody is deleted; with 'take_ownership' everything else.
    /// </summary>
    public bool Replace { get; init; }

    /// <summary>Items that belong to others are changed too, and are the sender's from then on. Without it a change of such an item is refused.</summary>
    public bool TakeOwnership { get; init; }

    /// <summary>With mode plan: plan upon the configuration of a moment that is past (a revision, @POSITION or a time) instead of the running one.</summary>
    public string? At { get; init; }

    /// <summary>Items to make or change.</summary>
    public ValueList<ItemPutRequest> Put { get; init; }

    /// <summary>Items to delete.</summary>
    public ValueList<ItemDeleteRequest> Delete { get; init; }
}

/// <summary>
/// A command to go back, as it arrives: <c>{"id":"9","command":"undo","revision":4}</c>, <c>{"id":"10","command":"restore","at":"2026-03-01T12:00:00Z"}</c>.
/// The gateway makes an ordinary transaction of it.
/// </summary>
public sealed record PastBody
{
    /// <summary>What is to happen.</summary>
    public required CommandWord Command { get; init; }

    /// <summary>The sender's id, 1–128 printable characters; the same id is never carried out twice.</summary>
    public required string Id { get; init; }

    /// <summary>A label of the sender; nothing is decided by it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Why, in the sender's words; it is kept.</summary>
    public string? Reason { get; init; }

    /// <summary>Refuse unless the running revision is this one.</summary>
    [Range(0, long.MaxValue)]
    public long? ExpectedRevision { get; init; }

    /// <summary>Whether it is carried out or only planned.</summary>
    public TransactionMode Mode { get; init; }

    /// <summary>Undo: the revision whose changes are taken back.</summary>
    [Range(1, long.MaxValue)]
    public long? Revision { get; init; }

    /// <summary>Restore: the moment to go back to, a revision, @POSITION or a time.</summary>
    public string? At { get; init; }

    /// <summary>Undo: items that were changed again since are taken back too. Without it such an item is a conflict.</summary>
    public bool Force { get; init; }

    /// <summary>Items that belong to others are changed too, and are the sender's from then on. Without it a change of such an item is refused.</summary>
    public bool TakeOwnership { get; init; }
}

/// <summary>A command about SAs as it arrives: <c>{"id":"8","command":"initiate","connection":"branch","child":"net"}</c>.</summary>
public sealed record SaBody
{
    /// <summary>What is to happen.</summary>
    public required CommandWord Command { get; init; }

    /// <summary>The sender's id, 1–128 printable characters; the same id is never carried out twice.</summary>
    public required string Id { get; init; }

    /// <summary>A label of the sender; nothing is decided by it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Why, in the sender's words; it is kept.</summary>
    public string? Reason { get; init; }

    /// <summary>Name of a connection item.</summary>
    public required string Connection { get; init; }

    /// <summary>Name of one of its children; without it the IKE SA and all its children are meant.</summary>
    public string? Child { get; init; }

    /// <summary>With rekey and terminate: the number of one IKE SA of the connection, or with a child that of one CHILD SA; without it all of them are meant.</summary>
    public ulong? Number { get; init; }

    /// <summary>With rekey of an IKE SA: both sides authenticate anew, with a new IKE SA in the old one's place.</summary>
    public bool Reauth { get; init; }
}

/// <summary>
/// A command to end flows as it arrives: <c>{"id":"11","command":"clear-sessions","address":"10.1.0.2"}</c>. It ends the tracked and translated flows that began before it and for which all that is given holds.
/// </summary>
public sealed record ClearSessionsBody
{
    /// <summary>What is to happen.</summary>
    public required CommandWord Command { get; init; }

    /// <summary>The sender's id, 1–128 printable characters; the same id is never carried out twice.</summary>
    public required string Id { get; init; }

    /// <summary>A label of the sender; nothing is decided by it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Why, in the sender's words; it is kept.</summary>
    public string? Reason { get; init; }

    /// <summary>Flows with this address at any of their ends, inside or outside.</summary>
    public System.Net.IPAddress? Address { get; init; }

    /// <summary>Flows of this rule of NAT.</summary>
    public string? Rule { get; init; }

    /// <summary>Flows that came from or went into this VRF; <c>default</c> is the default one.</summary>
    public string? Vrf { get; init; }

    /// <summary>All flows; instead of the others.</summary>
    public bool All { get; init; }
}
