using System.Net;
using System.Net.Sockets;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>The configuration payload of IKE_AUTH: a peer asks for inner addresses and gets them from our pools, or we ask (RFC 7296 §2.19, §3.15).</summary>
internal static class Configuration
{
    // A peer has little use for more, and each could cost the pool an address.
    private const int MaxAddresses = 4;

    /// <summary>What the first request asks for; nothing without <c>vips</c>.</summary>
    public static IEnumerable<Payload> Request(Peering peering)
    {
        var vips = Vips(peering.Connection);
        if (vips.Count == 0) yield break;
        var attributes = new List<ConfigurationAttribute>();
        var before = peering.WantedVips.ToList();
        foreach (var vip in vips)
        {
            // Who authenticates anew would like to keep what it has.
            var wanted = IsUnspecified(vip) ? before.Find(a => a.AddressFamily == vip.AddressFamily) : vip;
            if (wanted is not null) before.Remove(wanted);
            attributes.Add(new(AddressType(vip.AddressFamily), wanted is null ? Octets.Empty : Value(wanted)));
        }

        if (vips.Exists(v => v.AddressFamily == AddressFamily.InterNetwork)) attributes.Add(new(ConfigurationAttributeType.InternalIp4Dns, Octets.Empty));
        if (vips.Exists(v => v.AddressFamily == AddressFamily.InterNetworkV6)) attributes.Add(new(ConfigurationAttributeType.InternalIp6Dns, Octets.Empty));
        yield return new ConfigurationPayload(ConfigurationKind.Request, attributes.ToValueList());
    }

    /// <summary>The responder's part. Null when no CHILD SA can be made because the addresses failed; the answer says so then.</summary>
    /// <param name="request">Of the first IKE_AUTH request.</param>
    public static Peering? Respond(Scope scope, Peering peering, ValueList<Payload> request, List<Payload> answer)
    {
        // As in strongSwan, whom EAP told apart has a lease of their own, also where all have one IKE identity.
        var (connection, identity) = (peering.Connection, peering.Authentication.EapId ?? peering.RemoteId.ToString());
        var asked = request.Find<ConfigurationPayload>() is { Kind: ConfigurationKind.Request } cp ? cp.Attributes.Where(IsAddress).Take(MaxAddresses).ToList() : [];
        if (asked.Count == 0)
        {
            if (connection.Spec.Pools.Count == 0 || request.Find<SecurityAssociationPayload>() is null) return peering;
            // RFC 7296 §2.19: a peer that must have an address and asks for none.
            scope.Fact(new LeaseRefused(connection.Name, peering.Id, identity, null, "not-asked"));
            answer.Add(new NotifyPayload(NotifyType.FailedCpRequired));
            return null;
        }

        var takes = connection.Spec.Unique == UniquePolicy.Replace || (connection.Spec.Unique != UniquePolicy.Never && request.Has(NotifyType.InitialContact));
        var (granted, attributes) = (new List<IPAddress>(), new List<ConfigurationAttribute>());
        foreach (var attribute in asked)
        {
            var family = FamilyOf(attribute.Type);
            var wanted = AddressOf(attribute) is { } address && !IsUnspecified(address) ? address : null;
            var lease = scope.Directory.Lease(new LeaseRequest(connection.Name, peering.Id, connection.Spec.Pools, identity, family, wanted, takes));
            if (lease is null)
            {
                var any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
                scope.Fact(new LeaseRefused(connection.Name, peering.Id, identity, wanted ?? any, connection.Spec.Pools.Count == 0 ? "no-pool" : "exhausted"));
                continue;
            }

            if (granted.Contains(lease.Address)) continue;
            scope.Fact(new LeaseGranted(lease.Pool, lease.Address, identity, connection.Name, peering.Id));
            granted.Add(lease.Address);
            attributes.Add(new ConfigurationAttribute(attribute.Type, Value(lease.Address)));
            foreach (var more in lease.Attributes.AsSpan())
                if (!attributes.Contains(more)) attributes.Add(more);
        }

        if (granted.Count == 0)
        {
            // RFC 7296 §3.15.4: the IKE SA stands, the CHILD SA cannot.
            answer.Add(new NotifyPayload(NotifyType.InternalAddressFailure));
            return null;
        }

        answer.Add(new ConfigurationPayload(ConfigurationKind.Reply, attributes.ToValueList()));
        return peering with { PeerVips = granted.ToValueList() };
    }

