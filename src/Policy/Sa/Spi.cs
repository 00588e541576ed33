using System.Globalization;

namespace Gateway.Policy.Sa;

/// <summary>Security parameters index of a CHILD SA (RFC 4303 §2.1), in host order. 0 means none and 1–255 are reserved.</summary>
public readonly record struct Spi(uint Value)
{
    public bool IsReserved => Value < 256;

    public override string ToString() => Value.ToString("x8", CultureInfo.InvariantCulture);
}
