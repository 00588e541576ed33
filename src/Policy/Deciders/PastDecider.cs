using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Policy.Deciders;

/// <summary>
/// Puts together the transaction that leads back: a function of the command, of what was, and of what is. It is decided like any other then, so that the
/// rules, the rights and the owners of today hold for it.
/// </summary>
public static class PastDecider
{
    /// <param name="command">Undo or restore.</param>
    /// <param name="before">Undo: the configuration before the revision. Restore: the one to go back to.</param>
    /// <param name="after">Undo: the configuration after the revision. Restore: not looked at.</param>
    /// <param name="state">The configuration now.</param>
    public static TransactionRequest Request(Command.Past command, RunningConfiguration before, RunningConfiguration after, RunningConfiguration state)
    {
        var errors = new ErrorList(CommandLimits.Default.MaxErrors);
        var (puts, deletes) = (new List<Item>(), new List<ItemKey>());
        var keys = command.Verb == PastVerb.Undo
            ? before.Keys.Union(after.Keys).Where(k => !Same(before.GetValueOrDefault(k), after.GetValueOrDefault(k)))
            : before.Keys.Union(state.Keys);
        foreach (var key in keys.Order(ItemOrder.Instance))
        {
            var (was, now) = (before.GetValueOrDefault(key), state.GetValueOrDefault(key));
            if (Same(was, now)) continue;
            if (command is { Verb: PastVerb.Undo, Force: false } && !Same(after.GetValueOrDefault(key), now))
            {
                errors.Add(key.ToString(), "$.revision", ErrorCode.Conflict, $"It was changed again since revision {command.Moment}: take that back first, or say 'force' to lose it.");
                continue;
            }

            if (was is null) deletes.Add(key);
            else puts.Add(was);
        }

        var transaction = new Command.Transaction
        {
            Id = command.Id,
            Issuer = command.Issuer,
            Reason = command.Reason ?? (command.Verb == PastVerb.Undo ? $"undo of revision {command.Moment}" : $"restore of {command.Moment}"),
            ExpectedRevision = command.ExpectedRevision,
            Mode = command.Mode,
            TakeOwnership = command.TakeOwnership,
            Put = [.. puts.Select(p => new ItemPutRequest(p.Key.Kind, p.Key.Name, default))],
            Delete = [.. deletes.Select(k => new ItemDeleteRequest(k.Kind, k.Name))],
        };
        return TransactionRequest.Of(transaction, puts, deletes, errors.ToValueList());
    }

    /// <summary>A request that can only be refused: the moment was not found.</summary>
    public static TransactionRequest Refused(Command.Past command, CommandError error) => TransactionRequest.Of(
        new Command.Transaction { Id = command.Id, Issuer = command.Issuer, Reason = command.Reason, Mode = command.Mode }, [], [], [error]);

    private static bool Same(Item? a, Item? b) => a is null ? b is null : b is not null && a.Spec.Equals(b.Spec);
}
