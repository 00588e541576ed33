namespace Gateway.Host.Journal;

/// <summary>How it stands with a store that may be away while the gateway goes on.</summary>
/// <param name="TakesCommands">False: a command would only be refused after waiting, so it is refused at once.</param>
/// <param name="Sentence">For people; <c>ok</c> when all is well.</param>
public sealed record JournalHealth(bool TakesCommands, string Sentence)
{
    public static JournalHealth Ok { get; } = new(true, "ok");
}

/// <summary>A journal whose store is elsewhere.</summary>
public interface IJournalHealth
{
    JournalHealth Health { get; }

    /// <summary>This process cannot write to it any more (another writer, damage), also when it was not writing just then. Raised once.</summary>
    event Action<Exception>? Ended;
}
