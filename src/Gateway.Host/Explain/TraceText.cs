using System.Diagnostics.CodeAnalysis;
using System.Net;
using Gateway.Dataplane.Graph;
using Gateway.Policy.Items;

namespace Gateway.Host.Explain;

/// <summary>Reads what of the traffic is to be traced: <c>tcp 10.1.0.0/24 192.0.2.1:443</c>, <c>icmp any 10.0.0.1</c>, <c>any [2001:db8::1]:53</c>. Never throws.</summary>
internal static class TraceText
{
    public const string Form = "PROTOCOL|any [ADDRESS[/LENGTH]|any[:PORT] [ADDRESS[/LENGTH]|any[:PORT]]]";

    private const int Longest = 256;

    public static bool TryParse(string? text, [NotNullWhen(true)] out TraceFilter? filter, [NotNullWhen(false)] out string? error)
    {
        filter = null;
        var words = (text ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (text is null || text.Length > Longest || words.Length is 0 or > 3)
        {
            error = $"A flow to trace is written as {Form}.";
            return false;
        }

        byte? protocol = null;
        if (!IsAny(words[0]))
        {
            if (!FlowText.TryProtocolOf(words[0], out var number))
            {
                error = $"{FlowText.Shown(words[0])} is no protocol: {Form}.";
                return false;
            }

            protocol = number;
        }

        var ends = new TraceEnd[2];
        for (var i = 1; i < words.Length; i++)
            if (!TryEnd(words[i], out ends[i - 1]))
            {
                error = $"{FlowText.Shown(words[i])} is no end of a flow, as 10.1.0.0/24, 10.1.0.1:443, any:53 or [2001:db8::/32]:53.";
                return false;
            }

        filter = new TraceFilter(protocol, ends[0], ends[1]);
        error = null;
        return true;
    }

    private static bool TryEnd(string word, out TraceEnd end)
    {
        end = default;
        var (host, tail) = (word, (string?)null);
        if (word[0] == '[')
        {
            var close = word.IndexOf(']');
            if (close < 0 || (close + 1 < word.Length && word[close + 1] != ':')) return false;
            (host, tail) = (word[1..close], close + 1 < word.Length ? word[(close + 2)..] : null);
        }
        else if (word.IndexOf(':') is var colon && colon >= 0 && colon == word.LastIndexOf(':'))
        {
            (host, tail) = (word[..colon], word[(colon + 1)..]);
        }

        ushort port = 0;
        if (tail is not null && !ushort.TryParse(tail, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out port)) return false;
        IPNetwork? network = null;
        if (!IsAny(host))
        {
            if (IpPrefix.TryAddress(host, out var address)) network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
            else if (IPNetwork.TryParse(host, out var prefix)) network = prefix;
            else return false;
        }

        end = new TraceEnd(network, tail is null ? null : port);
        return true;
    }

    private static bool IsAny(string word) => word.Equals("any", StringComparison.OrdinalIgnoreCase) || word == "*";
}
