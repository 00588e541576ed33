using System.Text.Json;
using Gateway.Policy.Commands;

namespace Gateway.Host.Bus;

/// <summary>Every exchange, queue and routing key, as <c>docs/asyncapi.yaml</c> tells them.</summary>
public static class BusNames
{
    /// <summary>Direct; routing key = gateway id.</summary>
    public const string Commands = "gateway.commands";

    /// <summary>Topic; outcomes and journal events.</summary>
    public const string Events = "gateway.events";

    /// <summary>Direct; routing key = gateway id. Takes notes about messages that came to nothing, never the messages.</summary>
    public const string DeadLetters = "gateway.dead-letters";

    /// <summary>Direct; routing key = gateway id. Takes requests for events.</summary>
    public const string Replays = "gateway.replays";

    public static string ReplayQueue(string gatewayId) => $"gateway.{gatewayId}.replays";

    public static string CommandQueue(string gatewayId) => $"gateway.{gatewayId}.commands";

    public static string DeadLetterQueue(string gatewayId) => $"gateway.{gatewayId}.dead-letters";

    public static string OutcomeKey(string gatewayId, OutcomeStatus status) => $"outcome.{gatewayId}.{Word(status)}";

    /// <param name="storedName">The stable name of the event, for example <c>config.interface-put.v1</c>.</param>
    public static string EventKey(string gatewayId, string storedName) => $"event.{gatewayId}.{storedName}";

    public static string HeadKey(string gatewayId) => $"head.{gatewayId}";

    internal static string Word(OutcomeStatus status) => JsonNamingPolicy.KebabCaseLower.ConvertName(status.ToString());
}
