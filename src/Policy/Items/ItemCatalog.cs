using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Items;

/// <summary>Every kind of item, one row each (see <c>docs/howto/add-an-item-kind.md</c>).</summary>
public static class ItemCatalog
{
    public const string Vrf = "vrf";
    public const string Interface = "interface";
    public const string Bridge = "bridge";
    public const string CrossConnect = "cross-connect";
    public const string Span = "span";
    public const string Policer = "policer";
    public const string SourceLimit = "source-limit";
    public const string MacAcl = "mac-acl";
    public const string Group = "group";
    public const string Acl = "acl";
    public const string AbfPolicy = "abf-policy";
    public const string Route = "route";
    public const string RouteList = "route-list";
    public const string Neighbor = "neighbor";
    public const string Nat = "nat";
    public const string Conntrack = "conntrack";
    public const string Limits = "limits";
    public const string Secret = "secret";
    public const string Certificate = "certificate";
    public const string Authority = "authority";
    public const string Pool = "pool";
    public const string Connection = "connection";
    public const string Policy = "policy";

    /// <summary>The rows, in the order in which things are shown.</summary>
    public static IReadOnlyList<ItemKind> Kinds { get; } =
    [
        new(Vrf, typeof(VrfSpec), new VrfRules()),
        new(Interface, typeof(InterfaceSpec), new InterfaceRules()),
        new(Bridge, typeof(BridgeSpec), new BridgeRules()),
        new(CrossConnect, typeof(CrossConnectSpec), new CrossConnectRules()),
        new(Span, typeof(SpanSpec), new SpanRules()),
        new(Policer, typeof(PolicerSpec), new PolicerRules()),
        new(SourceLimit, typeof(SourceLimitSpec), new SourceLimitRules()),
        new(MacAcl, typeof(MacAclSpec), new MacAclRules()),
        new(Group, typeof(GroupSpec), new GroupRules()),
        new(Acl, typeof(AclSpec), new AclRules()),
        new(AbfPolicy, typeof(AbfPolicySpec), new AbfPolicyRules()),
        new(Route, typeof(RouteSpec), new RouteRules()),
        new(RouteList, typeof(RouteListSpec), new RouteListRules()),
        new(Neighbor, typeof(NeighborSpec), new NeighborRules()),
        new(Nat, typeof(NatSpec), new NatRules()),
        new(Conntrack, typeof(ConntrackSpec), new ConntrackRules()),
        new(Limits, typeof(LimitsSpec), new LimitsRules()),
        new(Secret, typeof(SecretSpec), new SecretRules()),
        new(Certificate, typeof(CertificateSpec), new CertificateRules()),
        new(Authority, typeof(AuthoritySpec), new AuthorityRules()),
        new(Pool, typeof(PoolSpec), new PoolRules()),
        new(Connection, typeof(ConnectionSpec), new ConnectionRules()),
        new(Policy, typeof(PolicySpec), new PolicyRules()),
    ];

    private static readonly FrozenDictionary<string, ItemKind> _byName = Kinds.ToFrozenDictionary(k => k.Name);

    public static bool TryGet(string? name, [NotNullWhen(true)] out ItemKind? kind)
    {
        kind = null;
        return name is not null && _byName.TryGetValue(name, out kind);
    }
}
