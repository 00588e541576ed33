using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>Who and what stands behind events that are about to be stored.</summary>
/// <param name="Time">When it was decided, UTC.</param>
/// <param name="CommandId">The sender's id of the command, if one is behind it.</param>
/// <param name="Cause">Position of the event that caused these.</param>
public sealed record EventContext(Principal Principal, DateTimeOffset Time, string? CommandId = null, string? Issuer = null, long? Cause = null);

/// <summary>Where events stand in the stream, known at once, and when they are stored.</summary>
/// <param name="First">Position of the first event; one past the head when there was none.</param>
/// <param name="Last">Position of the last event.</param>
/// <param name="Stored">Completes when they are as durable as was asked; faults with <see cref="JournalUnavailableException"/> when they could not be stored.</param>
public sealed record AppendReceipt(long First, long Last, Task Stored);

/// <summary>The events could not be stored (disk full, I/O error); nothing of them is in the stream, and the same may be tried again.</summary>
public sealed class JournalUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
