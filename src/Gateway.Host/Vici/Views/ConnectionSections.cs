using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Wire;
using Gateway.Policy;
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
            { "reauth_time", spec.ReauthTime.Seconds },
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

    private static IEnumerable<string> Addresses(ValueList<string> addresses) => addresses.Count == 0 ? ["%any"] : addresses;

    private static ViciSection Round(AuthenticationRound round)
    {
        var section = new ViciSection();
        var word = round.Auth.ToString()!.ToLowerInvariant();
        section.Add("class", word switch { "psk" => "pre-shared key", _ when word.StartsWith("eap", StringComparison.Ordinal) => "EAP", "any" => "any", _ => "public key" });
        if (word.StartsWith("eap-", StringComparison.Ordinal)) section.Add("eap-type", word[4..].ToUpperInvariant());
        var spec = (JsonObject)JsonSerializer.SerializeToNode(round, PolicyJson.Options)!;
        foreach (var (key, value) in spec)
        {
            if (value is JsonArray list) section.Add(key, list.Select(v => v!.GetValue<string>()));
            else if (key != "auth" && value is not null) section.Add(key, value.ToString());
        }

        return section;
    }

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
