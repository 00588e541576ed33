using Gateway.Host.Vici.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Views;

/// <summary>Connections in the form of the event <c>list-conn</c>.</summary>
internal static class ConnectionSections
{
    public static ViciSection Of(string name, ConnectionSpec spec, RunningConfiguration running)
    {
        var section = new ViciSection
        {
            { "local_addrs", Addresses(spec.LocalAddrs) },
            { "remote_addrs", Addresses(spec.RemoteAddrs) },
            { "local_port", spec.LocalPort },
            { "remote_port", spec.RemotePort },
            { "version", "IKEv2" },
            { "reauth_time", spec.ReauthTime.Seconds },
            { "rekey_time", spec.RekeyTime.Seconds },
            { "unique", "UNIQUE_" + spec.Unique.ToString().ToUpperInvariant() },
        };
        if (!spec.DpdDelay.IsZero) section.Add("dpd_delay", spec.DpdDelay.Seconds);
        section.Add("proposals", spec.Proposals);
        for (var i = 0; i < spec.Local.Count; i++) section.Add($"local-{i + 1}", Round(spec.Local[i], running));
        for (var i = 0; i < spec.Remote.Count; i++) section.Add($"remote-{i + 1}", Round(spec.Remote[i], running));
        var children = new ViciSection();
        foreach (var (own, child) in spec.Children) children.Add(own, Child(child));
        foreach (var (own, shunt) in Shunts.Of(running, name)) children.Add(own, Shunt(shunt));
        section.Add("children", children);
        return section;
    }

    private static IEnumerable<string> Addresses(ValueList<string> addresses) => addresses.Count == 0 ? ["%any"] : addresses;

    private static ViciSection Round(AuthenticationRound round, RunningConfiguration running)
    {
        var method = round.Auth.Method;
        var section = new ViciSection { { "id", round.Id }, { "eap_id", round.EapId } };
        if (method == AuthenticationMethod.Eap && round.Auth.Eap != EapMethod.Any) section.Add("eap-type", "EAP_" + round.Auth.Eap.ToString().ToUpperInvariant());
        section.Add("class", method switch { AuthenticationMethod.Psk => "pre-shared key", AuthenticationMethod.Eap => "EAP", _ => "public key" });
        section.Add("aaa_id", round.AaaId);
        section.Add("ca_id", round.CaId);
        if (round.Revocation != RevocationPolicy.Relaxed) section.Add("revocation", round.Revocation.ToString().ToLowerInvariant());
        section.Add("groups", Array.Empty<string>());
        section.Add("cert_policy", round.CertPolicy);
        // strongSwan names certificates by their subjects.
        section.Add("certs", round.Certs.Select(c => CertificateSections.NameOf(running, c)));
        section.Add("cacerts", round.Cacerts.Select(c => CertificateSections.NameOf(running, c)));
        if (round.Pubkeys.Count > 0) section.Add("pubkeys", round.Pubkeys);
        return section;
    }

    private static ViciSection Child(ChildSpec child) => new()
    {
        { "mode", child.Mode.ToString().ToUpperInvariant() },
        { "rekey_time", child.RekeyTime.Seconds },
        { "rekey_bytes", child.RekeyBytes },
        { "rekey_packets", child.RekeyPackets },
        { "dpd_action", Word(child.DpdAction) },
        { "close_action", Word(child.CloseAction) },
        { "start_action", child.StartAction == StartAction.TrapStart ? "trap|start" : child.StartAction.ToString().ToLowerInvariant() },
        { "local-ts", child.LocalTs.Select(SelectorWords.Of) },
        { "remote-ts", child.RemoteTs.Select(SelectorWords.Of) },
        { "esp_proposals", child.EspProposals },
    };

    private static ViciSection Shunt(PolicySpec spec) => new()
    {
        { "mode", Shunts.Mode(spec) },
        { "rekey_time", 0 },
        { "rekey_bytes", 0 },
        { "rekey_packets", 0 },
        { "dpd_action", "none" },
        { "close_action", "none" },
        { "start_action", "trap" },
        { "local-ts", spec.LocalTs.Select(SelectorWords.Of) },
        { "remote-ts", spec.RemoteTs.Select(SelectorWords.Of) },
    };

    // To clear away what is gone is no action of its own to strongSwan.
    private static string Word(LossAction action) => action is LossAction.Clear ? "none" : action.ToString().ToLowerInvariant();
}
