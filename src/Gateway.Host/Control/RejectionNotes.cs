using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;

namespace Gateway.Host.Control;

/// <summary>Makes the event of a rejection: kinds, names, codes and paths, and of those only what the gateway itself coined or checked, never a value.</summary>
internal static class RejectionNotes
{
    private const int MaxItems = 16;
    private const int MaxErrors = 16;

    public static CommandRejected Of(Command.Transaction? command, ValueList<CommandError> errors, int suppressed) => new(
        command is null ? [] : [.. command.Put.Select(p => new ItemKey(p.Kind, p.Name)).Concat(command.Delete.Select(d => new ItemKey(d.Kind, d.Name))).Where(IsPlain).Take(MaxItems).Select(k => k.ToString())],
        [.. errors.Take(MaxErrors).Select(e => new RejectionNote(e.Item, Plain(e), e.Code))],
        suppressed);

    private static bool IsPlain(ItemKey key) => ItemCatalog.TryGet(key.Kind, out _) && Names.IsItem(key.Name);

    /// <summary>The name of a member that should not be there is the sender's text: only where it stands is kept.</summary>
    private static string Plain(CommandError error) =>
        error.Code is ErrorCode.UnknownField or ErrorCode.DuplicateMember && error.Path.LastIndexOf('.') is var dot and > 0 ? error.Path[..dot] : error.Path;
}
