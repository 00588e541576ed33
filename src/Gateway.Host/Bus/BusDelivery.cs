using Gateway.Policy.Journal;

namespace Gateway.Host.Bus;

/// <summary>
/// A message from the command queue: its body and the few basic properties that mean something here. Headers are not among them, so a sender's
/// <c>MT-*</c> headers (addresses for answers and faults) have no effect.
/// </summary>
internal sealed record BusDelivery
{
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The user name that the broker compared with the connection's, or null.</summary>
    public string? UserId { get; init; }

    public string? MessageId { get; init; }

    public string? CorrelationId { get; init; }

    public string? ReplyTo { get; init; }

    /// <summary>How often it was delivered before and not acknowledged, by the broker's count.</summary>
    public long DeliveredBefore { get; init; }

    /// <summary>Who sent it: only what the broker proved.</summary>
    public Principal Principal => new("bus", UserId is { Length: > 0 and <= 128 } user && user.All(c => c is > ' ' and < (char)127) ? $"user:{user}" : "-");

    // The body may hold secrets, and records print themselves.
    public override string ToString() => $"BusDelivery of {Body.Length} octets from {Principal}";
}
