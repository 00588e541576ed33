using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Gateway.Dataplane.Explain;
using Gateway.Policy.Sa;

namespace Gateway.Host.Explain;

/// <summary>
/// Reads a flow as people write it: <c>in wan tcp 203.0.113.9:40000 10.2.0.10:443</c>, <c>from branch/net udp [2001:db8::9]:53 [2001:db8:1::1]:53 size 1400 df</c>. Never throws.
/// </summary>
internal static class FlowText
{
    /// <summary>What nobody types is refused unread.</summary>
    private const int Longest = 1024;

    public const string Form = "in INTERFACE|from CONNECTION/CHILD|from gateway PROTOCOL SOURCE[:PORT] DESTINATION[:PORT] [flags F] [type T[/C]] [size N] [df] [ttl N] [dscp N] [mac SOURCE DESTINATION] [new]";

    private static readonly Dictionary<string, byte> _protocols = new(StringComparer.OrdinalIgnoreCase)
    {
        ["icmp"] = 1, ["igmp"] = 2, ["ipip"] = 4, ["tcp"] = 6, ["udp"] = 17, ["dccp"] = 33, ["gre"] = 47, ["esp"] = 50, ["ah"] = 51, ["icmpv6"] = 58, ["ospf"] = 89, ["vrrp"] = 112, ["sctp"] = 132, ["udplite"] = 136,
    };

    /// <summary>RFC 9293 §3.1, from the lowest bit up.</summary>
    private static readonly string[] _flags = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

    private delegate string? Reads(Reader words, ref Draft draft);

    private static readonly Dictionary<string, Reads> _options = new(StringComparer.OrdinalIgnoreCase)
    {
        ["flags"] = Flags,
        ["type"] = Type,
        ["size"] = (Reader words, ref Draft draft) =>
        {
            if (!words.TryNumber(28, ProbeFlow.Largest, out var size)) return $"size is the octets of the IP packet, 28 to {ProbeFlow.Largest}.";
            draft.Flow = draft.Flow with { Size = size };
            return null;
        },
        ["df"] = (Reader _, ref Draft draft) =>
        {
            draft.Flow = draft.Flow with { DontFragment = true };
            return draft.Flow.IsV6 ? "df is of IPv4: with IPv6 no router fragments." : null;
        },
        ["ttl"] = (Reader words, ref Draft draft) =>
        {
            if (!words.TryNumber(0, 255, out var ttl)) return "ttl is a number from 0 to 255.";
            draft.Flow = draft.Flow with { Ttl = (byte)ttl };
            return null;
        },
        ["dscp"] = (Reader words, ref Draft draft) =>
        {
            if (!words.TryNumber(0, 63, out var dscp)) return "dscp is a number from 0 to 63.";
            draft.Flow = draft.Flow with { TrafficClass = (byte)(dscp << 2) };
            return null;
        },
        ["spi"] = (Reader words, ref Draft draft) =>
        {
            if (!TrySpi(words.Next(), out var spi)) return "spi is a number, or eight hexadecimal digits behind 0x.";
            draft.Flow = draft.Flow with { Spi = spi };
            return draft.Flow.Protocol == 50 ? null : "spi is of esp.";
        },
        ["mac"] = (Reader words, ref Draft draft) =>
        {
            if (!TryMac(words.Next(), out var from) || !TryMac(words.Next(), out var to)) return "mac takes two MAC addresses, source and destination, as 02:00:00:00:00:01.";
            draft.Flow = draft.Flow with { FromMac = from, ToMac = to };
            return null;
        },
        ["new"] = (Reader _, ref Draft draft) =>
        {
            draft.IsNew = true;
            return null;
        },
    };

    private struct Draft
    {
        public ProbeFlow Flow;
        public bool HasFlags;
        public bool IsNew;
    }

    private sealed class Reader(string[] words)
    {
        private int _at;

        public bool IsEmpty => _at == words.Length;

        public string? Next() => IsEmpty ? null : words[_at++];

        public bool TryNumber(int least, int most, out int number) =>
            int.TryParse(Next(), NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= least && number <= most;
    }

