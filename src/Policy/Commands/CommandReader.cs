using System.Text.Json;
using System.Text.Unicode;
using Gateway.Policy.Items.Reading;
using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Commands;

/// <summary>What came of reading a message.</summary>
/// <param name="Id">The sender's id, when the message has a usable one.</param>
/// <param name="Body">The whole message; null when it is no JSON.</param>
/// <param name="Command">Null when there are errors.</param>
public sealed record CommandReading(string? Id, JsonElement? Body, Command? Command, ValueList<CommandError> Errors)
{
    /// <summary>A message without a usable id is no command: it cannot be answered for, only counted.</summary>
    public bool IsCommand => Id is not null;

    // The body may hold secrets, and records print themselves.
    public override string ToString() => $"CommandReading {Id}, {Errors.Count} errors";
}

/// <summary>Reads a message into a command: strict, and every message gets either a command or at least one error.</summary>
public static class CommandReader
{
    public const int MaxIdLength = 128;
    public const int MaxLabelLength = 128;
    public const int MaxReasonLength = 1024;

    // The serialiser's own limit is on the body below the envelope.
    private static readonly JsonDocumentOptions _options = new() { MaxDepth = CommandLimits.MaxDepth, AllowDuplicateProperties = true, CommentHandling = JsonCommentHandling.Disallow };

    public static CommandReading Read(ReadOnlySpan<byte> message, CommandLimits limits)
    {
        var errors = new ErrorList(limits.MaxErrors);
        var at = new ErrorScope(errors, "", "$");
        if (message.Length > limits.MaxBytes)
        {
            at.Add(ErrorCode.TooLarge, $"The message has {message.Length} octets; at most {limits.MaxBytes} are taken.");
            return new CommandReading(null, null, null, errors.ToValueList());
        }

        if (Parse(message, at) is not { } body) return new CommandReading(null, null, null, errors.ToValueList());
        var id = ReadId(body, at);
        Command? command = Word(body, at) switch
        {
            null => null,
            CommandWord.Transaction => ReadTransaction(body, limits, at),
            (CommandWord.Undo or CommandWord.Restore) and var word => ReadPast(body, word, at),
            CommandWord.ClearSessions => ReadClear(body, at),
            var word => ReadSa(body, word.Value, at),
        };
        return new CommandReading(id, body, errors.Count == 0 ? command : null, errors.ToValueList());
    }

    private static JsonElement? Parse(ReadOnlySpan<byte> message, ErrorScope at)
    {
        if (!Utf8.IsValid(message))
        {
            at.Add(ErrorCode.MalformedJson, "The message is not UTF-8.");
            return null;
        }

        try
        {
            if (message.Contains((byte)'\\')) CheckText(message);
            var body = JsonElement.Parse(message, _options);
            if (body.ValueKind == JsonValueKind.Object) return body;
            at.Add(ErrorCode.WrongType, "A command is a JSON object.");
        }
        catch (JsonException bad)
        {
            // The text of the exception may repeat a piece of the message.
            at.Add(ErrorCode.MalformedJson, $"This is not JSON, or nests deeper than {CommandLimits.MaxDepth} levels (line {bad.LineNumber + 1}, octet {bad.BytePositionInLine + 1}).");
        }
        catch (InvalidOperationException)
        {
            at.Add(ErrorCode.MalformedJson, "A text holds an escape that is no Unicode character.");
        }

        return null;
    }

    /// <summary>Unescapes every text once, so that a lone surrogate shows here and nowhere later.</summary>
    private static void CheckText(ReadOnlySpan<byte> message)
    {
        var json = new Utf8JsonReader(message, new JsonReaderOptions { MaxDepth = CommandLimits.MaxDepth });
        while (json.Read())
            if (json.ValueIsEscaped) json.GetString();
    }

    private static string? ReadId(JsonElement body, ErrorScope at)
    {
        if (!body.TryGetProperty("id", out var id) || id.ValueKind != JsonValueKind.String) return null;
        if (Names.IsPrintable(id.GetString()!, MaxIdLength)) return id.GetString();
        at["id"].Add(ErrorCode.InvalidValue, $"An id has 1–{MaxIdLength} printable characters.");
        return null;
    }

    private static CommandWord? Word(JsonElement body, ErrorScope at)
    {
        if (!body.TryGetProperty("command", out var word)) return CommandWord.Transaction;
        return (CommandWord?)StrictJson.Read(word, typeof(CommandWord), at["command"]);
    }

