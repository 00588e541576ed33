using System.Collections.Concurrent;
using System.Globalization;
using Gateway.Host.Appliance;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Host.Control.Senders;

/// <summary>
/// Says what a principal may do, from <c>appliance.json</c>. It sees nothing but what the door proved; the label <c>issuer</c> of a command never gets here.
/// </summary>
public sealed class Authorization
{
    /// <summary>Principals that are remembered; beyond it the rules are gone through each time.</summary>
    private const int MaxRemembered = 4096;

    private readonly AuthorizationSection? _section;
    private readonly LimitsSection _limits;
    private readonly (IReadOnlyList<string> Who, Rights Rights, LimitsSection? Limits)[] _rules;
    private readonly ConcurrentDictionary<Principal, Standing> _known = [];

    public Authorization(AuthorizationSection? section, LimitsSection limits)
    {
        (_section, _limits) = (section, limits);
        _rules = [.. (section?.Rules ?? []).Select(r => (r.Who, RightsOf(r), r.Limits))];
    }

    /// <summary>Everybody may do everything.</summary>
    public static Authorization Open { get; } = new(null, new LimitsSection());

    public Standing Of(Principal principal)
    {
        if (_known.TryGetValue(principal, out var known)) return known;
        var standing = Find(principal);
        if (_known.Count < MaxRemembered) _known.TryAdd(principal, standing);
        return standing;
    }

    private Standing Find(Principal principal)
    {
        // Not a door but the box itself.
        if (principal.Door is "config" or "gateway") return Make(principal, Rights.All, new LimitsSection());
        if (_section is null) return Make(principal, Rights.All, _limits);
        var name = principal.ToString();
        foreach (var (who, rights, limits) in _rules)
            if (who.Any(pattern => Wildcard.Matches(pattern, name))) return Make(principal, rights, limits ?? _limits);
        return Make(principal, IsMaster(principal) ? Rights.All : Rights.None, _limits);
    }

    private static bool IsMaster(Principal principal) =>
        principal.Door is "http" or "vici" && (principal.Name == "uid:0" || principal.Name == "uid:" + Api.Interop.OwnUser.Id.ToString(CultureInfo.InvariantCulture));

    private static Standing Make(Principal principal, Rights rights, LimitsSection limits) => new(
        new Speaker(principal, rights), CommandLimits.Default with { MaxBytes = limits.Bytes, MaxItems = limits.Items }, limits.Rate, limits.Burst, limits.InFlight);

    private static Rights RightsOf(AuthorizationRule rule) => new()
    {
        Items = [.. rule.Items.Select(text => ItemPattern.TryParse(text, out var pattern) ? pattern : throw new ApplianceException($"authorization: {text} names no items."))],
        Apply = rule.Modes.Contains(TransactionMode.Apply),
        Plan = rule.Modes.Contains(TransactionMode.Plan),
        Sa = [.. rule.Sa],
        TakeOwnership = rule.TakeOwnership,
        Read = rule.Read,
        Replay = rule.Replay,
        Operate = rule.Operate,
    };
}
