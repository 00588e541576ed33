using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of static routes.</summary>
internal sealed class RouteRules : ItemRules<RouteSpec>
{
    protected override void Check(string name, RouteSpec spec, ValidationContext context, ErrorScope at)
    {
        if (!spec.To.IsCanonical) at["to"].Add(ErrorCode.InvalidValue, $"Bits beyond the prefix length are set; write {Canonical(spec.To)}.");
        else if (IsMulticast(spec.To)) at["to"].Add(ErrorCode.NotSupported, "Multicast is not routed.");
        if (spec.Blackhole)
        {
            if (spec.Via is not null) at["via"].Add(ErrorCode.NotApplicable, "A blackhole has no next hop.");
            if (spec.Interface is not null) at["interface"].Add(ErrorCode.NotApplicable, "A blackhole has no interface.");
            return;
        }

        if (spec.Via is null && spec.Interface is null) at["via"].Add(ErrorCode.MissingField, "A route needs 'via', 'interface' or 'blackhole'.");
        if (spec.Via is not { } via) return;
        if (via.AddressFamily != spec.To.Family) at["via"].Add(ErrorCode.InvalidValue, "The next hop must be of the same address family as the destination.");
        else if (Addresses.FaultOfUnicast(via) is { } fault) at["via"].Add(ErrorCode.InvalidValue, fault);
        else if (via.IsIPv6LinkLocal && spec.Interface is null) at["interface"].Add(ErrorCode.MissingField, "A link-local next hop needs its interface.");
    }

    protected override IEnumerable<Reference> References(RouteSpec spec) =>
        spec.Interface is { } name ? [new(new(ItemCatalog.Interface, name), ".interface")] : [];

    protected override IEnumerable<HeldClaim> Claims(string name, RouteSpec spec) => [new(new("route to", spec.To.ToString()), ".to")];

    protected override void CheckAmong(RouteSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (spec.Via is { } via && all.HolderOf(new(InterfaceRules.AddressClaim, via.ToString())) is { } holder)
            at["via"].Add(ErrorCode.Conflict, $"The next hop is the gateway's own address on {holder}.");
    }

    private static bool IsMulticast(IpPrefix prefix)
    {
        Span<byte> bytes = stackalloc byte[16];
        prefix.Address.TryWriteBytes(bytes, out var size);
        return size == 4 ? prefix.Length >= 4 && bytes[0] >> 4 == 0xe : prefix.Length >= 8 && bytes[0] == 0xff;
    }

    private static IpPrefix Canonical(IpPrefix prefix) => prefix with { Address = Sa.TrafficSelector.OfPrefix(prefix.Address, prefix.Length).Start };
}
