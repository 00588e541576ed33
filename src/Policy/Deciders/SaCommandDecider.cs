using System.Text.Json;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Deciders;

/// <summary>Decides commands about SAs: taken when the connection and the child are configured. What comes of it follows as facts.</summary>
public static class SaCommandDecider
{
    /// <summary>The event, or the errors.</summary>
    public static (SaCommandAccepted? Event, ValueList<CommandError> Errors) Decide(Command.Sa command, RunningConfiguration state, Speaker speaker)
    {
        var errors = new ErrorList();
        if (!speaker.Rights.Sa.Contains(command.Verb))
        {
            errors.Add("", "$.command", ErrorCode.Forbidden, $"{speaker.Principal} may not do that.");
            return (null, errors.ToValueList());
        }

        var key = new ItemKey(ItemCatalog.Connection, command.Connection);
        var named = Names.IsItem(command.Connection) ? key.ToString() : "";
        if (!state.TryGetValue(key, out var item) || item.Spec is not ConnectionSpec spec)
            errors.Add(named, "$.connection", ErrorCode.UnknownReference, "There is no such connection.");
        else if (command.Child is { } child && !spec.Children.ContainsKey(child))
            errors.Add(named, "$.child", ErrorCode.UnknownReference, "The connection has no such child.");
        // A child can also come under an IKE SA that the peer began.
        else if (command is { Verb: SaVerb.Initiate, Child: null } && !ConnectionRules.CanDial(spec))
            errors.Add(named, "$.connection", ErrorCode.Conflict, "The gateway cannot begin: the connection has no address or name of the peer.");
        if (errors.Count > 0) return (null, errors.ToValueList());
        if (command.Reauth) return (new SaCommandAccepted("reauthenticate", command.Connection, null, command.Reason, command.Number), []);
        return (new SaCommandAccepted(JsonNamingPolicy.KebabCaseLower.ConvertName(command.Verb.ToString()), command.Connection, command.Child, command.Reason, command.Number), []);
    }
}
