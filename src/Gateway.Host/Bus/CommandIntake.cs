using System.Security.Cryptography;
using Gateway.Policy.Commands;

namespace Gateway.Host.Bus;

/// <summary>Hands messages of the command queue to the command door, in the order of the calls, and says what is to be done with each.</summary>
internal sealed class CommandIntake(BusParts parts, BusCounters counters)
{
    /// <summary>Largest message taken, octets; a larger one is refused unread.</summary>
    public static int MaxBytes => CommandLimits.Default.MaxBytes;

    /// <summary>
    /// A message that was delivered so often without an outcome is given up, with a note and an answer. The queue's own limit
    /// (<see cref="Topology.DeliveryLimit"/>) lies above it, so that nothing vanishes without a word.
    /// </summary>
    public const int MaxDeliveries = 10;

    /// <summary>The door is called before this returns; only its outcome is waited for.</summary>
    public Task<Intake> TakeAsync(BusDelivery delivery, CancellationToken stop)
    {
        counters.CountTaken();
        if (delivery.Body.Length > MaxBytes)
        {
            counters.CountTooLarge();
            return Task.FromResult(Refuse(delivery, ErrorCode.TooLarge, $"The message has {delivery.Body.Length} octets; at most {MaxBytes} are taken."));
        }

        if (delivery.DeliveredBefore >= MaxDeliveries)
        {
            counters.CountGivenUp();
            return Task.FromResult(Refuse(delivery, ErrorCode.Unavailable, $"The command was delivered {delivery.DeliveredBefore} times without an outcome and is given up."));
        }

        // The client takes its buffer back when the handler returns.
        var body = delivery.Body.ToArray();
        var kept = delivery with { Body = body };
        Task<Outcome> outcome;
        try
        {
            outcome = parts.Handle(body, delivery.Principal, stop);
        }
        catch (Exception bug)
        {
            outcome = Task.FromException<Outcome>(bug);
        }

        return FinishAsync(kept, body, outcome);
    }

    private async Task<Intake> FinishAsync(BusDelivery delivery, byte[] body, Task<Outcome> answer)
    {
        Outcome outcome;
        try
        {
            outcome = await answer.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            counters.CountTriedAgain();
            // Its type only: the message may repeat a value.
            return new Intake.NotNow(e is OperationCanceledException ? "the gateway stops" : $"the gateway made a mistake ({e.GetType().Name})");
        }

        CryptographicOperations.ZeroMemory(body);
        if (outcome.Status == OutcomeStatus.Rejected && outcome.Errors.Any(e => ErrorCode.IsUnavailable(e.Code)))
        {
            counters.CountTriedAgain();
            return new Intake.NotNow(outcome.Errors[0].Message);
        }

        if (outcome.Id.Length > 0) return new Intake.Answered(outcome);
        counters.CountUndecodable();
        return new Intake.Answered(outcome, Note(delivery, outcome.Errors.Count > 0 ? outcome.Errors[0].Code : ErrorCode.MalformedJson));
    }

    private Intake Refuse(BusDelivery delivery, string code, string sentence) =>
        new Intake.Answered(new Outcome { Id = "", Status = OutcomeStatus.Rejected, Errors = [new CommandError("", "$", code, sentence)] }, Note(delivery, code));

    private DeadLetterNote Note(BusDelivery delivery, string code) => DeadLetterNote.Of(delivery, parts.GatewayId, code, DateTimeOffset.UtcNow);
}