    /// <summary>A protocol as it is written.</summary>
    public static string NameOf(byte protocol) => _protocols.FirstOrDefault(p => p.Value == protocol).Key ?? protocol.ToString(CultureInfo.InvariantCulture);

    /// <summary>A protocol by its name or number.</summary>
    public static bool TryProtocolOf(string word, out byte protocol) => _protocols.TryGetValue(word, out protocol) || TryByte(word, out protocol);

    /// <summary>One end of a flow as it is written.</summary>
    public static string End(ProbeFlow flow, bool source)
    {
        var (address, port) = source ? (flow.Source, flow.SourcePort) : (flow.Destination, flow.DestinationPort);
        return flow.HasPorts ? new IPEndPoint(address, port).ToString() : address.ToString();
    }

    public static bool TryParse(string? text, [NotNullWhen(true)] out FlowQuestion? question, [NotNullWhen(false)] out string? error)
    {
        question = null;
        if (text is null || text.Length > Longest)
        {
            error = $"A flow is at most {Longest} characters: {Form}.";
            return false;
        }

        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        error = Read(new Reader(words), string.Join(' ', words), out question);
        return error is null && question is not null;
    }

    private static string? Read(Reader words, string text, out FlowQuestion? question)
    {
        question = null;
        if (Begin(words, out var begin) is { } noBegin) return noBegin;
        if (words.Next() is not { } named) return $"A protocol is missing: {Form}.";
        if (!TryProtocol(named, out var protocol)) return $"{Shown(named)} is no protocol: write {string.Join(", ", _protocols.Keys)}, or a number from 0 to 255 (behind proto, if you like).";
        if (named.Equals("proto", StringComparison.OrdinalIgnoreCase) && !TryNumbered(words, out protocol)) return "proto takes a number from 0 to 255.";
        if (!TryEnd(words.Next(), out var source, out var sourcePort, out var sourceError)) return $"The source: {sourceError}";
        if (!TryEnd(words.Next(), out var destination, out var destinationPort, out var destinationError)) return $"The destination: {destinationError}";
        if (source.AddressFamily != destination.AddressFamily) return "Source and destination are of different families.";
        var isV6 = source.AddressFamily == AddressFamily.InterNetworkV6;
        if (protocol == 58 && !isV6) return "icmpv6 is of IPv6; with IPv4 write icmp.";
        if (protocol == 1 && isV6) return "icmp is of IPv4; with IPv6 write icmpv6.";
        var draft = new Draft { Flow = new ProbeFlow { Source = source, Destination = destination, Protocol = protocol } };
        if (Ports(ref draft, sourcePort, destinationPort) is { } wrongPorts) return wrongPorts;
        if (draft.Flow.IsIcmp) draft.Flow = draft.Flow with { IcmpType = (byte)(isV6 ? 128 : 8) };
        while (words.Next() is { } option)
        {
            if (!_options.TryGetValue(option, out var reads)) return $"{Shown(option)} is not known here; the form is: {Form}.";
            if (reads(words, ref draft) is { } wrong) return wrong;
        }

        question = new FlowQuestion(begin!, draft.Flow, text, draft.HasFlags, draft.IsNew);
        return null;
    }

    private static string? Begin(Reader words, out FlowBegin? begin)
    {
        begin = null;
        switch (words.Next()?.ToLowerInvariant())
        {
            case "in" when words.Next() is { } name:
                begin = new FlowBegin.In(name);
                return null;
            case "from" when words.Next() is { } from:
                if (from.Equals("gateway", StringComparison.OrdinalIgnoreCase))
                {
                    begin = new FlowBegin.Gateway();
                    return null;
                }

                var slash = from.LastIndexOf('/');
                if (slash <= 0 || slash == from.Length - 1) return $"{Shown(from)} is no child: write from CONNECTION/CHILD, or from gateway.";
                begin = new FlowBegin.From(new ConnectionName(from[..slash]), new ChildName(from[(slash + 1)..]));
                return null;
            default:
                return $"A flow begins with in or from: {Form}.";
        }
    }

