using Gateway.Host.Vici.Wire;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Views;

/// <summary>Connections in the form of the event <c>list-conn</c>.</summary>
internal static class ConnectionSections
{
    public static ViciSection Of(ConnectionSpec spec)
    {
        var section = new ViciSection
        {
            { "local_addrs", Addresses(spec.LocalAddrs) },
            { "remote_addrs", Addresses(spec.RemoteAddrs) },
            { "local_port", spec.LocalPort },
            { "remote_port", spec.RemotePort },
            { "version", "IKEv2" },
            { "reauth_time", 0 },
            { "rekey_time", spec.RekeyTime.Seconds },
            { "unique", "UNIQUE_" + spec.Unique.ToString().ToUpperInvariant() },
        };
        if (!spec.DpdDelay.IsZero) section.Add("dpd_delay", spec.DpdDelay.Seconds);
        section.Add("proposals", spec.Proposals);
        for (var i = 0; i < spec.Local.Count; i++) section.Add($"local-{i + 1}", Round(spec.Local[i]));
        for (var i = 0; i < spec.Remote.Count; i++) section.Add($"remote-{i + 1}", Round(spec.Remote[i]));
        var children = new ViciSection();
        foreach (var (name, child) in spec.Children) children.Add(name, Child(child));
        section.Add("children", children);
        return section;
    }

    private static IEnumerable<string> Addresses(Policy.ValueList<string> addresses) => addresses.Count == 0 ? ["%any"] : addresses;

    private static ViciSection Round(AuthenticationRound round) => new()
    {
        { "class", ClassOf(round.Auth) },
        { "id", round.Id },
    };

    private static string ClassOf(AuthenticationMethod method) => method switch
    {
        AuthenticationMethod.Psk => "pre-shared key",
        var other => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(other.ToString()),
    };

    private static ViciSection Child(ChildSpec child) => new()
    {
        { "mode", child.Mode.ToString().ToUpperInvariant() },
        { "rekey_time", child.RekeyTime.Seconds },
        { "rekey_bytes", child.RekeyBytes },
        { "rekey_packets", child.RekeyPackets },
        { "dpd_action", child.DpdAction.ToString().ToLowerInvariant() },
        { "close_action", child.CloseAction.ToString().ToLowerInvariant() },
        { "start_action", child.StartAction.ToString().ToLowerInvariant() },
        { "local-ts", child.LocalTs },
        { "remote-ts", child.RemoteTs },
        { "esp_proposals", child.EspProposals },
    };
}
