using System.Globalization;
using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Explain;
using Gateway.Policy.Items;

namespace Gateway.Host.Explain;

/// <summary>A decision in words, and the item behind it.</summary>
/// <param name="Path">Beginning of the paths of the fields that decide; null the whole item.</param>
internal sealed record DecisionText(string What, ItemKey? Item = null, string? Line = null, string? Path = null);

/// <summary>Says what decided at a node, and which item of a configuration that is.</summary>
internal sealed class DecisionWords(RunningConfiguration configuration)
{
    private readonly Lazy<Dictionary<(string Vrf, IPNetwork To, uint Preference), string>> _routes = new(() => configuration.OfKind(ItemCatalog.Route)
        .GroupBy(i => KeyOf((RouteSpec)i.Spec)).ToDictionary(g => g.Key, g => g.First().Key.Name));

    public DecisionText Of(TraceRow step) => step.Decision switch
    {
        null => new DecisionText(step.Node == "neighbor-resolve" ? "the MAC address of the next hop is asked for" : ""),
        StepDecision.Acl { Name: "" } end => new DecisionText($"{end.Action}: the end of the list for what {Way(end.Inbound)} {end.Interface}", Interface(end.Interface), null, "acl_"),
        StepDecision.Acl { Rule: "" } gone => new DecisionText($"deny: the ACL {gone.Name}, which {gone.Interface} asks, is not there", Interface(gone.Interface), null, "acl_"),
        StepDecision.Acl rule => new DecisionText($"{rule.Action}: rule {rule.Rule}, for what {Way(rule.Inbound)} {rule.Interface}", new ItemKey(ItemCatalog.Acl, rule.Name), rule.Rule, RulePath(rule)),
        StepDecision.MacAcl { Name: "" } end => new DecisionText($"{end.Action}: the end of the list for frames that come in by {end.Interface}", Interface(end.Interface), null, "mac_acl_"),
        StepDecision.MacAcl rule => new DecisionText($"{rule.Action}: rule {rule.Rule}, for frames that come in by {rule.Interface}", new ItemKey(ItemCatalog.MacAcl, rule.Name), rule.Rule, MacRulePath(rule)),
        StepDecision.Nat { From: { } from, To: { } to } nat => new DecisionText($"{(nat.Source ? "source" : "destination")} {from} becomes {to}", new ItemKey(ItemCatalog.Nat, nat.Rule)),
        StepDecision.Nat exempt => new DecisionText($"rule {exempt.Rule} is about the flow, and translates nothing", new ItemKey(ItemCatalog.Nat, exempt.Rule)),
        StepDecision.KnownFlow flow => new DecisionText(
            $"known flow, {flow.State}{(flow.Reply ? ", an answer in it" : "")}: past all rules{(flow.From.Equals(flow.To) ? "" : $"; {flow.From} becomes {flow.To}")}", flow.Rule is { } name ? new ItemKey(ItemCatalog.Nat, name) : null),
        StepDecision.NewFlow { Begins: true } => new DecisionText("a flow begins; its source stays as it is"),
        StepDecision.NewFlow => new DecisionText("no flow is known"),
        StepDecision.Route route => Route(route),
        StepDecision.Steered steered => new DecisionText(
            $"policy of forwarding {steered.Name}, rule {steered.Rule}: {(steered.IsAway ? "all its next hops are away" : $"next hop{(steered.Via is { } via ? $" {via}" : "")}{(steered.Interface is { } by ? $" on {by}" : "")}")}", new ItemKey(ItemCatalog.AbfPolicy, steered.Name)),
        StepDecision.NoRoute none => new DecisionText($"no route leads to {none.Destination}{InVrf(none.Vrf)}"),
        StepDecision.Policy { OfChild: true } child => new DecisionText(
            child.By is { } sa ? $"protect: {child.Name}, by CHILD SA #{Number(sa.Value)}" : $"protect: {child.Name}{(step.Node.EndsWith("input", StringComparison.Ordinal) ? "" : ", which has no CHILD SA")}",
            Child(child.Name, out var line), line, line is null ? null : $"children.{line}"),
        StepDecision.Policy policy => new DecisionText($"{policy.Action.ToString().ToLowerInvariant()}: policy {policy.Name}", new ItemKey(ItemCatalog.Policy, policy.Name)),
        StepDecision.NoPolicy => new DecisionText("no security policy is about it: in the clear"),
        StepDecision.Sa sa => new DecisionText(
            $"CHILD SA #{Number(sa.Id.Value)} of {sa.Connection}/{sa.Child}, SPI {sa.Spi.Value:x8}, {(sa.Inbound ? $"{sa.Remote} to {sa.Local}" : $"{sa.Local} to {sa.Remote}")}",
            new ItemKey(ItemCatalog.Connection, sa.Connection.Value), sa.Child.Value, $"children.{sa.Child.Value}"),
        StepDecision.On { Mtu: { } mtu } on => new DecisionText($"next hop on {on.Interface}, MTU {Number(mtu)}", Interface(on.Interface)),
        StepDecision.On { Interface: DataplaneTwin.HostName } => new DecisionText("to the gateway's host"),
        StepDecision.On on => new DecisionText(step.Node.EndsWith("input", StringComparison.Ordinal) || step.Node.EndsWith("decap", StringComparison.Ordinal) ? $"in by {on.Interface}" : $"out by {on.Interface}", Interface(on.Interface)),
        StepDecision.Switch { Bridge: { } bridge } => new DecisionText($"bridge {bridge}", new ItemKey(ItemCatalog.Bridge, bridge)),
        StepDecision.Switch { Connect: { } connect } => new DecisionText($"cross-connect {connect}", new ItemKey(ItemCatalog.CrossConnect, connect)),
        _ => new DecisionText(""),
    };

