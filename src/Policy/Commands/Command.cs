using System.Text.Json;

namespace Gateway.Policy.Commands;

/// <summary>What a sender asks for. Exactly one outcome answers it.</summary>
public abstract record Command
{
    private Command()
    {
    }

    /// <summary>The sender's id, 1–128 printable characters; with the principal it is the key of idempotency.</summary>
    public required string Id { get; init; }

    /// <summary>A label of the sender; nothing is decided by it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Why, in the sender's words.</summary>
    public string? Reason { get; init; }

    /// <summary>Puts and deletes items atomically.</summary>
    public sealed record Transaction : Command
    {
        public ValueList<ItemPutRequest> Put { get; init; }

        public ValueList<ItemDeleteRequest> Delete { get; init; }

        /// <summary>Refuse unless the running revision is this one.</summary>
        public long? ExpectedRevision { get; init; }

        public TransactionMode Mode { get; init; }

        /// <summary>The puts are the whole desired state of what the sender may change: everything else of that is deleted.</summary>
        public bool Replace { get; init; }

        /// <summary>Items of others are changed too, and belong to the sender from then on.</summary>
        public bool TakeOwnership { get; init; }

        /// <summary>With <see cref="TransactionMode.Plan"/>: upon the configuration of that moment instead of the running one.</summary>
        public string? At { get; init; }
    }

    /// <summary>Brings items back to what the journal says they were: an ordinary transaction, which the gateway itself puts together.</summary>
    public sealed record Past : Command
    {
        public required PastVerb Verb { get; init; }

        /// <summary>The revision to take back, or the moment to go back to.</summary>
        public required string Moment { get; init; }

        /// <summary>Refuse unless the running revision is this one.</summary>
        public long? ExpectedRevision { get; init; }

        public TransactionMode Mode { get; init; }

        /// <summary>Undo: also what was changed again since.</summary>
        public bool Force { get; init; }

        /// <summary>Items of others are changed too, and belong to the sender from then on.</summary>
        public bool TakeOwnership { get; init; }
    }

    /// <summary>Asks for an SA's life to change: initiate, rekey or terminate a connection or one of its children.</summary>
    public sealed record Sa : Command
    {
        public required SaVerb Verb { get; init; }

        public required string Connection { get; init; }

        /// <summary>Null: the connection's IKE SA with all its children.</summary>
        public string? Child { get; init; }

        /// <summary>With rekey of an IKE SA: both sides authenticate anew, with a new IKE SA in the old one's place.</summary>
        public bool Reauth { get; init; }

        /// <summary>One IKE SA of the connection, or with a child one CHILD SA; null = all of them.</summary>
        public ulong? Number { get; init; }
    }

    /// <summary>Ends tracked and translated flows: those for which all that is given holds, or all.</summary>
    public sealed record ClearSessions : Command
    {
        /// <summary>At any of a flow's ends.</summary>
        public System.Net.IPAddress? Address { get; init; }

        /// <summary>Name of a NAT rule.</summary>
        public string? Rule { get; init; }

        /// <summary>Name of a VRF of a flow, in either direction.</summary>
        public string? Vrf { get; init; }

        public bool All { get; init; }
    }
}

/// <summary>Whether a transaction is carried out.</summary>
public enum TransactionMode
{
    Apply,

    /// <summary>Full validation and the ordered steps, no event.</summary>
    Plan,
}

/// <summary>Which way back.</summary>
public enum PastVerb
{
    /// <summary>What one revision changed becomes what it was before it.</summary>
    Undo,

    /// <summary>Everything becomes what it was at a moment.</summary>
    Restore,
}

/// <summary>What an SA command asks for.</summary>
public enum SaVerb
{
    Initiate,
    Rekey,
    Terminate,
}

/// <summary>An item as it arrives: the spec is still JSON, because its kind decides how it reads.</summary>
public sealed record ItemPutRequest(string Kind, string Name, JsonElement Spec)
{
    // The spec of a secret holds its value, and records print themselves.
    public override string ToString() => $"{Kind}/{Name}";
}

/// <summary>An item to delete.</summary>
public sealed record ItemDeleteRequest(string Kind, string Name);