    private static Command.Transaction? ReadTransaction(JsonElement body, CommandLimits limits, ErrorScope at)
    {
        var count = Length(body, "put") + Length(body, "delete");
        if (count > limits.MaxItems)
        {
            at.Add(ErrorCode.TooMany, $"The transaction has {count} items; at most {limits.MaxItems} are taken.");
            return null;
        }

        if (StrictJson.Read<TransactionBody>(body, at) is not { } read) return null;
        CheckLabels(read.Issuer, read.Reason, at);
        if (read.Replace && read.Delete.Count > 0) at["delete"].Add(ErrorCode.NotApplicable, "With 'replace' everything that is not put is deleted anyway.");
        if (read.At is not null && read.Mode != TransactionMode.Plan) at["at"].Add(ErrorCode.NotApplicable, "The past is only planned upon: 'at' goes with the mode plan.");
        CheckMoment(read.At, at);
        return new Command.Transaction
        {
            Id = read.Id,
            Issuer = read.Issuer,
            Reason = read.Reason,
            ExpectedRevision = read.ExpectedRevision,
            Mode = read.Mode,
            Replace = read.Replace,
            TakeOwnership = read.TakeOwnership,
            At = read.At,
            Put = read.Put,
            Delete = read.Delete,
        };
    }

    private static Command.Past? ReadPast(JsonElement body, CommandWord word, ErrorScope at)
    {
        if (StrictJson.Read<PastBody>(body, at) is not { } read) return null;
        CheckLabels(read.Issuer, read.Reason, at);
        CheckMoment(read.At, at);
        var isUndo = word == CommandWord.Undo;
        if (isUndo && read.Revision is null) at["revision"].Add(ErrorCode.MissingField, "Undo needs the revision to take back.");
        if (isUndo && read.At is not null) at["at"].Add(ErrorCode.NotApplicable, "Undo takes a revision back; 'at' goes with restore.");
        if (!isUndo && read.At is null) at["at"].Add(ErrorCode.MissingField, "Restore needs the moment to go back to.");
        if (!isUndo && read.Revision is not null) at["revision"].Add(ErrorCode.NotApplicable, "Restore goes back to a moment; 'revision' goes with undo.");
        if (!isUndo && read.Force) at["force"].Add(ErrorCode.NotApplicable, "Restore overwrites what was changed since anyway.");
        return new Command.Past
        {
            Id = read.Id,
            Issuer = read.Issuer,
            Reason = read.Reason,
            Verb = isUndo ? PastVerb.Undo : PastVerb.Restore,
            Moment = isUndo ? (read.Revision ?? 0).ToString(System.Globalization.CultureInfo.InvariantCulture) : read.At ?? "",
            ExpectedRevision = read.ExpectedRevision,
            Mode = read.Mode,
            Force = read.Force,
            TakeOwnership = read.TakeOwnership,
        };
    }

    private static void CheckMoment(string? moment, ErrorScope at)
    {
        if (moment is not null && !Names.IsPrintable(moment, MaxLabelLength)) at["at"].Add(ErrorCode.InvalidValue, "A moment is a revision, @POSITION or a time.");
    }

    private static Command.Sa? ReadSa(JsonElement body, CommandWord word, ErrorScope at)
    {
        if (StrictJson.Read<SaBody>(body, at) is not { } read) return null;
        CheckLabels(read.Issuer, read.Reason, at);
        if (read.Number is not null && word == CommandWord.Initiate) at["number"].Add(ErrorCode.NotApplicable, "An SA that is up cannot be initiated.");
        if (read.Reauth && (word != CommandWord.Rekey || read.Child is not null)) at["reauth"].Add(ErrorCode.NotApplicable, "Only an IKE SA is authenticated anew, by rekey.");
        var verb = word switch { CommandWord.Initiate => SaVerb.Initiate, CommandWord.Rekey => SaVerb.Rekey, _ => SaVerb.Terminate };
        return new Command.Sa { Id = read.Id, Issuer = read.Issuer, Reason = read.Reason, Verb = verb, Connection = read.Connection, Child = read.Child, Number = read.Number, Reauth = read.Reauth };
    }

    private static Command.ClearSessions? ReadClear(JsonElement body, ErrorScope at)
    {
        if (StrictJson.Read<ClearSessionsBody>(body, at) is not { } read) return null;
        CheckLabels(read.Issuer, read.Reason, at);
        var isNarrow = read.Address is not null || read.Rule is not null || read.Vrf is not null;
        if (read.All && isNarrow) at["all"].Add(ErrorCode.NotApplicable, "Either all flows are meant, or those of an address, a rule or a VRF.");
        if (!read.All && !isNarrow) at["all"].Add(ErrorCode.MissingField, "Say whose flows are meant: address, rule, vrf, or all.");
        return new Command.ClearSessions { Id = read.Id, Issuer = read.Issuer, Reason = read.Reason, Address = read.Address, Rule = read.Rule, Vrf = read.Vrf, All = read.All };
    }

    private static void CheckLabels(string? issuer, string? reason, ErrorScope at)
    {
        if (issuer is not null && !Names.IsPrintable(issuer, MaxLabelLength)) at["issuer"].Add(ErrorCode.InvalidValue, $"A label has 1–{MaxLabelLength} printable characters.");
        if (reason is not null && !Names.IsPrintable(reason, MaxReasonLength)) at["reason"].Add(ErrorCode.InvalidValue, $"A reason has 1–{MaxReasonLength} printable characters.");
    }

    private static int Length(JsonElement body, string member) =>
        body.TryGetProperty(member, out var list) && list.ValueKind == JsonValueKind.Array ? list.GetArrayLength() : 0;
}
