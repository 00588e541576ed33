namespace Gateway.Policy.Commands;

/// <summary>
/// The codes of <see cref="CommandError"/>: stable kebab-case words that programs may test for. <see cref="All"/> says what each means;
/// <c>docs/errors.md</c> is held to it by a test.
/// </summary>
public static class ErrorCode
{
    public const string MalformedJson = "malformed-json";
    public const string TooLarge = "too-large";
    public const string TooMany = "too-many";
    public const string DuplicateMember = "duplicate-member";
    public const string UnknownField = "unknown-field";
    public const string MissingField = "missing-field";
    public const string WrongType = "wrong-type";
    public const string OutOfRange = "out-of-range";
    public const string InvalidValue = "invalid-value";
    public const string InvalidName = "invalid-name";
    public const string NotApplicable = "not-applicable";
    public const string NotSupported = "not-supported";
    public const string UnknownKind = "unknown-kind";
    public const string UnknownReference = "unknown-reference";
    public const string DuplicateItem = "duplicate-item";
    public const string Conflict = "conflict";
    public const string NotFound = "not-found";
    public const string Referenced = "referenced";
    public const string NotOwner = "not-owner";
    public const string Forbidden = "forbidden";
    public const string OverLimit = "over-limit";
    public const string WrongRevision = "wrong-revision";
    public const string IdReused = "id-reused";
    public const string SecretNeeded = "secret-needed";
    public const string Unavailable = "unavailable";
    public const string JournalUnavailable = "journal-unavailable";
    public const string Internal = "internal";

    /// <summary>The gateway is the cause, not the command: it left no trace, and may be sent again as it is.</summary>
    public static bool IsUnavailable(string code) => code is Unavailable or JournalUnavailable;

    /// <summary>Every code and what it means.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        [MalformedJson] = "The message is not JSON (RFC 8259, UTF-8), or nests deeper than 32 levels.",
        [TooLarge] = "The message is longer than the gateway takes (4 MB by default).",
        [TooMany] = "More entries than there may be, or more errors than are listed.",
        [DuplicateMember] = "The same member stands twice in one JSON object.",
        [UnknownField] = "No such field here.",
        [MissingField] = "A field that must be there is not.",
        [WrongType] = "The JSON value is of another type than the field: text for a number, an object for a list.",
        [OutOfRange] = "A number, a length or a duration beyond its limits.",
        [InvalidValue] = "The value is not one that the field can have.",
        [InvalidName] = "The name has characters or a length that names do not have.",
        [NotApplicable] = "The field does not go with the others, for example a device on a loopback.",
        [NotSupported] = "Known, but this version of the gateway cannot do it.",
        [UnknownKind] = "No such kind of item.",
        [UnknownReference] = "It names an item that neither exists nor comes with the transaction.",
        [DuplicateItem] = "The transaction has the same item twice.",
        [Conflict] = "It contradicts another item: the same address, overlapping subnets, the same device.",
        [NotFound] = "The item to delete does not exist.",
        [Referenced] = "Another item refers to the one to delete; delete or change that one too.",
        [NotOwner] = "The item belongs to somebody else, who is named; with take_ownership it can be taken over.",
        [Forbidden] = "The gateway's authorization does not let this sender do that.",
        [OverLimit] = "The sender has more commands in flight, or sends them faster, than it may; nothing was changed, and the same command may be sent again.",
        [WrongRevision] = "The configuration is not at the expected revision any more.",
        [IdReused] = "The same sender used this id before for another command.",
        [SecretNeeded] = "A new secret has no value.",
        [Unavailable] = "The gateway cannot take commands just now (it stops, or its vault cannot be written); nothing was changed, and the same command may be sent again.",
        [JournalUnavailable] = "The journal cannot be written or read just now (its store is away, or its disk is full); nothing was changed, and the same command may be sent again.",
        [Internal] = "A fault of the gateway; nothing was changed.",
    };
}
