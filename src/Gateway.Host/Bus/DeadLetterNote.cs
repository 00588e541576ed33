namespace Gateway.Host.Bus;

/// <summary>
/// What is kept of a message that came to nothing. The message itself is not: it may hold secrets, and a dead-letter queue is read by people and tools
/// that must not have them.
/// </summary>
public sealed record DeadLetterNote
{
    public required string Gateway { get; init; }

    /// <summary>A code of <c>docs/errors.md</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>Octets of the message's body.</summary>
    public required long Size { get; init; }

    public required DateTimeOffset Time { get; init; }

    public required string Principal { get; init; }

    /// <summary>The basic property, as far as it is 1–128 printable characters.</summary>
    public string? MessageId { get; init; }

    /// <summary>Deliveries before the last one.</summary>
    public long DeliveredBefore { get; init; }

    internal static DeadLetterNote Of(BusDelivery delivery, string gateway, string reason, DateTimeOffset now) => new()
    {
        Gateway = gateway,
        Reason = reason,
        Size = delivery.Body.Length,
        Time = now,
        Principal = delivery.Principal.ToString(),
        MessageId = delivery.MessageId is { Length: > 0 and <= 128 } id && id.All(c => c is >= ' ' and < (char)127) ? id : null,
        DeliveredBefore = delivery.DeliveredBefore,
    };
}
