using Gateway.Policy.Items;

namespace Gateway.Policy.Events;

/// <summary>An item was put. Stored per kind as <c>config.KIND-put.v1</c> with <c>{"name":…,"spec":…}</c>.</summary>
public sealed record ItemPut(ItemKey Key, ItemSpec Spec) : GatewayEvent
{
    public override string Subject => Key.ToString();
}

/// <summary>An item was deleted. Stored per kind as <c>config.KIND-deleted.v1</c>.</summary>
public sealed record ItemDeleted(ItemKey Key) : GatewayEvent
{
    public override string Subject => Key.ToString();
}

/// <summary>Closes a transaction: its puts and deletes count from here, as <paramref name="Revision"/>.</summary>
/// <param name="Revision">Number of accepted transactions, this one included.</param>
/// <param name="Changes">
/// How many puts and deletes it has: the last so many before this event, other events not counted. Earlier ones that nothing closed
/// belong to a transaction that was cut off, and never count.
/// </param>
/// <param name="Reason">Why, in the sender's words.</param>
/// <param name="Taken">How many of the changes are of items that belonged to somebody else, and were taken over.</param>
public sealed record TransactionCommitted(long Revision, int Changes, string? Reason, int Taken = 0) : GatewayEvent
{
    public override string Subject => "configuration";
}

/// <summary>A command was refused: what it was about and why, never a value of it. Rate-limited per principal.</summary>
/// <param name="Items">The items that it named, as far as they could be items.</param>
/// <param name="Errors">The first errors.</param>
/// <param name="Suppressed">Rejections of the same principal that were not journalled since the last one.</param>
public sealed record CommandRejected(ValueList<string> Items, ValueList<RejectionNote> Errors, int Suppressed = 0) : GatewayEvent
{
    public override string Subject => "command";
}

/// <summary>One error without any value: the item, the JSON path and the code.</summary>
public sealed record RejectionNote(string Item, string Path, string Code);

/// <summary>An item that was pending or failed is now in force.</summary>
public sealed record ItemApplied(ItemKey Key, long Revision) : GatewayEvent
{
    public override string Subject => Key.ToString();
}

/// <summary>An item could not be put in force yet; it is tried again.</summary>
/// <param name="WaitsFor">A sentence, for example <c>device wan</c> or <c>interface/wan</c>.</param>
public sealed record ItemPending(ItemKey Key, long Revision, string WaitsFor) : GatewayEvent
{
    public override string Subject => Key.ToString();
}

/// <summary>A deleted item whose removal had been pending is now gone.</summary>
public sealed record ItemRemoved(ItemKey Key, long Revision) : GatewayEvent
{
    public override string Subject => Key.ToString();
}

/// <summary>An SA command (initiate, rekey, terminate) was taken.</summary>
/// <param name="Number">The one IKE SA, or with a child the one CHILD SA, that it is about; null = all of that name.</param>
public sealed record SaCommandAccepted(string Verb, string Connection, string? Child, string? Reason, ulong? Number = null) : GatewayEvent
{
    public override string Subject => $"connection/{Connection}";
}

/// <summary>The gateway began to run.</summary>
public sealed record GatewayStarted(string Version, string BootId) : GatewayEvent
{
    public override string Subject => "gateway";
}

/// <summary>The gateway made the key that signs the journal's heads from here on.</summary>
/// <param name="Fingerprint">SHA-256 of the public key.</param>
/// <param name="PublicKey">DER of its SubjectPublicKeyInfo.</param>
public sealed record SigningKeyMade(Octets Fingerprint, Octets PublicKey) : GatewayEvent
{
    public override string Subject => "gateway";
}

/// <summary>The gateway ended in an orderly way.</summary>
public sealed record GatewayStopped(string Reason) : GatewayEvent
{
    public override string Subject => "gateway";
}
