using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Gateway.Policy.Items;

/// <summary>An address, a prefix, or the name of a group of them.</summary>
public sealed record AclAddress(IpPrefix? Prefix, string? Group)
{
    public static bool TryParse(string? text, [NotNullWhen(true)] out AclAddress? address)
    {
        address = null;
        if (text is null) return false;
        if (IpPrefix.TryParse(text, out var prefix)) address = new(prefix, null);
        else if (IpPrefix.TryAddress(text, out var host)) address = new(new IpPrefix(host, host.AddressFamily == AddressFamily.InterNetwork ? 32 : 128), null);
        else if (GroupName.Is(text)) address = new(null, text);
        return address is not null;
    }

    public override string ToString() => Group ?? (Prefix!.Length == (Prefix.Family == AddressFamily.InterNetwork ? 32 : 128) ? Prefix.Address.ToString() : Prefix.ToString());
}

/// <summary>A port, a range of ports, or the name of a group of them.</summary>
public sealed record AclPort(ushort Low, ushort High, string? Group)
{
    public static bool TryParse(string? text, [NotNullWhen(true)] out AclPort? port)
    {
        port = null;
        if (text is null) return false;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var low = dash < 0 ? text : text[..dash];
        if (Number(low, out var first) && Number(dash < 0 ? low : text[(dash + 1)..], out var last) && first <= last) port = new(first, last, null);
        else if (GroupName.Is(text)) port = new(0, 0, text);
        return port is not null;
    }

    public override string ToString() => Group ?? (Low == High ? Low.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{Low}-{High}"));

    private static bool Number(string text, out ushort value) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

/// <summary>How groups may be named: such that no address and no port is meant.</summary>
public static partial class GroupName
{
    public const string Pattern = "^[A-Za-z_][A-Za-z0-9._@+-]{0,63}$";

    public static bool Is(string? text) => text is not null && PatternRegex().IsMatch(text);

    [GeneratedRegex("\\A[A-Za-z_][A-Za-z0-9._@+-]{0,63}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex PatternRegex();
}

/// <summary>An IP protocol (IANA's assigned Internet protocol numbers), by its word or its number.</summary>
public readonly record struct IpProtocol(byte Number)
{
    private static readonly FrozenDictionary<string, byte> _words = ((ValueTuple<string, byte>[])
    [
        ("icmp", 1), ("igmp", 2), ("ipip", 4), ("tcp", 6), ("udp", 17), ("dccp", 33), ("ipv6", 41), ("gre", 47), ("esp", 50), ("ah", 51), ("icmpv6", 58),
        ("eigrp", 88), ("ospf", 89), ("pim", 103), ("vrrp", 112), ("sctp", 132), ("udplite", 136),
    ]).ToFrozenDictionary(w => w.Item1, w => w.Item2, StringComparer.Ordinal);

    private static readonly FrozenDictionary<byte, string> _names = _words.ToFrozenDictionary(w => w.Value, w => w.Key);

    /// <summary>Whether its packets have a source and a destination port.</summary>
    public bool HasPorts => Number is 6 or 17 or 33 or 132 or 136;

    public static bool TryParse(string? text, out IpProtocol protocol)
    {
        protocol = default;
        if (text is null) return false;
        if (!_words.TryGetValue(text, out var number) && !byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)) return false;
        protocol = new(number);
        return true;
    }

    public override string ToString() => _names.TryGetValue(Number, out var name) ? name : Number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Flags of TCP (RFC 9293 §3.1, RFC 3168) that must or must not be set, as <c>syn,!ack</c>.</summary>
/// <param name="Mask">Flags that are looked at, as the octet in the header has them.</param>
/// <param name="Value">Those of them that must be set.</param>
public readonly record struct TcpFlags(byte Mask, byte Value)
{
    private static readonly string[] _words = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

    public static bool TryParse(string? text, out TcpFlags flags)
    {
        flags = default;
        if (string.IsNullOrEmpty(text)) return false;
        foreach (var part in text.Split(','))
        {
            var word = part.Trim();
            var unset = word.StartsWith('!');
            var bit = Array.IndexOf(_words, unset ? word[1..] : word);
            if (bit < 0 || (flags.Mask >> bit & 1) != 0) return false;
            flags = new((byte)(flags.Mask | 1 << bit), (byte)(flags.Value | (unset ? 0 : 1 << bit)));
        }

        return true;
    }

    public override string ToString()
    {
        var (mask, value) = (Mask, Value);
        return string.Join(',', Enumerable.Range(0, 8).Where(b => (mask >> b & 1) != 0).Select(b => (value >> b & 1) != 0 ? _words[b] : "!" + _words[b]));
    }
}
