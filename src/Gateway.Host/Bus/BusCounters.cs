namespace Gateway.Host.Bus;

/// <summary>What went through a bus since the start.</summary>
public sealed class BusCounters
{
    private long _taken, _tooLarge, _undecodable, _givenUp, _triedAgain, _replies, _repliesLost, _notes, _events, _lost, _replays;

    /// <summary>Messages taken from the command queue, again delivered ones too.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    /// <summary>Refused by their size, unread.</summary>
    public long TooLarge => Interlocked.Read(ref _tooLarge);

    /// <summary>No JSON, or no command in it.</summary>
    public long Undecodable => Interlocked.Read(ref _undecodable);

    /// <summary>Delivered so often without an outcome that they are not tried any more.</summary>
    public long GivenUp => Interlocked.Read(ref _givenUp);

    /// <summary>Left in the queue, because there could be no outcome just now.</summary>
    public long TriedAgain => Interlocked.Read(ref _triedAgain);

    public long Replies => Interlocked.Read(ref _replies);

    /// <summary>Replies that went nowhere: <c>reply_to</c> is not the name of a queue that is there.</summary>
    public long RepliesLost => Interlocked.Read(ref _repliesLost);

    /// <summary>Notes published instead of dead letters.</summary>
    public long Notes => Interlocked.Read(ref _notes);

    /// <summary>Journal events that the broker confirmed, repeated ones too.</summary>
    public long Events => Interlocked.Read(ref _events);

    /// <summary>Requests for events.</summary>
    public long Replays => Interlocked.Read(ref _replays);

    /// <summary>Connections lost.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>What is shown: name, value, and what it means.</summary>
    internal IEnumerable<(string Name, long Value, string Text)> Rows =>
    [
        ("taken", Taken, "A message was taken from the command queue, some of them again."),
        ("replies", Replies, "An outcome went to the sender's reply_to."),
        ("replies-lost", RepliesLost, "An answer went nowhere: reply_to is no queue of the sender's, or the connection was lost."),
        ("events", Events, "An event was published and confirmed, some of them again."),
        ("replays", Replays, "Somebody asked for events once more."),
        ("tried-again", TriedAgain, "A command was left in the queue, because there could be no outcome just then."),
        ("given-up", GivenUp, "A command had been delivered too often without an outcome."),
        ("too-large", TooLarge, "A message was refused by its size, unread."),
        ("undecodable", Undecodable, "A message was no command."),
        ("notes", Notes, "A note was published for a message that came to nothing."),
        ("lost", Lost, "The connection to the broker was lost."),
    ];

    internal void CountTaken() => Interlocked.Increment(ref _taken);

    internal void CountTooLarge() => Interlocked.Increment(ref _tooLarge);

    internal void CountUndecodable() => Interlocked.Increment(ref _undecodable);

    internal void CountGivenUp() => Interlocked.Increment(ref _givenUp);

    internal void CountTriedAgain() => Interlocked.Increment(ref _triedAgain);

    internal void CountReply() => Interlocked.Increment(ref _replies);

    internal void CountReplyLost() => Interlocked.Increment(ref _repliesLost);

    internal void CountNote() => Interlocked.Increment(ref _notes);

    internal void CountEvents(long count) => Interlocked.Add(ref _events, count);

    internal void CountReplay() => Interlocked.Increment(ref _replays);

    internal void CountLost() => Interlocked.Increment(ref _lost);
}
