using Gateway.Policy.Items;
using Gateway.Policy.Items.Reading;
using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Commands;

/// <summary>
/// A transaction whose specs are read: what the decider takes. The values of secrets are out of the specs and beside them; dispose zeroes them.
/// Not a record, so that it cannot print itself.
/// </summary>
public sealed class TransactionRequest : IDisposable
{
    private TransactionRequest(Command.Transaction command, IReadOnlyList<RequestedPut> puts, IReadOnlyList<ItemKey> deletes, ValueList<CommandError> errors) =>
        (Command, Puts, Deletes, Errors) = (command, puts, deletes, errors);

    /// <summary>A request that the gateway made itself, out of items that it has or had; a secret among them keeps the slot that it names.</summary>
    public static TransactionRequest Of(Command.Transaction command, IReadOnlyList<Item> puts, IReadOnlyList<ItemKey> deletes, ValueList<CommandError> errors) =>
        new(command, [.. puts.Select((item, i) => new RequestedPut(i, item, null))], deletes, errors);

    /// <summary>The command; its specs still hold secrets: read from <see cref="Puts"/>.</summary>
    public Command.Transaction Command { get; }

    /// <summary>The puts that could be read, in the order of the command.</summary>
    public IReadOnlyList<RequestedPut> Puts { get; }

    public IReadOnlyList<ItemKey> Deletes { get; }

    /// <summary>What could not be read.</summary>
    public ValueList<CommandError> Errors { get; }

    /// <summary>Reads the specs by their kinds.</summary>
    public static TransactionRequest Read(Command.Transaction command, CommandLimits limits)
    {
        var errors = new ErrorList(limits.MaxErrors);
        var puts = new List<RequestedPut>(command.Put.Count);
        var named = new HashSet<ItemKey>();
        for (var i = 0; i < command.Put.Count && !errors.IsFull; i++)
        {
            var put = command.Put[i];
            var key = new ItemKey(put.Kind, put.Name);
            var at = new ErrorScope(errors, Named(key), $"$.put[{i}]");
            if (!CheckKey(key, at, named) || !ItemCatalog.TryGet(key.Kind, out var kind)) continue;
            var within = at["spec"];
            TakenSecret? secret = null;
            var json = put.Spec;
            var before = errors.Count;
            if (kind.SpecType == typeof(SecretSpec)) (json, secret) = SecretReading.Take(json, within);
            var isValueWrong = errors.Count > before;
            if (StrictJson.Read(json, kind.SpecType, within) is ItemSpec spec && !isValueWrong) puts.Add(new RequestedPut(i, new Item(key, spec), secret));
            else secret?.Dispose();
        }

        var deletes = new List<ItemKey>(command.Delete.Count);
        for (var i = 0; i < command.Delete.Count && !errors.IsFull; i++)
        {
            var key = new ItemKey(command.Delete[i].Kind, command.Delete[i].Name);
            if (CheckKey(key, new ErrorScope(errors, Named(key), $"$.delete[{i}]"), named)) deletes.Add(key);
        }

        return new TransactionRequest(command, puts, deletes, errors.ToValueList());
    }

    public void Dispose()
    {
        foreach (var put in Puts) put.Secret?.Dispose();
    }

    /// <summary>The item as errors name it; what cannot be a name is not repeated.</summary>
    internal static string Named(ItemKey key) => Names.IsItem(key.Name) && Names.IsItem(key.Kind) ? key.ToString() : "";

    private static bool CheckKey(ItemKey key, ErrorScope at, HashSet<ItemKey> named)
    {
        var ok = true;
        if (!ItemCatalog.TryGet(key.Kind, out _))
        {
            at["kind"].Add(ErrorCode.UnknownKind, $"There is no such kind; there are {string.Join(", ", ItemCatalog.Kinds.Select(k => k.Name))}.");
            ok = false;
        }

        if (!Names.IsItem(key.Name))
        {
            at["name"].Add(ErrorCode.InvalidName, "A name has 1–64 letters, digits and ._:@+/- and begins with a letter, a digit or _.");
            ok = false;
        }

        if (ok && !named.Add(key))
        {
            at["name"].Add(ErrorCode.DuplicateItem, "The transaction has this item twice.");
            ok = false;
        }

        return ok;
    }
}

/// <summary>One item to put: where it stands in the command, what it says, and a secret's value when it has one.</summary>
public sealed record RequestedPut(int Index, Item Item, TakenSecret? Secret)
{
    public string Path => $"$.put[{Index}]";
}
