using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Gateway.Policy.Items;

/// <summary>An IP prefix whose host bits are zero, as <c>10.1.0.0/24</c>.</summary>
public sealed record IpPrefix(IPAddress Address, int Length)
{
    public AddressFamily Family => Address.AddressFamily;

    /// <summary>True when the bits beyond the length are zero.</summary>
    public bool IsCanonical => Sa.TrafficSelector.OfPrefix(Address, Length).Start.Equals(Address);

    public bool Contains(IPAddress address) =>
        address.AddressFamily == Family && Sa.TrafficSelector.OfPrefix(address, Length).Start.Equals(Sa.TrafficSelector.OfPrefix(Address, Length).Start);

    public static bool TryParse(string? text, [NotNullWhen(true)] out IpPrefix? prefix)
    {
        prefix = null;
        if (!TrySplit(text, out var address, out var length)) return false;
        prefix = new IpPrefix(address, length);
        return true;
    }

    public override string ToString() => $"{Address}/{Length}";

    internal static bool TrySplit(string? text, [NotNullWhen(true)] out IPAddress? address, out int length)
    {
        address = null;
        length = 0;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        return slash > 0
            && TryAddress(text![..slash], out address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length)
            && length <= (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
    }

    /// <summary>Reads a dotted quad or an IPv6 address without a zone; unlike IPAddress.Parse it takes no shortened IPv4 forms.</summary>
    public static bool TryAddress(string? text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (text is null) return false;
        if (!text.Contains(':', StringComparison.Ordinal)) return TryQuad(text, out address);
        return !text.Contains('%', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal) && IPAddress.TryParse(text, out address);
    }

    // By hand: journals are full of addresses, and every start reads them all.
    private static bool TryQuad(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        Span<byte> quad = stackalloc byte[4];
        var at = 0;
        for (var i = 0; i < 4; i++)
        {
            if (i > 0 && (at >= text.Length || text[at++] != '.')) return false;
            var (start, value) = (at, 0);
            for (; at < text.Length && at - start < 3 && char.IsAsciiDigit(text[at]); at++) value = (value * 10) + text[at] - '0';
            if (at == start || value > 255 || (at - start > 1 && text[start] == '0')) return false;
            quad[i] = (byte)value;
        }

        if (at != text.Length) return false;
        address = new IPAddress(quad);
        return true;
    }
}

/// <summary>A 48-bit MAC address, as <c>02:00:00:00:00:fe</c>.</summary>
public readonly record struct MacAddress(ulong Value)
{
    public bool IsMulticast => (Value >> 40 & 1) != 0;

    public static bool TryParse(string? text, out MacAddress mac)
    {
        mac = default;
        if (text is null || text.Length != 17 || text.Count(c => c == ':') != 5 || !PhysicalAddress.TryParse(text, out var address)) return false;
        ulong value = 0;
        foreach (var octet in address.GetAddressBytes()) value = value << 8 | octet;
        mac = new MacAddress(value);
        return true;
    }

    public override string ToString()
    {
        var value = Value;
        return string.Join(':', Enumerable.Range(0, 6).Select(i => (value >> (40 - (8 * i)) & 0xff).ToString("x2", CultureInfo.InvariantCulture)));
    }
}

/// <summary>A duration as strongSwan writes it: seconds, or a number with <c>s</c>, <c>m</c>, <c>h</c> or <c>d</c>.</summary>
public readonly record struct SwanDuration(long Seconds)
{
    public bool IsZero => Seconds == 0;

    public static SwanDuration Hours(long hours) => new(hours * 3600);

    public TimeSpan ToTimeSpan() => TimeSpan.FromSeconds(Seconds);

    public static bool TryParse(string? text, out SwanDuration duration)
    {
        duration = default;
        if (string.IsNullOrEmpty(text)) return false;
        var (unit, digits) = text[^1] switch { 's' => (1L, text[..^1]), 'm' => (60L, text[..^1]), 'h' => (3600L, text[..^1]), 'd' => (86400L, text[..^1]), _ => (1L, text) };
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count > int.MaxValue / unit) return false;
        duration = new SwanDuration(count * unit);
        return true;
    }

    public override string ToString() => Seconds switch
    {
        0 => "0s",
        var s when s % 86400 == 0 => $"{s / 86400}d",
        var s when s % 3600 == 0 => $"{s / 3600}h",
        var s when s % 60 == 0 => $"{s / 60}m",
        var s => $"{s}s",
    };
}
