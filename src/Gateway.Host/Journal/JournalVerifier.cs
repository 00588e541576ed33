using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>Result of checking a whole journal.</summary>
/// <param name="Events">Events that were read and are sound.</param>
/// <param name="FirstBad">The first position that is missing, moved or changed; null when all is well.</param>
public sealed record Verification(long Events, JournalHead Head, long? FirstBad, string? Problem);

/// <summary>Recomputes the hash chain from the first position to the last, and compares the end with the anchor.</summary>
public static class JournalVerifier
{
    public static async Task<Verification> VerifyAsync(IJournal journal, JournalHead? anchor, CancellationToken cancellationToken)
    {
        var head = JournalHead.Empty;
        JournalHead? atAnchor = null;
        try
        {
            await foreach (var envelope in journal.ReadAsync(1, cancellationToken).ConfigureAwait(false))
            {
                if (envelope.Position != head.Position + 1)
                    return new Verification(head.Position, head, head.Position + 1, $"Position {head.Position + 1} is missing.");
                if (HashChain.Next(head.Hash, envelope) != envelope.Hash)
                    return new Verification(head.Position, head, envelope.Position, $"The event at position {envelope.Position} was changed.");
                head = new JournalHead(envelope.Position, envelope.Hash);
                if (head.Position == anchor?.Position) atAnchor = head;
            }
        }
        catch (JournalDamagedException e)
        {
            return new Verification(head.Position, head, head.Position + 1, e.Message);
        }
        catch (Microsoft.Data.Sqlite.SqliteException e)
        {
            return new Verification(head.Position, head, head.Position + 1, $"Position {head.Position + 1} cannot be read: {e.Message}");
        }

        if (anchor is { Position: > 0 } expected)
        {
            if (head.Position < expected.Position)
                return new Verification(head.Position, head, head.Position + 1, $"The stream ends at {head.Position}, but position {expected.Position} was committed.");
            if (atAnchor?.Hash != expected.Hash)
                return new Verification(head.Position, head, expected.Position, $"Position {expected.Position} holds another event than was committed there.");
        }

        return new Verification(head.Position, head, null, null);
    }
}
