using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Deciders;

/// <summary>What becomes of a transaction.</summary>
public abstract record TransactionDecision
{
    private TransactionDecision()
    {
    }

    /// <summary>It is to be carried out.</summary>
    /// <param name="Events">Puts and deletes in a fixed order, closed by the commit.</param>
    /// <param name="Next">The configuration after it.</param>
    /// <param name="Changed">Items that change, deletes first; the same order as the events.</param>
    /// <param name="Unchanged">Items that were put as they are already.</param>
    /// <param name="Kept">With 'replace': items that were not put and stay, because they belong to others.</param>
    /// <param name="Dropped">Slots of the vault that nothing names any more once this is stored.</param>
    public sealed record Accepted(
        IReadOnlyList<GatewayEvent> Events, RunningConfiguration Next, IReadOnlyList<ItemChange> Changed, IReadOnlyList<ItemKey> Unchanged, IReadOnlyList<ItemKey> Kept,
        IReadOnlyList<KeyHandle> Dropped) : TransactionDecision;

    /// <summary>It is refused, and nothing of it happens.</summary>
    public sealed record Rejected(ValueList<CommandError> Errors) : TransactionDecision;
}
