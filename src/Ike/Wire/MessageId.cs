namespace Gateway.Ike.Wire;

/// <summary>Sequence number of a request and its response within one direction of an IKE SA (RFC 7296 §2.2).</summary>
public readonly record struct MessageId(uint Value) : IComparable<MessageId>
{
    public static MessageId Zero => default;

    /// <summary>The id of the following request. RFC 7296 §2.2: an IKE SA must be closed before its ids wrap.</summary>
    public MessageId Next => new(checked(Value + 1));

    public int CompareTo(MessageId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();

    public static bool operator <(MessageId left, MessageId right) => left.Value < right.Value;

    public static bool operator >(MessageId left, MessageId right) => left.Value > right.Value;

    public static bool operator <=(MessageId left, MessageId right) => left.Value <= right.Value;

    public static bool operator >=(MessageId left, MessageId right) => left.Value >= right.Value;
}
