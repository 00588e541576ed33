using System.Net;
using System.Net.Sockets;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of interfaces.</summary>
internal sealed class InterfaceRules : ItemRules<InterfaceSpec>
{
    public const string AddressClaim = "address";
    public const string DeviceClaim = "device";

    private const int MaxAddresses = 64;

    // RFC 8200 §5: every IPv6 link carries 1280 octets.
    private const int MinMtuIp6 = 1280;

    protected override void Check(string name, InterfaceSpec spec, ValidationContext context, ErrorScope at)
    {
        CheckDevice(name, spec, at);
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
        if (spec.Type != InterfaceType.Loopback) yield return new(new(DeviceClaim, spec.Device ?? name), spec.Device is null ? "" : ".device");
        for (var i = 0; i < spec.Addresses.Count; i++)
            if (!IsLinkLocal(spec.Addresses[i])) yield return new(new(AddressClaim, spec.Addresses[i].Address.ToString()), $".addresses[{i}]");
    }

    /// <summary>Overlapping subnets of different interfaces: sorted by their beginning, each is compared with the widest one that is still open.</summary>
    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        var subnets = all.OfKind(ItemCatalog.Interface).SelectMany(Subnets).OrderBy(s => s.Family).ThenBy(s => s.First).ThenByDescending(s => s.Last).ThenBy(s => s.Owner.Name, StringComparer.Ordinal);
        var open = new Stack<Subnet>();
        foreach (var subnet in subnets)
        {
            while (open.TryPeek(out var top) && (top.Family != subnet.Family || top.Last < subnet.First)) open.Pop();
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
        if (spec.Type == InterfaceType.Loopback)
        {
            if (spec.Device is not null) at["device"].Add(ErrorCode.NotApplicable, "A loopback has no device.");
            if (spec.Mac is not null) at["mac"].Add(ErrorCode.NotApplicable, "A loopback has no MAC address.");
        }
        else if (spec.Device is not null && !Names.IsDevice(spec.Device)) at["device"].Add(ErrorCode.InvalidName, "A device's name has 1–15 visible ASCII characters without slash and colon.");
        else if (spec.Device is null && !Names.IsDevice(name)) at["device"].Add(ErrorCode.MissingField, "The item's name cannot be that of a device, so 'device' must be given.");
        if (spec.TakeOver && spec.Type != InterfaceType.AfPacket) at["take_over"].Add(ErrorCode.NotApplicable, "Only an af-packet interface takes over a device.");
    }

    private static IEnumerable<Subnet> Subnets(Item item)
    {
        var spec = (InterfaceSpec)item.Spec;
        for (var i = 0; i < spec.Addresses.Count; i++)
        {
            var own = spec.Addresses[i];
            // Every link has fe80::/10 of its own; a loopback's single address is no subnet (its being unique is checked as a claim).
            if (IsLinkLocal(own) || (spec.Type == InterfaceType.Loopback && own.PrefixLength == Addresses.Width(own.Address))) continue;
            var range = Sa.TrafficSelector.OfPrefix(own.Address, own.PrefixLength);
            yield return new Subnet(own.Address.AddressFamily, Addresses.Number(range.Start), Addresses.Number(range.End), item.Key, i);
        }
    }

    private static bool IsLinkLocal(InterfaceAddress own) => own.Address.IsIPv6LinkLocal;

    private readonly record struct Subnet(AddressFamily Family, UInt128 First, UInt128 Last, ItemKey Owner, int Index);
}
