using System.Globalization;
using Gateway.Dataplane.Esp;
using Gateway.Host.Vici.Wire;
using Gateway.Ike.Engine;
using Gateway.Ike.Proposals;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Vici.Views;

/// <summary>SAs in the form of the event <c>list-sa</c>; live from the engine, or as the journal knew them.</summary>
internal static class SaSections
{
    /// <summary>An IKE SA as it is now, without its CHILD SAs.</summary>
    public static ViciSection Live(IkeSaView sa, SaInventory inventory)
    {
        var section = new ViciSection
        {
            { "uniqueid", sa.Id.ToString() },
            { "version", 2 },
            { "state", sa.State },
            { "local-host", sa.Local.Address.ToString() },
            { "local-port", sa.Local.Port },
            { "local-id", sa.LocalId },
            { "remote-host", sa.Remote.Address.ToString() },
            { "remote-port", sa.Remote.Port },
            { "remote-id", sa.RemoteId },
            // As strongSwan has it: only where it says something that the identity does not.
            { "remote-eap-id", sa.EapId == sa.RemoteId ? null : sa.EapId },
            { "initiator", sa.Initiator },
            { "initiator-spi", sa.InitiatorSpi },
            { "responder-spi", sa.ResponderSpi },
            { "nat-local", sa.NatLocal },
            { "nat-remote", sa.NatRemote },
            { "nat-any", sa.NatLocal || sa.NatRemote },
        };
        AlgorithmWords.Add(section, SaProtocol.Ike, sa.Proposal);
        if (sa.PpkId is not null) section.Add("ppk", true);
        if (inventory.IkeSas.TryGetValue(sa.Id.Value, out var entry)) section.Add("established", Since(entry.Since));
        if (sa.RekeyIn is { } rekey) section.Add("rekey-time", Seconds(rekey));
        if (sa.ReauthIn is { } reauth) section.Add("reauth-time", Seconds(reauth));
        if (sa.LocalVips.Count > 0) section.Add("local-vips", sa.LocalVips.Select(a => a.ToString()));
        if (sa.RemoteVips.Count > 0) section.Add("remote-vips", sa.RemoteVips.Select(a => a.ToString()));
        return section;
    }

    /// <summary>An IKE SA as the fact of its beginning told of it.</summary>
    public static ViciSection Told(IkeSaEntry entry)
    {
        var sa = entry.Established;
        var section = new ViciSection
        {
            { "uniqueid", sa.Id.ToString() },
            { "version", 2 },
            { "state", "ESTABLISHED" },
            { "local-host", sa.LocalAddress.ToString() },
            { "local-port", sa.LocalPort },
            { "local-id", sa.LocalId },
            { "remote-host", sa.RemoteAddress.ToString() },
            { "remote-port", sa.RemotePort },
            { "remote-id", sa.RemoteId },
            // As strongSwan has it: only where it says something that the identity does not.
            { "remote-eap-id", sa.EapId == sa.RemoteId ? null : sa.EapId },
            { "initiator", sa.Initiator },
            { "initiator-spi", sa.InitiatorSpi },
            { "responder-spi", sa.ResponderSpi },
            { "nat-local", sa.NatLocal },
            { "nat-remote", sa.NatRemote },
            { "nat-any", sa.NatLocal || sa.NatRemote },
        };
        AlgorithmWords.Add(section, SaProtocol.Ike, sa.Proposal);
        if (sa.PpkId is not null) section.Add("ppk", true);
        section.Add("established", Since(entry.Since));
        return section;
    }

    /// <summary>A CHILD SA as it is now.</summary>
    /// <param name="reqIds">The number that strongSwan has for a policy in the kernel; exporters tell the tunnels of a peer apart by it.</param>
    public static ViciSection Live(ChildSaView child, SaInventory inventory, SaStatus? carried, ReqIds reqIds)
    {
        var section = Child(child.Parameters, child.Proposal, child.State, carried, reqIds);
        if (child.RekeyIn is { } rekey) section.Add("rekey-time", Seconds(rekey));
        if (child.ExpiresIn is { } life) section.Add("life-time", Seconds(life));
        if (inventory.ChildSas.TryGetValue(child.Parameters.Id.Value, out var entry)) section.Add("install-time", Since(entry.Since));
        Selectors(section, child.Parameters);
        return section;
    }

    /// <summary>A CHILD SA as the fact of its installation told of it.</summary>
    /// <inheritdoc cref="Live(ChildSaView, SaInventory, SaStatus?, ReqIds)"/>
    public static ViciSection Told(ChildSaEntry entry, string state, SaStatus? carried, ReqIds reqIds)
    {
        var section = Child(entry.Parameters, entry.Proposal, state, carried, reqIds);
        section.Add("install-time", Since(entry.Since));
        Selectors(section, entry.Parameters);
        return section;
    }

    /// <summary>The name of a CHILD SA's section: several of one name are told apart.</summary>
    public static string NameOf(ChildSaParameters child) => $"{child.Child}-{child.Id}";

    private static ViciSection Child(ChildSaParameters sa, string proposal, string state, SaStatus? carried, ReqIds reqIds)
    {
        var section = new ViciSection
        {
            { "name", sa.Child.Value },
            { "uniqueid", sa.Id.ToString() },
            { "reqid", reqIds.Of(sa).ToString(CultureInfo.InvariantCulture) },
            { "state", state },
            { "mode", sa.Mode.ToString().ToUpperInvariant() },
            { "protocol", "ESP" },
            { "encap", sa.Encapsulation is not null },
            { "spi-in", sa.InboundSpi.ToString() },
            { "spi-out", sa.OutboundSpi.ToString() },
        };
        if (sa.IfIdIn != 0) section.Add("if-id-in", sa.IfIdIn.ToString("x8", CultureInfo.InvariantCulture));
        if (sa.IfIdOut != 0) section.Add("if-id-out", sa.IfIdOut.ToString("x8", CultureInfo.InvariantCulture));
        AlgorithmWords.Add(section, SaProtocol.Esp, proposal);
        Traffic(section, "in", carried?.Inbound);
        Traffic(section, "out", carried?.Outbound);
        return section;
    }

    private static void Traffic(ViciSection section, string direction, SaDirectionStatus? traffic)
    {
        section.Add($"bytes-{direction}", (traffic?.Bytes ?? 0).ToString(CultureInfo.InvariantCulture));
        section.Add($"packets-{direction}", (traffic?.Packets ?? 0).ToString(CultureInfo.InvariantCulture));
        if (traffic?.Idle is { } idle) section.Add($"use-{direction}", Seconds(idle));
    }

    private static void Selectors(ViciSection section, ChildSaParameters sa)
    {
        section.Add("local-ts", sa.LocalSelectors.Select(SelectorWords.Of));
        section.Add("remote-ts", sa.RemoteSelectors.Select(SelectorWords.Of));
    }

    private static long Since(DateTimeOffset then) => Math.Max(0, (long)(DateTimeOffset.UtcNow - then).TotalSeconds);

    private static long Seconds(TimeSpan span) => Math.Max(0, (long)span.TotalSeconds);
}
