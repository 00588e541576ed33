using Gateway.Policy.Items;

namespace Gateway.Policy.Planning;

/// <summary>What a descriptor says of one attempt to change the world.</summary>
public abstract record StepResult
{
    private StepResult()
    {
    }

    /// <summary>Done.</summary>
    public sealed record Done : StepResult;

    /// <summary>Not possible yet; tried again with back-off and when <paramref name="WaitsFor"/> may have changed.</summary>
    public sealed record Pending(string WaitsFor) : StepResult;

    /// <summary>Something is wrong that time alone may not mend; tried again with back-off all the same.</summary>
    public sealed record Failed(string Why) : StepResult;
}

/// <summary>
/// Programs one kind of item into the world (a table, a port, a connection). Knows the dependencies of a value; the planner orders the calls.
/// Calls come from one thread at a time. Doing the same twice must be harmless.
/// </summary>
public interface IDescriptor
{
    /// <summary>The item kind it is for.</summary>
    string Kind { get; }

    /// <summary>Items that must be applied before this one, and are withdrawn after it.</summary>
    IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired);

    /// <summary>True when a change from one spec to the other can be made in place; otherwise it is deleted and created.</summary>
    bool CanUpdate(ItemSpec from, ItemSpec to);

    ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken);

    ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken);

    ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken);
}
