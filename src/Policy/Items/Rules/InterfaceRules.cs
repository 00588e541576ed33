using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of interfaces.</summary>
internal sealed class InterfaceRules : ItemRules<InterfaceSpec>
{
    public const string AddressClaim = "address";
    public const string DeviceClaim = "device";
    public const string MemifClaim = "memif";
    public const string IfIdClaim = "if_id";

    /// <summary>A client's memory: offsets in it have 32 bits, and it is the gateway's to pay.</summary>
    private const long MaxMemifBytes = 1L << 30;
    private const int MaxSocketPath = 107;
    private const int MaxMemifQueues = 8;

    private const int MaxAddresses = 64;

    /// <summary>A frame with a VLAN tag, and the 256 octets that the kernel keeps in front of it, fit a packet buffer of 4096.</summary>
    private const int MaxXdpMtu = 3822;

    // RFC 8200 §5: every IPv6 link carries 1280 octets.
    private const int MinMtuIp6 = 1280;

    protected override void Check(string name, InterfaceSpec spec, ValidationContext context, ErrorScope at)
    {
        CheckDevice(name, spec, at);
        if (spec.Type == InterfaceType.Memif) CheckMemif(spec, at);
        else RefuseMemif(spec, at);
        if (spec.Type == InterfaceType.Ipsec && spec.IfId is null) at["if_id"].Add(ErrorCode.MissingField, "An ipsec interface needs the number that children name it by.");
        if (spec.Type != InterfaceType.Ipsec && spec.IfId is not null) at["if_id"].Add(ErrorCode.NotApplicable, "This goes with an ipsec interface only.");
        VlanRules.Check(spec, at);
        VxlanRules.Check(spec, at);
        IpTunnelRules.Check(spec, at);
        AclBindingRules.Check(spec, at);
        AbfBindingRules.Check(spec, at);
        GuardRules.Check(spec, at);
        LinkNeighborRules.Check(name, spec, at);
        RouterAdvertisementRules.Check(spec, at);
        if (spec.Addresses.Count > MaxAddresses) at["addresses"].Add(ErrorCode.TooMany, $"An interface has at most {MaxAddresses} addresses.");
        var seen = new HashSet<IPAddress>();
        for (var i = 0; i < spec.Addresses.Count; i++)
        {
            var within = at["addresses"][i];
            if (Addresses.FaultOfInterface(spec.Addresses[i]) is { } fault) within.Add(ErrorCode.InvalidValue, fault);
            else if (!seen.Add(spec.Addresses[i].Address)) within.Add(ErrorCode.Conflict, "The address stands twice.");
        }

        if (spec.Mtu < MinMtuIp6 && spec.Addresses.Any(a => a.Address.AddressFamily == AddressFamily.InterNetworkV6))
            at["mtu"].Add(ErrorCode.OutOfRange, $"With IPv6 addresses the MTU must be at least {MinMtuIp6}.");
        if (spec.Mac is { } mac && (mac.IsMulticast || mac.Value == 0)) at["mac"].Add(ErrorCode.InvalidValue, "This is not the MAC address of one station.");
    }

    protected override IEnumerable<HeldClaim> Claims(string name, InterfaceSpec spec)
    {
        if (spec.Type == InterfaceType.Memif) yield return new(new(MemifClaim, $"{spec.Id ?? 0} on {spec.Socket}"), spec.Id is null ? ".socket" : ".id");
        else if (spec.Type == InterfaceType.Ipsec) yield return new(new(IfIdClaim, (spec.IfId ?? 0).ToString(CultureInfo.InvariantCulture)), ".if_id");
        else if (VlanRules.Claim(spec) is { } vlan) yield return vlan;
        else if (VxlanRules.Claim(spec) is { } vxlan) yield return vxlan;
        else if (IpTunnelRules.Claim(spec) is { } tunnel) yield return tunnel;
        else if (spec.Type is not (InterfaceType.Loopback or InterfaceType.Vlan or InterfaceType.Vxlan) && !spec.IsIpTunnel) yield return new(new(DeviceClaim, spec.Device ?? name), spec.Device is null ? "" : ".device");
        for (var i = 0; i < spec.Addresses.Count; i++)
            if (!IsLinkLocal(spec.Addresses[i])) yield return new(VrfRules.AddressIn(spec.Vrf, spec.Addresses[i].Address), $".addresses[{i}]");
    }

