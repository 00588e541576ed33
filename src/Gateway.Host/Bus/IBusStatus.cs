namespace Gateway.Host.Bus;

/// <summary>How the message bus is, for <c>show gateway</c>.</summary>
public interface IBusStatus
{
    /// <summary><c>in-memory</c>, <c>connected</c>, or since when and why not.</summary>
    string Status { get; }
}