    /// <summary>The initiator takes what the last response gives it.</summary>
    public static Peering Conclude(Scope scope, Peering peering, ValueList<Payload> answer)
    {
        var vips = Vips(peering.Connection);
        if (vips.Count == 0) return peering;
        var given = answer.Find<ConfigurationPayload>() is { Kind: ConfigurationKind.Reply } cp ? cp.Attributes : default;
        var families = vips.Select(v => v.AddressFamily).ToHashSet();
        // Only what was asked for: an address of another family, or one that no host can have, is not taken.
        var addresses = given.Where(IsAddress).Select(AddressOf).OfType<IPAddress>().Where(a => families.Contains(a.AddressFamily) && IsHost(a)).Distinct().Take(MaxAddresses).ToValueList();
        var dns = given.Where(a => a.Type is ConfigurationAttributeType.InternalIp4Dns or ConfigurationAttributeType.InternalIp6Dns && a.Value.Length is 4 or 16)
            .Select(a => new IPAddress(a.Value.Span)).ToValueList();
        var subnets = given.Select(SubnetOf).OfType<TrafficSelector>().ToValueList();
        scope.Fact(new VirtualAddressesReceived(peering.Id, peering.Connection.Name, addresses, dns, subnets));
        return peering with { OwnVips = addresses };
    }

    /// <summary>What <c>dynamic</c> stands for on our side: before the peer gave us addresses, any of those that we ask for.</summary>
    public static ValueList<TrafficSelector> OwnDynamic(Peering peering)
    {
        if (peering.OwnVips.Count > 0) return peering.OwnVips.Select(Host).ToValueList();
        if (!peering.IsInitiator || Vips(peering.Connection) is not { Count: > 0 } vips) return [Host(peering.Local.Address)];
        return vips.Select(v => v.AddressFamily).Distinct()
            .Select(f => TrafficSelector.OfPrefix(f == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0)).ToValueList();
    }

    /// <summary>What <c>dynamic</c> stands for on the peer's side.</summary>
    public static ValueList<TrafficSelector> PeerDynamic(Peering peering) =>
        peering.PeerVips.Count > 0 ? peering.PeerVips.Select(Host).ToValueList() : [Host(peering.Remote.Address)];

    private static List<IPAddress> Vips(Connection connection) =>
        [.. connection.Spec.Vips.Select(v => IPAddress.TryParse(v, out var address) ? address : null).OfType<IPAddress>()];

    private static bool IsAddress(ConfigurationAttribute attribute) =>
        attribute.Type is ConfigurationAttributeType.InternalIp4Address or ConfigurationAttributeType.InternalIp6Address;

    // RFC 7296 §3.15.1: four octets, or sixteen and the length of a prefix; none asks for any.
    private static IPAddress? AddressOf(ConfigurationAttribute attribute) => (attribute.Type, attribute.Value.Length) switch
    {
        (ConfigurationAttributeType.InternalIp4Address, 4) => new IPAddress(attribute.Value.Span),
        (ConfigurationAttributeType.InternalIp6Address, 16 or 17) => new IPAddress(attribute.Value.Span[..16]),
        _ => null,
    };

    private static TrafficSelector? SubnetOf(ConfigurationAttribute attribute)
    {
        var value = attribute.Value.Span;
        if (attribute.Type == ConfigurationAttributeType.InternalIp6Subnet && value.Length == 17 && value[16] <= 128) return TrafficSelector.OfPrefix(new IPAddress(value[..16]), value[16]);
        if (attribute.Type != ConfigurationAttributeType.InternalIp4Subnet || value.Length != 8) return null;
        var mask = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(value[4..]);
        return TrafficSelector.OfPrefix(new IPAddress(value[..4]), System.Numerics.BitOperations.LeadingZeroCount(~mask));
    }

    private static Octets Value(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork ? new Octets(address.GetAddressBytes()) : new Octets([.. address.GetAddressBytes(), 128]);

    private static ConfigurationAttributeType AddressType(AddressFamily family) =>
        family == AddressFamily.InterNetwork ? ConfigurationAttributeType.InternalIp4Address : ConfigurationAttributeType.InternalIp6Address;

    private static AddressFamily FamilyOf(ConfigurationAttributeType type) =>
        type == ConfigurationAttributeType.InternalIp4Address ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;

    private static bool IsUnspecified(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static bool IsHost(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var size);
        return size == 4 ? bytes[0] is not (0 or 127 or >= 224) : !address.IsIPv6Multicast && !IsUnspecified(address) && !IPAddress.IsLoopback(address) && !address.IsIPv4MappedToIPv6;
    }

    private static TrafficSelector Host(IPAddress address) => new(address, address);
}
