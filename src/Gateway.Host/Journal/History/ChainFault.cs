using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.History;

/// <summary>Where the chain does not hold, and how.</summary>
internal sealed record ChainFault(long Position, string Sentence)
{
    /// <summary>What is wrong with <paramref name="envelope"/> as the next event behind <paramref name="after"/>; null when nothing is.</summary>
    public static ChainFault? Of(JournalHead after, Envelope envelope)
    {
        if (envelope.Position > after.Position + 1) return new ChainFault(after.Position + 1, $"Position {after.Position + 1} is missing: the next one that is there is {envelope.Position}.");
        if (envelope.Position != after.Position + 1) return new ChainFault(after.Position + 1, $"Position {envelope.Position} stands where {after.Position + 1} belongs.");
        return HashChain.Holds(after.Hash, envelope) ? null : new ChainFault(envelope.Position, $"The event at position {envelope.Position} was changed: its hash does not follow from the one before it.");
    }
}
