using System.Net.Sockets;
using Gateway.Policy.Commands;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of a connection's children.</summary>
internal static class ChildRules
{
    private const string Dynamic = "dynamic";

    // RFC 7296 §3.13: the number of selectors in a TS payload is one octet.
    private const int MaxSelectors = 255;

    public static void Check(ConnectionSpec connection, ChildSpec child, ValidationContext context, ErrorScope at)
    {
        var local = CheckSelectors(child.LocalTs, at["local_ts"]);
        var remote = CheckSelectors(child.RemoteTs, at["remote_ts"]);
        if (local is not null && remote is not null && !local.Overlaps(remote))
            at["remote_ts"].Add(ErrorCode.Conflict, "No packet can match: local and remote selectors have no address family in common.");
        ConnectionRules.CheckProposals(child.EspProposals, context.Proposals.FaultOfEsp, at["esp_proposals"]);
        if (child.StartAction is StartAction.Start or StartAction.TrapStart && !ConnectionRules.CanDial(connection))
            at["start_action"].Add(ErrorCode.Conflict, "The gateway cannot begin: 'remote_addrs' has no address or name of the peer.");
        CheckLifetimes(child, at);
    }

    private static void CheckLifetimes(ChildSpec child, ErrorScope at)
    {
        ConnectionRules.CheckDuration(child.RekeyTime, at["rekey_time"]);
        ConnectionRules.CheckDuration(child.LifeTime, at["life_time"]);
        ConnectionRules.CheckDuration(child.RandTime, at["rand_time"]);
        // A hard end that comes first would cut the traffic before each rekey.
        if (child.LifeTime is { IsZero: false } life && life.Seconds <= child.RekeyTime.Seconds)
            at["life_time"].Add(ErrorCode.OutOfRange, "The end must come after 'rekey_time'.");
        if (child.RandTime is { } random && !child.RekeyTime.IsZero && random.Seconds > child.RekeyTime.Seconds)
            at["rand_time"].Add(ErrorCode.OutOfRange, "The random time is taken off 'rekey_time' and cannot be longer.");
        if (child.LifeBytes is > 0 && child.LifeBytes <= child.RekeyBytes) at["life_bytes"].Add(ErrorCode.OutOfRange, "The end must come after 'rekey_bytes'.");
        if (child.RandBytes > child.RekeyBytes) at["rand_bytes"].Add(ErrorCode.OutOfRange, "The random number is taken off 'rekey_bytes' and cannot be larger.");
        if (child.RandPackets > child.RekeyPackets) at["rand_packets"].Add(ErrorCode.OutOfRange, "The random number is taken off 'rekey_packets' and cannot be larger.");
        if (child.LifePackets is > 0 && child.LifePackets <= child.RekeyPackets) at["life_packets"].Add(ErrorCode.OutOfRange, "The end must come after 'rekey_packets'.");
    }

    /// <summary>The families of the selectors; null when they are open (<c>dynamic</c>) or wrong.</summary>
    private static HashSet<AddressFamily>? CheckSelectors(ValueList<string> selectors, ErrorScope at)
    {
        if (selectors.Count == 0) at.Add(ErrorCode.MissingField, "There must be one selector; 'dynamic' stands for the IKE address.");
        if (selectors.Count > MaxSelectors) at.Add(ErrorCode.TooMany, $"There are at most {MaxSelectors} selectors.");
        var families = new HashSet<AddressFamily>();
        var open = selectors.Count == 0;
        for (var i = 0; i < selectors.Count; i++)
        {
            if (TrafficSelector.TryParse(selectors[i], out var selector)) families.Add(selector.Family);
            else if (IsDynamic(selectors[i])) open = true;
            else
            {
                at[i].Add(ErrorCode.InvalidValue, "Expected a selector such as 10.1.0.0/24[tcp/80], or dynamic.");
                open = true;
            }
        }

        return open ? null : families;
    }

    // dynamic may be narrowed like an address: dynamic[tcp/80].
    private static bool IsDynamic(string text) =>
        text == Dynamic || (text.StartsWith(Dynamic + "[", StringComparison.Ordinal) && TrafficSelector.TryParse("0.0.0.0/0" + text[Dynamic.Length..], out _));
}
