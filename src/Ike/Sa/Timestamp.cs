namespace Gateway.Ike.Sa;

/// <summary>
/// A moment of a clock that counts from the boot of the machine, sleep included, and never jumps (CLOCK_BOOTTIME), in milliseconds.
/// It stays comparable over a restart of the process, so deadlines in the vault still hold; on another boot nothing is resumed anyway.
/// </summary>
public readonly record struct Timestamp(long Milliseconds) : IComparable<Timestamp>
{
    public int CompareTo(Timestamp other) => Milliseconds.CompareTo(other.Milliseconds);

    public override string ToString() => TimeSpan.FromMilliseconds(Milliseconds).ToString();

    public static Timestamp operator +(Timestamp moment, TimeSpan span) => new(moment.Milliseconds + (long)span.TotalMilliseconds);

    public static TimeSpan operator -(Timestamp later, Timestamp earlier) => TimeSpan.FromMilliseconds(later.Milliseconds - earlier.Milliseconds);

    public static bool operator <(Timestamp left, Timestamp right) => left.Milliseconds < right.Milliseconds;

    public static bool operator >(Timestamp left, Timestamp right) => left.Milliseconds > right.Milliseconds;

    public static bool operator <=(Timestamp left, Timestamp right) => left.Milliseconds <= right.Milliseconds;

    public static bool operator >=(Timestamp left, Timestamp right) => left.Milliseconds >= right.Milliseconds;
}
