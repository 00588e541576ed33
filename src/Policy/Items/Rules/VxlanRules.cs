using System.Net;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of interfaces of type vxlan.</summary>
internal static class VxlanRules
{
    public const string VxlanClaim = "vxlan";
    private const int MaxRemotes = 256;

    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        if (spec.Type != InterfaceType.Vxlan)
        {
            foreach (var (member, given) in (ReadOnlySpan<(string, bool)>)
                [("vni", spec.Vni is not null), ("local", spec.Local is not null && !spec.IsIpTunnel), ("remotes", spec.Remotes.Count > 0), ("port", spec.Port is not null)])
                if (given) at[member].Add(ErrorCode.NotApplicable, "This goes with a vxlan interface only.");
            return;
        }

        if (spec.Device is not null) at["device"].Add(ErrorCode.NotApplicable, "A vxlan interface has no device.");
        if (spec.Queues is not null) at["queues"].Add(ErrorCode.NotApplicable, "A vxlan interface has no queues.");
        if (spec.Vni is null) at["vni"].Add(ErrorCode.MissingField, "A vxlan interface needs the number of its network.");
        if (spec.Port is 500 or 4500) at["port"].Add(ErrorCode.InvalidValue, "This port is that of IKE.");
        if (spec.Remotes.Count == 0) at["remotes"].Add(ErrorCode.MissingField, "A vxlan interface needs at least one remote end.");
        if (spec.Remotes.Count > MaxRemotes) at["remotes"].Add(ErrorCode.TooMany, $"A vxlan interface has at most {MaxRemotes} remote ends.");
        if (spec.Local is not { } local)
        {
            at["local"].Add(ErrorCode.MissingField, "A vxlan interface needs its own end, an address of another interface.");
            return;
        }

        if (Addresses.FaultOfUnicast(local) is { } fault) at["local"].Add(ErrorCode.InvalidValue, fault);
        var seen = new HashSet<IPAddress>();
        for (var i = 0; i < spec.Remotes.Count; i++)
        {
            var (remote, within) = (spec.Remotes[i], at["remotes"][i]);
            if (remote.AddressFamily != local.AddressFamily) within.Add(ErrorCode.InvalidValue, "The ends must be of one address family.");
            else if (Addresses.FaultOfUnicast(remote) is { } wrong) within.Add(ErrorCode.InvalidValue, wrong);
            else if (remote.Equals(local)) within.Add(ErrorCode.Conflict, "The remote end is the local one.");
            else if (!seen.Add(remote)) within.Add(ErrorCode.Conflict, "The address stands twice.");
        }
    }

    /// <summary>Two interfaces of one network at the same end would share their frames.</summary>
    public static HeldClaim? Claim(InterfaceSpec spec) =>
        spec is { Type: InterfaceType.Vxlan, Vni: { } vni, Local: { } local } ? new(new(VxlanClaim, $"{vni} at {local} port {spec.Port ?? InterfaceSpec.VxlanPort}"), ".vni") : null;

    /// <summary>The interface that has the local end.</summary>
    public static ItemKey? Below(RunningConfiguration all, InterfaceSpec spec) => spec.Local is { } local ? all.HolderOf(new(InterfaceRules.AddressClaim, local.ToString())) : null;

    public static void CheckAmong(InterfaceSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (spec.Type != InterfaceType.Vxlan) return;
        if (Below(all, spec) is not { } below) at["local"].Add(ErrorCode.Conflict, "No interface has this address.");
        else if (all.TryGetValue(below, out var item) && item.Spec == spec) at["local"].Add(ErrorCode.Conflict, "The interface would carry itself.");
        for (var i = 0; i < spec.Remotes.Count; i++)
            if (all.HolderOf(new(InterfaceRules.AddressClaim, spec.Remotes[i].ToString())) is { } holder)
                at["remotes"][i].Add(ErrorCode.Conflict, $"This is the gateway's own address on {holder}.");
    }

    /// <summary>A bridge whose member has its end on the bridge's own routed member would carry itself; null when it does not.</summary>
    public static string? FaultOfBridge(RunningConfiguration all, string member, string? bvi) =>
        bvi is not null && all.TryGetValue(new(ItemCatalog.Interface, member), out var item) && item.Spec is InterfaceSpec { Type: InterfaceType.Vxlan or InterfaceType.Gretap } spec && Below(all, spec)?.Name == bvi
            ? "The bridge would carry itself: the member's local end is on the bridge's bvi."
            : null;
}
