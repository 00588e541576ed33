using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Policy.Deciders;

/// <summary>
/// Whether a transaction has leave to change an item: its sender must be allowed to, and the item must be the sender's, or nobody's, or be taken over
/// in so many words. The first to put an item owns it.
/// </summary>
internal sealed class Leave
{
    private readonly Command.Transaction _command;
    private readonly Speaker _speaker;
    private readonly RunningConfiguration _state;
    private readonly ErrorList _errors;
    private readonly List<ItemKey> _kept = [];

    public Leave(Command.Transaction command, Speaker speaker, RunningConfiguration state, ErrorList errors)
    {
        (_command, _speaker, _state, _errors) = (command, speaker, state, errors);
        if (command.Mode == TransactionMode.Apply ? !speaker.Rights.Apply : !speaker.Rights.Plan)
            errors.Add("", "$.mode", ErrorCode.Forbidden, $"{speaker.Principal} may not {(command.Mode == TransactionMode.Apply ? "carry out" : "plan")} transactions.");
        if (command.TakeOwnership && !speaker.Rights.TakeOwnership)
            errors.Add("", "$.take_ownership", ErrorCode.Forbidden, $"{speaker.Principal} may not take over what belongs to others.");
    }

    /// <summary>With 'replace': what was not put and stays.</summary>
    public IReadOnlyList<ItemKey> Kept => _kept;

    /// <summary>Adds the error when it has not.</summary>
    public bool MayChange(ItemKey key, string path)
    {
        if (!_speaker.Rights.MayChange(key))
        {
            _errors.Add(key.ToString(), path, ErrorCode.Forbidden, $"{_speaker.Principal} may not change this item.");
            return false;
        }

        if (_command.TakeOwnership || !_state.TryGetValue(key, out var item) || _speaker.Owns(item)) return true;
        _errors.Add(key.ToString(), path, ErrorCode.NotOwner, $"It belongs to {item.Owner}; to take it over, say so with 'take_ownership'.");
        return false;
    }

    /// <summary>
    /// Whether 'replace' deletes the item. It is about the sender's own share: so each of several managers can send its whole desired state and none undoes
    /// what the others do. With 'take_ownership' it is about everything, and what the sender may not change is an error.
    /// </summary>
    public bool MayReplace(Item item)
    {
        if (_command.TakeOwnership) return MayChange(item.Key, "$.replace");
        if (_speaker.Owns(item) && _speaker.Rights.MayChange(item.Key)) return true;
        _kept.Add(item.Key);
        return false;
    }
}