    private static string? Ports(ref Draft draft, ushort? source, ushort? destination)
    {
        if (!draft.Flow.HasPorts) return source is null && destination is null ? null : "That protocol has no ports.";
        if (destination is null) return "A destination port is missing, as in 10.2.0.10:443 or [2001:db8::1]:443.";
        // Any port of a program on its way out serves as well as another.
        draft.Flow = draft.Flow with { SourcePort = source ?? 49_152, DestinationPort = destination.Value };
        return null;
    }

    private static string? Flags(Reader words, ref Draft draft)
    {
        if (draft.Flow.Protocol != 6) return "flags are of tcp.";
        byte flags = 0;
        foreach (var word in (words.Next() ?? "").Split(','))
        {
            var bit = Array.FindIndex(_flags, f => f.Equals(word, StringComparison.OrdinalIgnoreCase));
            if (bit < 0 && !word.Equals("none", StringComparison.OrdinalIgnoreCase)) return $"flags are words between commas: {string.Join(',', _flags)}, or none.";
            if (bit >= 0) flags |= (byte)(1 << bit);
        }

        draft.Flow = draft.Flow with { TcpFlags = flags };
        draft.HasFlags = true;
        return null;
    }

    private static string? Type(Reader words, ref Draft draft)
    {
        if (!draft.Flow.IsIcmp) return "type is of icmp and icmpv6.";
        var parts = (words.Next() ?? "").Split('/');
        byte code = 0;
        if (parts.Length > 2 || !TryByte(parts[0], out var type) || (parts.Length == 2 && !TryByte(parts[1], out code))) return "type is a number from 0 to 255, with a code as in 3/1.";
        draft.Flow = draft.Flow with { IcmpType = type, IcmpCode = code };
        return null;
    }

    private static bool TryProtocol(string word, out byte protocol) =>
        TryProtocolOf(word, out protocol) || word.Equals("proto", StringComparison.OrdinalIgnoreCase);

    private static bool TryNumbered(Reader words, out byte protocol) => TryByte(words.Next(), out protocol);

    private static bool TryByte(string? text, out byte value) => byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool TrySpi(string? text, out uint spi) => text?.StartsWith("0x", StringComparison.OrdinalIgnoreCase) == true
        ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out spi)
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out spi);

    private static bool TryMac(string? text, [NotNullWhen(true)] out PhysicalAddress? mac) =>
        PhysicalAddress.TryParse(text, out mac) && mac.GetAddressBytes().Length == 6;

    /// <summary>An address with or without a port: <c>10.0.0.1</c>, <c>10.0.0.1:80</c>, <c>2001:db8::1</c>, <c>[2001:db8::1]:80</c>.</summary>
    private static bool TryEnd(string? text, [NotNullWhen(true)] out IPAddress? address, out ushort? port, out string error)
    {
        (address, port, error) = (null, null, "an address is missing.");
        if (text is null) return false;
        error = $"{Shown(text)} is no address, with or without a port, as 10.0.0.1:80 or [2001:db8::1]:80.";
        var (host, tail) = (text, (string?)null);
        if (text[0] == '[')
        {
            var close = text.IndexOf(']');
            if (close < 0 || (close + 1 < text.Length && text[close + 1] != ':')) return false;
            (host, tail) = (text[1..close], close + 1 < text.Length ? text[(close + 2)..] : null);
        }
        else if (text.IndexOf(':') is var colon && colon >= 0 && colon == text.LastIndexOf(':'))
        {
            (host, tail) = (text[..colon], text[(colon + 1)..]);
        }

        // The short forms of old, such as 10.1 for 10.0.0.1, are more often mistakes than meant; a zone says nothing here.
        var isShort = !host.Contains(':') && host.Count(c => c == '.') != 3;
        if (isShort || host.Contains('%') || !IPAddress.TryParse(host, out address) || address.IsIPv4MappedToIPv6) return false;
        // 010 is eight to some and ten to others.
        if (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != host) return false;
        if (tail is null) return true;
        if (!ushort.TryParse(tail, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            error = $"{Shown(tail)} is no port: write a number from 0 to 65535.";
            return false;
        }

        port = number;
        return true;
    }

    // What came in must not come back as a wall of text.
    internal static string Shown(string word)
    {
        var clean = new string([.. word.Where(c => !char.IsControl(c)).Take(48)]);
        return clean.Length < word.Length ? clean + "…" : clean;
    }
}