    protected override IEnumerable<Reference> References(InterfaceSpec spec) =>
    [
        .. spec is { Type: InterfaceType.Vlan, Parent: { } parent } ? [new(new(ItemCatalog.Interface, parent), ".parent")] : (Reference[])[],
        .. AclBindingRules.References(spec), .. AbfBindingRules.References(spec), .. GuardRules.References(spec), .. LinkNeighborRules.References(spec), .. VrfRules.ReferenceTo(spec.Vrf, ".vrf"),
    ];

    protected override void CheckAmong(InterfaceSpec spec, RunningConfiguration all, ErrorScope at)
    {
        VxlanRules.CheckAmong(spec, all, at);
        IpTunnelRules.CheckAmong(spec, all, at);
        AclBindingRules.CheckAmong(spec, all, at);
        GuardRules.CheckAmong(spec, all, at);
        AbfBindingRules.CheckAmong(spec, all, at);
    }

    /// <summary>Overlapping subnets of different interfaces: sorted by their beginning, each is compared with the widest one that is still open.</summary>
    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        VlanRules.CheckTogether(all, put);
        SwitchRules.CheckInterfaces(all, put);
        LinkNeighborRules.CheckTogether(all, put);
        var subnets = all.OfKind(ItemCatalog.Interface).SelectMany(Subnets).OrderBy(s => s.Vrf, StringComparer.Ordinal).ThenBy(s => s.Family).ThenBy(s => s.First).ThenByDescending(s => s.Last).ThenBy(s => s.Owner.Name, StringComparer.Ordinal);
        var open = new Stack<Subnet>();
        foreach (var subnet in subnets)
        {
            while (open.TryPeek(out var top) && (top.Vrf != subnet.Vrf || top.Family != subnet.Family || top.Last < subnet.First)) open.Pop();
            // Prefixes nest or are apart, so whatever is still open holds this one.
            foreach (var other in open)
            {
                if (other.Owner == subnet.Owner) continue;
                if (put.TryGetValue(subnet.Owner, out var at)) Report(subnet, other, at);
                else if (put.TryGetValue(other.Owner, out at)) Report(other, subnet, at);
                break;
            }

            open.Push(subnet);
        }

