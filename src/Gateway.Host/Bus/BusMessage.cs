using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Journal.Heads;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Host.Bus;

/// <summary>A message that the gateway publishes, before a transport takes it.</summary>
/// <param name="Type">The basic property <c>type</c>: the event's stored name, <c>outcome</c> or <c>dead-letter</c>.</param>
/// <param name="MessageId">Same for the same event or outcome, so that who receives it twice can tell.</param>
public sealed record BusMessage(string Exchange, string RoutingKey, string Type, ReadOnlyMemory<byte> Body, string? MessageId = null, string? CorrelationId = null, Principal? Principal = null)
{
    internal static BusMessage OfEvent(string gateway, Envelope e) =>
        new(BusNames.Events, BusNames.EventKey(gateway, e.Name), e.Name, EventMessage.Write(e), $"{gateway}/{e.Position}");

    internal static BusMessage OfOutcome(string gateway, Outcome outcome, ReadOnlyMemory<byte> body, BusDelivery delivery) =>
        new(BusNames.Events, BusNames.OutcomeKey(gateway, outcome.Status), "outcome", body, null, delivery.CorrelationId, delivery.Principal);

    internal static BusMessage OfHead(string gateway, SignedHead head) => new(BusNames.Events, BusNames.HeadKey(gateway), "head", Json(head), $"{gateway}/head/{head.Position}");

    internal static BusMessage OfNote(string gateway, DeadLetterNote note) => new(BusNames.DeadLetters, gateway, "dead-letter", Json(note));

    internal static byte[] Json<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, ApiJson.Options);
}
