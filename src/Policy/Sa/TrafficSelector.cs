using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Gateway.Policy.Sa;

/// <summary>
/// One traffic selector (RFC 7296 §3.13.1): an inclusive address range, an IP protocol (0 = any) and an inclusive port range.
/// For ICMP the port holds type in the high and code in the low octet (RFC 4301 §4.4.1.1). OPAQUE is start 65535, end 0.
/// Written as swanctl does: <c>10.1.0.0/24</c>, <c>10.0.0.5-10.0.0.9[udp/53]</c>, <c>fd01::/64[tcp/1024-2048]</c>.
/// </summary>
public sealed record TrafficSelector(IPAddress Start, IPAddress End, byte Protocol = 0, ushort StartPort = 0, ushort EndPort = ushort.MaxValue)
{
    public AddressFamily Family => Start.AddressFamily;

    public bool IsAnyPort => StartPort == 0 && EndPort == ushort.MaxValue;

    public bool IsOpaquePort => StartPort == ushort.MaxValue && EndPort == 0;

    /// <summary>A prefix with any protocol and port; bits beyond the length are cleared.</summary>
    public static TrafficSelector OfPrefix(IPAddress address, int length)
    {
        Span<byte> low = stackalloc byte[16], high = stackalloc byte[16];
        address.TryWriteBytes(low, out var size);
        low[..size].CopyTo(high);
        for (var octet = length / 8; octet < size; octet++)
        {
            var host = (byte)(octet == length / 8 ? 0xff >> (length % 8) : 0xff);
            low[octet] &= (byte)~host;
            high[octet] |= host;
        }

        return new TrafficSelector(new IPAddress(low[..size]), new IPAddress(high[..size]));
    }

    /// <summary>True when every packet that <paramref name="other"/> selects is selected by this one too.</summary>
    public bool Contains(TrafficSelector other) =>
        other.Family == Family
        && (Protocol == 0 || Protocol == other.Protocol)
        && Compare(Start, other.Start) <= 0 && Compare(other.End, End) <= 0
        && (IsAnyPort || (StartPort <= other.StartPort && other.EndPort <= EndPort && !other.IsOpaquePort) || (IsOpaquePort && other.IsOpaquePort));

    /// <summary>What both select, or null when nothing is in common.</summary>
    public TrafficSelector? Intersect(TrafficSelector other)
    {
        if (other.Family != Family) return null;
        if (Protocol != 0 && other.Protocol != 0 && Protocol != other.Protocol) return null;
        var start = Compare(Start, other.Start) >= 0 ? Start : other.Start;
        var end = Compare(End, other.End) <= 0 ? End : other.End;
        if (Compare(start, end) > 0) return null;
        var protocol = Protocol != 0 ? Protocol : other.Protocol;
        if (IsAnyPort) return new TrafficSelector(start, end, protocol, other.StartPort, other.EndPort);
        if (other.IsAnyPort) return new TrafficSelector(start, end, protocol, StartPort, EndPort);
        if (IsOpaquePort || other.IsOpaquePort)
            return IsOpaquePort && other.IsOpaquePort ? new TrafficSelector(start, end, protocol, StartPort, EndPort) : null;
        var (low, high) = (Math.Max(StartPort, other.StartPort), Math.Min(EndPort, other.EndPort));
        return low > high ? null : new TrafficSelector(start, end, protocol, low, high);
    }

    /// <summary>Reads swanctl's form; <c>dynamic</c> is not a selector and fails here.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out TrafficSelector? selector)
    {
        selector = null;
        if (string.IsNullOrWhiteSpace(text)) return false;
        var addresses = text.Trim();
        var narrowing = "";
        var bracket = addresses.IndexOf('[', StringComparison.Ordinal);
        if (bracket >= 0)
        {
            if (!addresses.EndsWith(']')) return false;
            narrowing = addresses[(bracket + 1)..^1];
            addresses = addresses[..bracket].Trim();
        }

        return TryParseAddresses(addresses, out var range) && TryNarrow(range, narrowing, out selector);
    }

