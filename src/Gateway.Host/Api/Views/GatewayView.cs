namespace Gateway.Host.Api.Views;

/// <summary>The box as a whole.</summary>
public sealed record GatewayView
{
    public required string Id { get; init; }

    public required string Version { get; init; }

    public required DateTimeOffset Started { get; init; }

    /// <summary>Accepted transactions.</summary>
    public required long Revision { get; init; }

    /// <summary>Last stored position of the journal.</summary>
    public required long Position { get; init; }

    /// <summary><c>ok</c>, or why the journal cannot be written.</summary>
    public required string Journal { get; init; }

    /// <summary><c>in-memory</c>, <c>connected</c>, or since when and why not.</summary>
    public required string Bus { get; init; }

    /// <summary>Which AES-GCM kernels run on this processor.</summary>
    public required string Aead { get; init; }

    public required int Pending { get; init; }
}
