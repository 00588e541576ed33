using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Deciders;

/// <summary>Decides commands that end flows: taken from who may operate the gateway, when the rule and the VRF are configured.</summary>
public static class SessionCommandDecider
{
    /// <summary>The event, or the errors.</summary>
    public static (SessionsCleared? Event, ValueList<CommandError> Errors) Decide(Command.ClearSessions command, RunningConfiguration state, Speaker speaker)
    {
        var errors = new ErrorList();
        if (!speaker.Rights.Operate)
        {
            errors.Add("", "$.command", ErrorCode.Forbidden, $"{speaker.Principal} may not do that.");
            return (null, errors.ToValueList());
        }

        Require(ItemCatalog.Nat, command.Rule, "$.rule", "There is no such rule of NAT.", state, errors);
        Require(ItemCatalog.Vrf, VrfSpec.Canonical(command.Vrf), "$.vrf", "There is no such VRF.", state, errors);
        return errors.Count > 0 ? (null, errors.ToValueList()) : (new SessionsCleared(command.Address, command.Rule, command.Vrf, command.Reason), []);
    }

    private static void Require(string kind, string? name, string path, string sentence, RunningConfiguration state, ErrorList errors)
    {
        if (name is null || state.TryGetValue(new ItemKey(kind, name), out _)) return;
        errors.Add(Names.IsItem(name) ? $"{kind}/{name}" : "", path, ErrorCode.UnknownReference, sentence);
    }
}
