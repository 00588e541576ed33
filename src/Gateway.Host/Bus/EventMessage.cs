using System.Text.Json;
using Gateway.Policy.Journal;

namespace Gateway.Host.Bus;

/// <summary>A journal event as it is published. Positions are contiguous; the same one may come twice, never with another content.</summary>
public sealed record EventMessage
{
    public required long Position { get; init; }

    /// <summary>What it is about: <c>interface/wan</c>, <c>ike-sa/12</c>, <c>gateway</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>Stable name with version.</summary>
    public required string Name { get; init; }

    public required DateTimeOffset Time { get; init; }

    public string? CommandId { get; init; }

    /// <summary>Door and proven name: <c>bus:user:onap</c>.</summary>
    public required string Principal { get; init; }

    public string? Issuer { get; init; }

    /// <summary>Position of the event that caused it.</summary>
    public long? Cause { get; init; }

    public required JsonElement Data { get; init; }

    internal static EventMessage Of(Envelope e) => new()
    {
        Position = e.Position,
        Subject = e.Subject,
        Name = e.Name,
        Time = e.Time,
        CommandId = e.CommandId,
        Principal = e.Principal.ToString(),
        Issuer = e.Issuer,
        Cause = e.Cause,
        Data = JsonElement.Parse(e.Data.Span),
    };
}
