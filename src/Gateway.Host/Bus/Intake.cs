using Gateway.Policy.Commands;

namespace Gateway.Host.Bus;

/// <summary>What becomes of a message from the command queue.</summary>
internal abstract record Intake
{
    private Intake()
    {
    }

    /// <summary>There is an outcome, durable where it changed anything: answer and acknowledge. With a note when the message was no command.</summary>
    public sealed record Answered(Outcome Outcome, DeadLetterNote? Note = null) : Intake;

    /// <summary>There can be no outcome just now: it must stay in the queue.</summary>
    public sealed record NotNow(string Why) : Intake;
}
