using System.Net.Sockets;
using Gateway.Policy.Commands;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of connections; of their children: <see cref="ChildRules"/>.</summary>
internal sealed class ConnectionRules : ItemRules<ConnectionSpec>
{
    /// <summary>Octets of an identity; RFC 7296 §3.5 leaves it open, a DN of certificates in use stays well below.</summary>
    public const int MaxIdentity = 512;

    public const string Any = "%any";

    private const int MaxAddresses = 32;
    private const int MaxVips = 8;
    private const int MaxProposals = 32;
    private const int MaxChildren = 256;
    private static readonly SwanDuration _longest = SwanDuration.Hours(24 * 366);

    protected override void Check(string name, ConnectionSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Version != 2) at["version"].Add(ErrorCode.NotSupported, "Only IKEv2 is spoken.");
        CheckAddresses(spec.LocalAddrs, at["local_addrs"], names: false);
        CheckAddresses(spec.RemoteAddrs, at["remote_addrs"], names: true);
        if (!CanMeet(spec)) at["remote_addrs"].Add(ErrorCode.Conflict, "Local and remote addresses have no address family in common.");
        // IKE is taken from the wire on these ports only.
        if (spec.LocalPort != 500 && !context.IkePorts.Contains(spec.LocalPort)) at["local_port"].Add(ErrorCode.NotSupported, $"IKE listens on the ports {string.Join(" and ", context.IkePorts)}.");
        if (spec.Dscp.Length != 6 || spec.Dscp.AsSpan().ContainsAnyExcept('0', '1')) at["dscp"].Add(ErrorCode.InvalidValue, "Expected six binary digits, such as 101110.");
        CheckProposals(spec.Proposals, context.Proposals.FaultOfIke, at["proposals"]);
        RoundRules.Check(spec.Local, local: true, at["local"]);
        RoundRules.Check(spec.Remote, local: false, at["remote"]);
        CheckPpk(spec, at);
        CheckTimes(spec, at);
        CheckVips(spec, at);
        if (spec.Children.Count > MaxChildren) at["children"].Add(ErrorCode.TooMany, $"A connection has at most {MaxChildren} children.");
        foreach (var (child, its) in spec.Children)
        {
            if (!Names.IsChild(child)) at["children"].Add(ErrorCode.InvalidName, "A child's name has 1–64 letters, digits and ._:@+- and begins with a letter, a digit or _.");
            else ChildRules.Check(spec, its, context, at["children"][child]);
        }
    }

    protected override IEnumerable<Reference> References(ConnectionSpec spec) =>
        RoundRules.References(spec).Concat(spec.Pools.Select((name, i) => new Reference(new(ItemCatalog.Pool, name), $".pools[{i}]")));

    internal static void CheckProposals(ValueList<string> proposals, Func<string, string?> fault, ErrorScope at)
    {
        if (proposals.Count > MaxProposals) at.Add(ErrorCode.TooMany, $"There are at most {MaxProposals} proposals.");
        for (var i = 0; i < proposals.Count && i < MaxProposals; i++)
        {
            if (proposals[i].Length > 512) at[i].Add(ErrorCode.InvalidValue, "No proposal is that long.");
            else if (proposals[i] != "default" && fault(proposals[i]) is { } why) at[i].Add(ErrorCode.InvalidValue, why);
        }
    }

    internal static void CheckDuration(SwanDuration? duration, ErrorScope at)
    {
        if (duration is { } d && d.Seconds > _longest.Seconds) at.Add(ErrorCode.OutOfRange, $"The longest duration is {_longest}.");
    }

    /// <summary>True when the peer's address is known, so that the gateway can begin.</summary>
    internal static bool CanDial(ConnectionSpec spec) => spec.RemoteAddrs.Any(a => IpPrefix.TryAddress(a, out _) || Names.IsHost(a));

    private static void CheckTimes(ConnectionSpec spec, ErrorScope at)
    {
        CheckDuration(spec.DpdDelay, at["dpd_delay"]);
        CheckDuration(spec.RekeyTime, at["rekey_time"]);
        CheckDuration(spec.ReauthTime, at["reauth_time"]);
        CheckDuration(spec.OverTime, at["over_time"]);
        CheckDuration(spec.RandTime, at["rand_time"]);
        if (!spec.RekeyTime.IsZero && spec.RandTime is { } random && random.Seconds > spec.RekeyTime.Seconds)
            at["rand_time"].Add(ErrorCode.OutOfRange, "The random time is taken off 'rekey_time' and cannot be longer.");
    }

    private static void CheckPpk(ConnectionSpec spec, ErrorScope at)
    {
        if (spec.PpkId is { } id && !Names.IsPrintable(id, MaxIdentity)) at["ppk_id"].Add(ErrorCode.InvalidValue, $"An identity has 1–{MaxIdentity} printable characters.");
    }

    private static void CheckVips(ConnectionSpec spec, ErrorScope at)
    {
        if (spec.Pools.Count > MaxAddresses) at["pools"].Add(ErrorCode.TooMany, $"There are at most {MaxAddresses} pools.");
        if (spec.Vips.Count > MaxVips) at["vips"].Add(ErrorCode.TooMany, $"There are at most {MaxVips} virtual addresses.");
        for (var i = 0; i < spec.Vips.Count; i++)
        {
            if (!IpPrefix.TryAddress(spec.Vips[i], out var address)) at["vips"][i].Add(ErrorCode.InvalidValue, "Expected an address; 0.0.0.0 or :: asks for any.");
            else if (!address.Equals(System.Net.IPAddress.Any) && !address.Equals(System.Net.IPAddress.IPv6Any) && Addresses.FaultOfUnicast(address) is { } fault)
                at["vips"][i].Add(ErrorCode.InvalidValue, fault);
        }
    }

    private static void CheckAddresses(ValueList<string> addresses, ErrorScope at, bool names)
    {
        if (addresses.Count > MaxAddresses) at.Add(ErrorCode.TooMany, $"There are at most {MaxAddresses} addresses.");
        for (var i = 0; i < addresses.Count; i++)
        {
            var text = addresses[i];
            if (text is Any or "%any4" or "%any6") continue;
            if (IpPrefix.TryAddress(text, out var address))
            {
                if (Addresses.FaultOfUnicast(address) is { } fault) at[i].Add(ErrorCode.InvalidValue, fault);
            }
            else if (!IsRange(text) && !(names && Names.IsHost(text)))
                at[i].Add(ErrorCode.InvalidValue, $"Expected an address, a prefix, a range, {(names ? "a host name, " : "")}or {Any}.");
        }
    }

    private static bool IsRange(string text) =>
        !text.Contains('[', StringComparison.Ordinal) && TrafficSelector.TryParse(text, out _);

    private static bool CanMeet(ConnectionSpec spec)
    {
        var (local, remote) = (Families(spec.LocalAddrs), Families(spec.RemoteAddrs));
        return local is null || remote is null || local.Overlaps(remote);
    }

    /// <summary>Families of the addresses; null = any, as also a name may have either.</summary>
    private static HashSet<AddressFamily>? Families(ValueList<string> addresses)
    {
        var families = new HashSet<AddressFamily>();
        foreach (var text in addresses)
        {
            if (text == "%any4") families.Add(AddressFamily.InterNetwork);
            else if (text == "%any6") families.Add(AddressFamily.InterNetworkV6);
            else if (TrafficSelector.TryParse(text, out var range)) families.Add(range.Family);
            else return null;
        }

        return addresses.Count == 0 ? null : families;
    }
}