        static void Report(Subnet mine, Subnet other, ErrorScope at) =>
            at["addresses"][mine.Index].Add(ErrorCode.Conflict, $"Its subnet overlaps that of {other.Owner}.");
    }

    private static void CheckDevice(string name, InterfaceSpec spec, ErrorScope at)
    {
        if (spec.Type is InterfaceType.Loopback or InterfaceType.Ipsec)
        {
            var what = spec.Type == InterfaceType.Loopback ? "A loopback" : "An ipsec interface";
            if (spec.Device is not null) at["device"].Add(ErrorCode.NotApplicable, $"{what} has no device.");
            if (spec.Mac is not null) at["mac"].Add(ErrorCode.NotApplicable, $"{what} has no MAC address.");
        }
        else if (spec.Type == InterfaceType.Memif)
        {
            if (spec.Device is not null) at["device"].Add(ErrorCode.NotApplicable, "A memif interface has a socket in place of a device.");
        }
        else if (spec.Type == InterfaceType.Vxlan || spec.IsIpTunnel)
        {
            // It has no device to be judged.
        }
        else if (spec.Type == InterfaceType.Vlan)
        {
            if (spec.Device is not null) at["device"].Add(ErrorCode.NotApplicable, "A vlan interface has a parent in place of a device.");
        }
        else if (spec.Device is not null && !Names.IsDevice(spec.Device)) at["device"].Add(ErrorCode.InvalidName, "A device's name has 1–15 visible ASCII characters without slash and colon.");
        else if (spec.Device is null && !Names.IsDevice(name)) at["device"].Add(ErrorCode.MissingField, "The item's name cannot be that of a device, so 'device' must be given.");
        if (spec.TakeOver && spec.Type is not (InterfaceType.AfPacket or InterfaceType.AfXdp)) at["take_over"].Add(ErrorCode.NotApplicable, "Only an af-packet or af-xdp interface takes over a device.");
        if (spec.Mode is not null && spec.Type != InterfaceType.AfXdp) at["mode"].Add(ErrorCode.NotApplicable, "This goes with an af-xdp interface only.");
        if (spec.Type == InterfaceType.AfXdp && spec.Mtu > MaxXdpMtu) at["mtu"].Add(ErrorCode.OutOfRange, $"An af-xdp interface carries at most {MaxXdpMtu} octets.");
    }

    private static void CheckMemif(InterfaceSpec spec, ErrorScope at)
    {
        if (spec.Socket is not { } path) at["socket"].Add(ErrorCode.MissingField, "A memif interface needs the path of its socket.");
        else if (!IsSocketPath(path)) at["socket"].Add(ErrorCode.InvalidValue, $"This is no absolute path of a file, without '.' and '..', of at most {MaxSocketPath} octets.");
        if (spec.Role != MemifRole.Client)
        {
            // The client owns the memory, so its rings are its to say.
            if (spec.RingSize is not null) at["ring_size"].Add(ErrorCode.NotApplicable, "Only a client makes rings.");
            if (spec.BufferSize is not null) at["buffer_size"].Add(ErrorCode.NotApplicable, "Only a client makes buffers.");
            if (spec.Queues is not null) at["queues"].Add(ErrorCode.NotApplicable, "Only a client makes rings.");
            return;
        }

        if (spec.Queues > MaxMemifQueues) at["queues"].Add(ErrorCode.OutOfRange, $"A memif has at most {MaxMemifQueues} rings in each direction.");
        if (spec.RingSize is { } size && !int.IsPow2(size)) at["ring_size"].Add(ErrorCode.InvalidValue, "A ring has a power of two of slots.");
        if (2L * (spec.Queues ?? 1) * (spec.RingSize ?? 1024) * (spec.BufferSize ?? 2048) > MaxMemifBytes)
            at["buffer_size"].Add(ErrorCode.OutOfRange, "All buffers together (twice queues × ring_size × buffer_size) are more than 1 GB.");
    }

    private static void RefuseMemif(InterfaceSpec spec, ErrorScope at)
    {
        foreach (var (member, given) in (ReadOnlySpan<(string, bool)>)
            [("socket", spec.Socket is not null), ("id", spec.Id is not null), ("role", spec.Role is not null), ("ring_size", spec.RingSize is not null), ("buffer_size", spec.BufferSize is not null)])
            if (given) at[member].Add(ErrorCode.NotApplicable, "This goes with a memif interface only.");
        if (spec is { Type: InterfaceType.Loopback or InterfaceType.Ipsec, Queues: not null }) at["queues"].Add(ErrorCode.NotApplicable, "What has no device has no queues.");
    }

    private static bool IsSocketPath(string path) =>
        path.StartsWith('/') && Names.IsPrintable(path, MaxSocketPath) && System.Text.Encoding.UTF8.GetByteCount(path) <= MaxSocketPath
        && path[1..].Split('/').All(part => part is not ("" or "." or ".."));

    private static IEnumerable<Subnet> Subnets(Item item)
    {
        var spec = (InterfaceSpec)item.Spec;
        for (var i = 0; i < spec.Addresses.Count; i++)
        {
            var own = spec.Addresses[i];
            // Every link has fe80::/10 of its own; the single address of what has no wire is no subnet (its being unique is checked as a claim).
            if (IsLinkLocal(own) || ((spec.Type == InterfaceType.Loopback || spec.IsPointToPoint) && own.PrefixLength == Addresses.Width(own.Address))) continue;
            var range = Sa.TrafficSelector.OfPrefix(own.Address, own.PrefixLength);
            yield return new Subnet(VrfSpec.Canonical(spec.Vrf), own.Address.AddressFamily, Addresses.Number(range.Start), Addresses.Number(range.End), item.Key, i);
        }
    }

    private static bool IsLinkLocal(InterfaceAddress own) => own.Address.IsIPv6LinkLocal;

    private readonly record struct Subnet(string? Vrf, AddressFamily Family, UInt128 First, UInt128 Last, ItemKey Owner, int Index);
}
