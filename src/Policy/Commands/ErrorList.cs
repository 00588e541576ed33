namespace Gateway.Policy.Commands;

/// <summary>Collects what is wrong with a command, up to a limit; the last place then says that there is more.</summary>
public sealed class ErrorList(int max = 100)
{
    private readonly List<CommandError> _errors = [];

    public int Count => _errors.Count;

    public bool IsFull => _errors.Count >= max;

    public void Add(string item, string path, string code, string message)
    {
        if (_errors.Count < max - 1) _errors.Add(new CommandError(item, path, code, message));
        else if (_errors.Count == max - 1) _errors.Add(new CommandError("", "$", ErrorCode.TooMany, $"There are more errors; the first {max - 1} are listed."));
    }

    public ValueList<CommandError> ToValueList() => _errors.ToValueList();
}

/// <summary>Where in a command one is: the item, and the JSON path of the value that is looked at.</summary>
public readonly record struct ErrorScope(ErrorList Errors, string About, string Path)
{
    /// <summary>The scope of a member.</summary>
    public ErrorScope this[string member] => this with { Path = $"{Path}.{member}" };

    /// <summary>The scope of a list's element.</summary>
    public ErrorScope this[int index] => this with { Path = $"{Path}[{index}]" };

    public void Add(string code, string message) => Errors.Add(About, Path, code, message);
}