    private DecisionText Route(StepDecision.Route route)
    {
        var hop = route.Via is { } via ? $" via {via}" : "";
        var on = route.Interface is { } name ? $" on {name}" : "";
        return route.Source switch
        {
            "static" => new DecisionText($"route {route.To}{hop}{on}{InVrf(route.Vrf)}", ItemOf(route)),
            "local" => new DecisionText($"{route.To.BaseAddress} is the gateway's own, of {route.Interface}{InVrf(route.Vrf)}", Interface(route.Interface), null, "addresses"),
            "broadcast" => new DecisionText($"{route.To.BaseAddress} is the broadcast or network address of a network of {route.Interface}{InVrf(route.Vrf)}", Interface(route.Interface), null, "addresses"),
            _ => new DecisionText($"{route.To} is a network of {route.Interface}{InVrf(route.Vrf)}", Interface(route.Interface), null, "addresses"),
        };
    }

    private ItemKey? ItemOf(StepDecision.Route route)
    {
        var vrf = route.Vrf ?? VrfSpec.Default;
        if (_routes.Value.TryGetValue((vrf, route.To, route.Preference), out var name)) return new ItemKey(ItemCatalog.Route, name);
        var prefix = PrefixList.OctetsOf(new IpPrefix(route.To.BaseAddress, route.To.PrefixLength));
        return configuration.OfKind(ItemCatalog.RouteList).FirstOrDefault(i => i.Spec is RouteListSpec list && (list.Vrf ?? VrfSpec.Default) == vrf && (uint)list.Preference == route.Preference
            && list.To.Holds(prefix))?.Key;
    }

    private string? RulePath(StepDecision.Acl rule) =>
        configuration.TryGetValue(new ItemKey(ItemCatalog.Acl, rule.Name), out var item) ? PathOf(AclRuleNames.Of((AclSpec)item.Spec), rule.Rule) : null;

    private string? MacRulePath(StepDecision.MacAcl rule) =>
        configuration.TryGetValue(new ItemKey(ItemCatalog.MacAcl, rule.Name), out var item) ? PathOf(MacAclRuleNames.Of((MacAclSpec)item.Spec), rule.Rule) : null;

    private static string? PathOf(IReadOnlyList<string> names, string rule)
    {
        for (var i = 0; i < names.Count; i++)
            if (names[i] == rule) return $"rules[{i.ToString(CultureInfo.InvariantCulture)}]";
        return null;
    }

    private static ItemKey? Interface(string? name) => name is null or DataplaneTwin.HostName ? null : new ItemKey(ItemCatalog.Interface, name);

    private ItemKey? Child(string name, out string? child)
    {
        // A connection's name may hold a slash, a child's may too: the configuration knows.
        child = null;
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
        {
            var key = new ItemKey(ItemCatalog.Connection, name[..slash]);
            if (!configuration.ContainsKey(key)) continue;
            child = name[(slash + 1)..];
            return key;
        }

        return null;
    }

    private static (string, IPNetwork, uint) KeyOf(RouteSpec spec) => (spec.Vrf ?? VrfSpec.Default, new IPNetwork(spec.To.Address, spec.To.Length), (uint)spec.Preference);

    private static string Way(bool inbound) => inbound ? "comes in by" : "leaves by";

    private static string InVrf(string? vrf) => vrf is null ? "" : $", VRF {vrf}";

    private static string Number(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
