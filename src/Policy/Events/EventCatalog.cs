using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Policy.Events;

/// <summary>
/// Every event that is or ever was stored, by its stable name. A new event is one row here and one frozen sample in the tests;
/// a new version of one is a row, a sample, and an upcast from the version before (see <c>docs/howto/add-an-event.md</c>).
/// </summary>
public static class EventCatalog
{
    /// <summary>Old names and how their data becomes that of a newer one. Empty until an event changes.</summary>
    private static readonly Upcast[] _upcasts = [];

    private static readonly EventReader _reader = new(
        [
            .. ItemCatalog.Kinds.SelectMany(kind => new[]
            {
                new EventRow($"config.{kind.Name}-put.v1", typeof(ItemPut), kind),
                new EventRow($"config.{kind.Name}-deleted.v1", typeof(ItemDeleted), kind),
            }),
            new("config.transaction-committed.v1", typeof(TransactionCommitted)),
            new("config.item-applied.v1", typeof(ItemApplied)),
            new("config.item-pending.v1", typeof(ItemPending)),
            new("config.item-removed.v1", typeof(ItemRemoved)),
            new("command.rejected.v1", typeof(CommandRejected)),
            new("command.sa-accepted.v1", typeof(SaCommandAccepted)),
            new("gateway.started.v1", typeof(GatewayStarted)),
            new("gateway.stopped.v1", typeof(GatewayStopped)),
            new("gateway.signing-key-made.v1", typeof(SigningKeyMade)),
            new("ike.sa-established.v1", typeof(IkeSaEstablished)),
            new("ike.sa-closed.v1", typeof(IkeSaClosed)),
            new("ike.sa-failed.v1", typeof(IkeSaFailed)),
            new("ike.sa-endpoint-changed.v1", typeof(IkeSaEndpointChanged)),
            new("ike.sa-lost.v1", typeof(SaLost)),
            new("ike.child-installed.v1", typeof(ChildSaInstalled)),
            new("ike.child-closed.v1", typeof(ChildSaClosed)),
            new("ike.child-failed.v1", typeof(ChildSaFailed)),
            new("ike.children-inherited.v1", typeof(ChildSasInherited)),
            new("ike.lease-granted.v1", typeof(LeaseGranted)),
            new("ike.lease-released.v1", typeof(LeaseReleased)),
            new("ike.lease-refused.v1", typeof(LeaseRefused)),
            new("ike.virtual-addresses-received.v1", typeof(VirtualAddressesReceived)),
            new("command.sessions-cleared.v1", typeof(SessionsCleared)),
            new("nat.block-assigned.v1", typeof(NatBlockAssigned)),
            new("nat.block-released.v1", typeof(NatBlockReleased)),
        ],
        _upcasts);

    /// <summary>All rows, in the order of the table.</summary>
    public static IReadOnlyList<EventRow> Rows => _reader.Rows;

    /// <summary>Names that are read still, through an upcast, and written no more.</summary>
    public static IEnumerable<string> OldNames => _upcasts.Select(u => u.From);

    /// <summary>The stored name of <paramref name="e"/>.</summary>
    public static string NameOf(GatewayEvent e) => _reader.NameOf(e);

    /// <summary>Name and UTF-8 JSON data of an event.</summary>
    public static (string Name, Octets Data) Encode(GatewayEvent e) => (_reader.NameOf(e), EventReader.DataOf(e));

    /// <summary>Reads by this table.</summary>
    public static EventReader Reader => _reader;

    /// <summary>Reads a stored event; false with the reason when the name is unknown or the data is not what the name says.</summary>
    /// <param name="name">The stored name.</param>
    /// <param name="data">UTF-8 JSON.</param>
    /// <param name="e">The event.</param>
    /// <param name="failure">Why there is none.</param>
    /// <param name="recurring">For those who read many: where values that come again are remembered.</param>
    public static bool TryDecode(string name, ReadOnlySpan<byte> data, [NotNullWhen(true)] out GatewayEvent? e, [NotNullWhen(false)] out EventFailure? failure, RecurringValues? recurring = null) =>
        _reader.TryDecode(name, data, out e, out failure, recurring);

    /// <summary>Reads the event of an envelope.</summary>
    public static bool TryDecode(Envelope envelope, [NotNullWhen(true)] out GatewayEvent? e, [NotNullWhen(false)] out EventFailure? failure) =>
        TryDecode(envelope.Name, envelope.Data.Span, out e, out failure);

    /// <summary>Reads the event of an envelope of this gateway's own, already verified journal; throws <see cref="JournalDamagedException"/> with its position when it cannot.</summary>
    public static GatewayEvent Decode(Envelope envelope) => _reader.Decode(envelope.Position, envelope.Name, envelope.Data.Span);
}
