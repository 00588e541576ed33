using System.Globalization;
using Gateway.Policy.Events;

namespace Gateway.Projections;

/// <summary>Says an event in a sentence.</summary>
public static class EventSummary
{
    public static string Of(GatewayEvent e) => e switch
    {
        ItemPut put => $"{put.Key} was put.",
        ItemDeleted deleted => $"{deleted.Key} was deleted.",
        TransactionCommitted { Changes: 0 } committed => $"Revision {committed.Revision}: nothing changed.",
        TransactionCommitted committed => $"Revision {committed.Revision}: {committed.Changes} change{(committed.Changes == 1 ? "" : "s")}{(committed.Taken == 0 ? "" : $", {committed.Taken} of what belonged to others")}.",
        CommandRejected rejected => $"A command was refused: {string.Join(", ", rejected.Errors.Select(n => n.Code).Distinct())}{More(rejected.Suppressed)}.",
        ItemApplied applied => $"{applied.Key} is in force.",
        ItemPending pending => $"{pending.Key} waits for {pending.WaitsFor}.",
        ItemRemoved removed => $"{removed.Key} is gone.",
        SaCommandAccepted command => $"{Capital(command.Verb)} {command.Connection}{(command.Child is null ? "" : "/" + command.Child)} was asked for.",
        GatewayStarted started => $"The gateway {started.Version} began.",
        GatewayStopped stopped => $"The gateway ended: {stopped.Reason}.",
        SigningKeyMade key => $"The key {key.Fingerprint} signs the journal's heads from here on.",
        IkeSaEstablished sa => $"IKE SA {sa.Id} of {sa.Connection} {(sa.Replaces is { } old ? $"replaced {old}" : "was established")} with {sa.RemoteId} at {sa.RemoteAddress} ({sa.Proposal}, {sa.Authentication}).",
        IkeSaClosed sa => $"IKE SA {sa.Id} of {sa.Connection} ended: {sa.Reason}.",
        IkeSaFailed sa => $"An IKE SA {(sa.Connection is { } name ? $"of {name} " : "")}with {sa.RemoteId ?? sa.RemoteAddress.ToString()} failed: {sa.Reason}{More(sa.Suppressed)}.",
        IkeSaEndpointChanged sa => $"IKE SA {sa.Id} moved to {sa.RemoteAddress}, port {sa.RemotePort.ToString(CultureInfo.InvariantCulture)}.",
        SaLost lost => $"IKE SA {lost.Id} could not be resumed: {lost.Reason}.",
        ChildSaInstalled child => $"CHILD SA {child.Parameters.Id} of {child.Parameters.Connection}/{child.Parameters.Child} {(child.Replaces is { } old ? $"replaced {old}" : "was installed")} ({child.Proposal}).",
        ChildSaClosed child => $"CHILD SA {child.Id} of {child.Connection}/{child.Child} ended: {child.Reason}.",
        ChildSaFailed child => $"A CHILD SA of {child.Connection}{(child.Child is { } name ? $"/{name}" : "")} failed: {child.Reason}.",
        ChildSasInherited inherited => $"IKE SA {inherited.To} took over the CHILD SAs of {inherited.From}.",
        LeaseGranted lease => $"{lease.Identity} has address {lease.Address} of pool {lease.Pool}.",
        LeaseReleased lease => $"{lease.Identity} gave address {lease.Address} of pool {lease.Pool} back.",
        LeaseRefused refused => $"{refused.Identity} of {refused.Connection} got no address: {refused.Reason}.",
        VirtualAddressesReceived received => $"IKE SA {received.Id} of {received.Connection} has the virtual addresses {string.Join(", ", received.Addresses)}.",
        SessionsCleared cleared => $"{(cleared is { Address: null, Rule: null, Vrf: null } ? "All flows" : "The flows")}{Given(" of rule ", cleared.Rule)}{Given(" in VRF ", cleared.Vrf)}{Given(" with address ", cleared.Address)} were ended.",
        NatBlockAssigned block => $"{block.Host}{InVrf(block.Vrf)} has ports {block.FirstPort}–{block.LastPort} of {block.Outside} by rule {block.Rule}.",
        NatBlockReleased block => $"{block.Host}{InVrf(block.Vrf)} gave ports {block.FirstPort}–{block.LastPort} of {block.Outside} back, which it had since {block.Since.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}: {block.Reason}.",
        _ => e.GetType().Name,
    };

    private static string Given(string before, object? value) => value is null ? "" : before + value;

    private static string InVrf(string? vrf) => vrf is null ? "" : $" of VRF {vrf}";

    private static string More(int suppressed) => suppressed == 0 ? "" : $" ({suppressed} more before it were not written down)";

    private static string Capital(string word) => word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..];
}