    public override string ToString()
    {
        var addresses = PrefixLength() is { } length ? $"{Start}/{length}" : $"{Start}-{End}";
        if (Protocol == 0 && IsAnyPort) return addresses;
        var protocol = Protocol switch { 0 => "", 1 => "icmp", 6 => "tcp", 17 => "udp", 58 => "ipv6-icmp", 132 => "sctp", var p => p.ToString(CultureInfo.InvariantCulture) };
        var port = IsAnyPort ? "" : IsOpaquePort ? "/opaque" : StartPort == EndPort ? $"/{StartPort}" : $"/{StartPort}-{EndPort}";
        return $"{addresses}[{protocol}{port}]";
    }

    /// <summary>The prefix length when the range is exactly one prefix.</summary>
    public int? PrefixLength()
    {
        Span<byte> low = stackalloc byte[16], high = stackalloc byte[16];
        Start.TryWriteBytes(low, out var size);
        End.TryWriteBytes(high, out _);
        var length = 0;
        while (length < size * 8 && Bit(low, length) == Bit(high, length)) length++;
        for (var bit = length; bit < size * 8; bit++)
            if (Bit(low, bit) || !Bit(high, bit)) return null;
        return length;

        static bool Bit(ReadOnlySpan<byte> bytes, int bit) => (bytes[bit / 8] & (0x80 >> (bit % 8))) != 0;
    }

    private static bool TryParseAddresses(string text, [NotNullWhen(true)] out TrafficSelector? range)
    {
        range = null;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash > 0)
        {
            if (!TryAddress(text[..dash].Trim(), out var from) || !TryAddress(text[(dash + 1)..].Trim(), out var to)) return false;
            if (from.AddressFamily != to.AddressFamily || Compare(from, to) > 0) return false;
            range = new TrafficSelector(from, to);
            return true;
        }

        if (!TryAddress(slash < 0 ? text : text[..slash], out var address)) return false;
        var width = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = width;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > width)) return false;
        range = OfPrefix(address, length);
        return true;
    }

    private static bool TryNarrow(TrafficSelector range, string text, [NotNullWhen(true)] out TrafficSelector? selector)
    {
        selector = range;
        if (text.Length == 0) return true;
        selector = null;
        var parts = text.Split('/', 2);
        byte protocol = 0;
        switch (parts[0].Trim().ToLowerInvariant())
        {
            case "" or "any" or "0": break;
            case "icmp": protocol = 1; break;
            case "tcp": protocol = 6; break;
            case "udp": protocol = 17; break;
            case "gre": protocol = 47; break;
            case "ipv6-icmp" or "icmpv6": protocol = 58; break;
            case "sctp": protocol = 132; break;
            case var other:
                if (!byte.TryParse(other, NumberStyles.None, CultureInfo.InvariantCulture, out protocol)) return false;
                break;
        }

        ushort low = 0, high = ushort.MaxValue;
        if (parts.Length == 2)
        {
            var port = parts[1].Trim();
            if (port == "opaque") (low, high) = (ushort.MaxValue, 0);
            else if (port is not ("" or "any"))
            {
                var ends = port.Split('-', 2);
                if (!ushort.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out low)) return false;
                high = low;
                if (ends.Length == 2 && (!ushort.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out high) || high < low)) return false;
            }
        }

        selector = range with { Protocol = protocol, StartPort = low, EndPort = high };
        return true;
    }

    // IPAddress.Parse takes "1" and "0x7f.1" for addresses; swanctl does not.
    private static bool TryAddress(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        return (text.Contains(':', StringComparison.Ordinal) ? !text.Contains('%', StringComparison.Ordinal) : text.Count(c => c == '.') == 3 && text.All(c => c == '.' || char.IsAsciiDigit(c)))
            && IPAddress.TryParse(text, out address);
    }

    private static int Compare(IPAddress left, IPAddress right)
    {
        Span<byte> a = stackalloc byte[16], b = stackalloc byte[16];
        left.TryWriteBytes(a, out var size);
        right.TryWriteBytes(b, out _);
        return a[..size].SequenceCompareTo(b[..size]);
    }
}
