using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;

namespace Gateway.Projections;

/// <summary>One event for an auditor: who, when, why, through which door.</summary>
/// <param name="Revision">Of events that belong to a transaction.</param>
/// <param name="Reason">In the sender's words, of the transaction or command.</param>
/// <param name="Summary">A sentence.</param>
public sealed record AuditEntry(Envelope Envelope, GatewayEvent Event, long? Revision, string? Reason, string Summary)
{
    public long Position => Envelope.Position;

    /// <summary>True for the item's own events and, with a connection, for the facts about its SAs.</summary>
    public bool Concerns(ItemKey key) =>
        Envelope.Subject == key.ToString() || (key.Kind == ItemCatalog.Connection && ConnectionOf(Event) is { } connection && connection.Value == key.Name);

    private static ConnectionName? ConnectionOf(GatewayEvent e) => e switch
    {
        IkeSaEstablished sa => sa.Connection,
        IkeSaClosed sa => sa.Connection,
        IkeSaFailed sa => sa.Connection,
        ChildSaInstalled child => child.Parameters.Connection,
        ChildSaClosed child => child.Connection,
        ChildSaFailed child => child.Connection,
        _ => null,
    };
}
