using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Gateway.Policy.Items;

/// <summary>So much a second, bits or packets: <c>10Mbit/s</c>, <c>500packets/s</c>. k, M and G are thousands, millions and thousands of millions.</summary>
/// <param name="PerSecond">Bits, or packets.</param>
/// <param name="InPackets">Whether packets are counted, whatever their length; else the bits of IP packets, headers included and Ethernet not.</param>
public sealed record PolicerRate(long PerSecond, bool InPackets)
{
    /// <summary>1 Tbit/s.</summary>
    public const long Most = 1_000_000_000_000;

    public static bool TryParse(string? text, [NotNullWhen(true)] out PolicerRate? rate)
    {
        rate = null;
        var inPackets = text?.EndsWith("packets/s", StringComparison.Ordinal) == true;
        if (Scaled.TryParse(text, inPackets ? "packets/s" : "bit/s", Most, out var number)) rate = new(number, inPackets);
        return rate is not null;
    }

    public override string ToString() => Scaled.Text(PerSecond, InPackets ? "packets/s" : "bit/s");
}

/// <summary>So much at once, octets or packets: <c>64kB</c>, <c>100packets</c>. k and M are thousands and millions.</summary>
/// <param name="Amount">Octets, or packets.</param>
/// <param name="InPackets">Whether packets are counted, whatever their length.</param>
public sealed record PolicerBurst(long Amount, bool InPackets)
{
    /// <summary>500 MB; so many packets too.</summary>
    public const long Most = 500_000_000;

    public static bool TryParse(string? text, [NotNullWhen(true)] out PolicerBurst? burst)
    {
        burst = null;
        var inPackets = text?.EndsWith("packets", StringComparison.Ordinal) == true;
        if (Scaled.TryParse(text, inPackets ? "packets" : "B", Most, out var number)) burst = new(number, inPackets);
        return burst is not null;
    }

    public override string ToString() => Scaled.Text(Amount, InPackets ? "packets" : "B");
}

/// <summary>What becomes of packets of one color: <c>transmit</c>, <c>drop</c>, or <c>dscp:10</c>, which passes them marked.</summary>
/// <param name="Drops">Whether the packet ends.</param>
/// <param name="Dscp">The mark (RFC 2474), 0–63; null leaves it as it is.</param>
public sealed record PolicerAction(bool Drops, byte? Dscp)
{
    private const string Mark = "dscp:";

    public static PolicerAction Transmit { get; } = new(false, null);

    public static PolicerAction Drop { get; } = new(true, null);

    public static bool TryParse(string? text, [NotNullWhen(true)] out PolicerAction? action)
    {
        action = text switch
        {
            "transmit" => Transmit,
            "drop" => Drop,
            not null when text.StartsWith(Mark, StringComparison.Ordinal)
                && byte.TryParse(text.AsSpan(Mark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var dscp) && dscp < 64 => new(false, dscp),
            _ => null,
        };
        return action is not null;
    }

    public override string ToString() => Drops ? "drop" : Dscp is { } dscp ? string.Create(CultureInfo.InvariantCulture, $"{Mark}{dscp}") : "transmit";
}

/// <summary>Whole numbers with a prefix of a thousand, a million or a thousand million before their unit.</summary>
internal static class Scaled
{
    private static readonly (char Prefix, long Factor)[] _prefixes = [('G', 1_000_000_000), ('M', 1_000_000), ('k', 1000)];

    public static bool TryParse(string? text, string unit, long most, out long number)
    {
        number = 0;
        if (text is null || !text.EndsWith(unit, StringComparison.Ordinal)) return false;
        var digits = text.AsSpan(0, text.Length - unit.Length);
        long factor = 1;
        foreach (var (prefix, by) in _prefixes)
        {
            if (digits.Length == 0 || digits[^1] != prefix) continue;
            factor = by;
            digits = digits[..^1];
            break;
        }

        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) || number == 0 || number > most / factor) return false;
        number *= factor;
        return true;
    }

    public static string Text(long number, string unit)
    {
        foreach (var (prefix, by) in _prefixes)
            if (number % by == 0 && number != 0) return string.Create(CultureInfo.InvariantCulture, $"{number / by}{prefix}{unit}");
        return string.Create(CultureInfo.InvariantCulture, $"{number}{unit}");
    }
}
