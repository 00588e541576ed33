using System.Globalization;
using Gateway.Host.Vici.Server;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Vici.Views;

/// <summary>A fact as a line of strongSwan's log, in the form that scripts look for. Level 0 is what is always told, 1 the usual flow of things.</summary>
/// <param name="Group">strongSwan's part that would say it: IKE, CHD, CFG or DMN.</param>
internal sealed record FactWords(string Group, int Level, ConnectionName? Connection, IkeSaId? Sa, string Text)
{
    /// <summary>Null for what no line of the log is about.</summary>
    public static FactWords? Of(ViciFact fact) => fact.Event switch
    {
        IkeSaEstablished { Replaces: { } old } sa => new("IKE", 0, sa.Connection, sa.Id, $"IKE_SA {sa.Connection}[{sa.Id}] rekeyed between {Ends(sa)}, was {sa.Connection}[{old}]"),
        IkeSaEstablished sa => new("IKE", 0, sa.Connection, sa.Id, $"IKE_SA {sa.Connection}[{sa.Id}] established between {Ends(sa)}"),
        IkeSaClosed sa => new("IKE", 0, sa.Connection, sa.Id, $"IKE_SA {sa.Connection}[{sa.Id}] closed: {sa.Reason}"),
        IkeSaFailed sa => new("IKE", 0, sa.Connection, null, $"IKE_SA {sa.Connection?.Value ?? "(unnamed)"} {(sa.Initiator ? "to" : "from")} {sa.RemoteAddress} failed: {Notify(sa.Reason)}{Detail(sa.Detail)}"),
        IkeSaEndpointChanged sa => new("IKE", 1, ConnectionOf(fact, sa.Id), sa.Id, $"peer moved to {sa.RemoteAddress}[{sa.RemotePort.ToString(CultureInfo.InvariantCulture)}]"),
        ChildSaInstalled { Parameters: var child } installed => new("CHD", 0, child.Connection, child.IkeSa,
            $"CHILD_SA {child.Child}{{{child.Id}}} {(installed.Replaces is null ? "established" : "rekeyed")} with SPIs {child.InboundSpi}_i {child.OutboundSpi}_o and TS {Join(child.LocalSelectors)} === {Join(child.RemoteSelectors)}"),
        ChildSaClosed child => new("CHD", 0, child.Connection, child.IkeSa,
            $"CHILD_SA {child.Child}{{{child.Id}}} closed: {child.Reason} ({child.BytesIn.ToString(CultureInfo.InvariantCulture)} bytes in, {child.BytesOut.ToString(CultureInfo.InvariantCulture)} bytes out)"),
        ChildSaFailed child => new("CHD", 0, child.Connection, child.IkeSa, $"CHILD_SA {child.Child?.Value ?? "(unnamed)"} of {child.Connection}[{child.IkeSa}] failed: {Notify(child.Reason)}{Detail(child.Detail)}"),
        ChildSasInherited inherited => new("IKE", 1, ConnectionOf(fact, inherited.To), inherited.To, $"IKE_SA [{inherited.To}] took over the CHILD_SAs of [{inherited.From}]"),
        SaLost lost => new("IKE", 0, null, lost.Id, $"IKE_SA [{lost.Id}] lost: {lost.Reason}"),
        SaCommandAccepted command => new("CFG", 1, new ConnectionName(command.Connection), null, $"{fact.Envelope.Principal.Name} asked over {fact.Envelope.Principal.Door} to {command.Verb} '{command.Connection}{(command.Child is null ? "" : "/" + command.Child)}'"),
        GatewayStarted or GatewayStopped => new("DMN", 0, null, null, EventSummary.Of(fact.Event)),
        TransactionCommitted or ItemPut or ItemDeleted or ItemApplied or ItemPending or ItemRemoved or CommandRejected => new("CFG", 1, null, null, EventSummary.Of(fact.Event)),
        _ => null,
    };

    /// <summary>A reason as the notify of RFC 7296 that it came from or went out as: <c>no-proposal-chosen</c> is NO_PROPOSAL_CHOSEN.</summary>
    public static string Notify(string reason) => reason.ToUpperInvariant().Replace('-', '_');

    private static string Ends(IkeSaEstablished sa) => $"{sa.LocalAddress}[{sa.LocalId}]...{sa.RemoteAddress}[{sa.RemoteId}]";

    private static string Join(IEnumerable<TrafficSelector> selectors) => string.Join(' ', selectors);

    private static string Detail(string detail) => detail.Length == 0 ? "" : $" ({detail})";

    private static ConnectionName? ConnectionOf(ViciFact fact, IkeSaId id) => fact.After.IkeSas.TryGetValue(id.Value, out var entry) ? entry.Established.Connection : null;
}
