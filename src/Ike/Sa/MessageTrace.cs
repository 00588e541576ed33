using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Sa;

/// <summary>Whether messages are traced; may be switched at any moment, by anybody.</summary>
public sealed class TraceSwitch
{
    private volatile bool _isOn;

    public bool IsOn
    {
        get => _isOn;
        set => _isOn = value;
    }
}

/// <summary>What became of a message of a protected channel, for those who watch: a closed family. Payloads may name keys' public halves and identities, and hold no secret.</summary>
public abstract record MessageTrace
{
    private MessageTrace()
    {
    }

    /// <summary>A message with what was in it.</summary>
    public sealed record Whole(bool Received, ExchangeType Exchange, bool IsRequest, MessageId Id, ValueList<Payload> Payloads) : MessageTrace;

    /// <summary>A fragment came (RFC 7383).</summary>
    public sealed record Fragment(int Number, int Total, bool IsComplete) : MessageTrace;

    /// <summary>A message went in several fragments.</summary>
    /// <param name="Octets">Of all fragments.</param>
    public sealed record Split(int Octets, int Fragments) : MessageTrace;

    /// <summary>A request was not answered and is sent again.</summary>
    public sealed record SentAgain(MessageId Id, int Time) : MessageTrace;

    /// <summary>The peer sent a request again and gets the same response.</summary>
    public sealed record AnsweredAgain(MessageId Id) : MessageTrace;
}
