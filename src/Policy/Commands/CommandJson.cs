using System.Text.Json;

namespace Gateway.Policy.Commands;

/// <summary>Writes a command as the message that reads as it. What comes out holds the command's secrets.</summary>
public static class CommandJson
{
    public static byte[] Write(Command command) => command switch
    {
        Command.Transaction t => JsonSerializer.SerializeToUtf8Bytes(
            new TransactionBody
            {
                Id = t.Id,
                Issuer = t.Issuer,
                Reason = t.Reason,
                ExpectedRevision = t.ExpectedRevision,
                Mode = t.Mode,
                Replace = t.Replace,
                TakeOwnership = t.TakeOwnership,
                At = t.At,
                Put = t.Put,
                Delete = t.Delete,
            },
            PolicyJson.Options),
        Command.Past p => JsonSerializer.SerializeToUtf8Bytes(
            new PastBody
            {
                Command = p.Verb == PastVerb.Undo ? CommandWord.Undo : CommandWord.Restore,
                Id = p.Id,
                Issuer = p.Issuer,
                Reason = p.Reason,
                ExpectedRevision = p.ExpectedRevision,
                Mode = p.Mode,
                Revision = p.Verb == PastVerb.Undo ? long.Parse(p.Moment, System.Globalization.CultureInfo.InvariantCulture) : null,
                At = p.Verb == PastVerb.Undo ? null : p.Moment,
                Force = p.Force,
                TakeOwnership = p.TakeOwnership,
            },
            PolicyJson.Options),
        Command.Sa s => JsonSerializer.SerializeToUtf8Bytes(
            new SaBody
            {
                Command = s.Verb switch { SaVerb.Initiate => CommandWord.Initiate, SaVerb.Rekey => CommandWord.Rekey, _ => CommandWord.Terminate },
                Id = s.Id,
                Issuer = s.Issuer,
                Reason = s.Reason,
                Connection = s.Connection,
                Child = s.Child,
                Number = s.Number,
                Reauth = s.Reauth,
            },
            PolicyJson.Options),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
