using System.Net;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>One word of <c>local_addrs</c> or <c>remote_addrs</c>: a closed family.</summary>
public abstract record AddressPattern
{
    private AddressPattern()
    {
    }

    /// <summary><c>%any</c>.</summary>
    public sealed record Any : AddressPattern;

    /// <summary>An address, a prefix or a range.</summary>
    public sealed record Range(TrafficSelector Addresses) : AddressPattern;

    /// <summary>A name, resolved when it is dialled; as a responder it takes every address, and the identities decide.</summary>
    public sealed record Name(string Host) : AddressPattern;

    public static AddressPattern? Parse(string text)
    {
        text = text.Trim();
        if (text is "%any" or "%any4" or "%any6" or "0.0.0.0" or "::" or "0.0.0.0/0" or "::/0") return new Any();
        if (!text.Contains('[', StringComparison.Ordinal) && TrafficSelector.TryParse(text, out var range)) return new Range(range);
        return Uri.CheckHostName(text) == UriHostNameType.Dns ? new Name(text) : null;
    }

    /// <summary>The one address that can be dialled, or spoken from, without asking anybody.</summary>
    public IPAddress? Single => this is Range { Addresses: var a } && a.Start.Equals(a.End) ? a.Start : null;

    /// <summary>How well it takes an address: 0 not, 1 as a wildcard, then by the length of the prefix, exact is best.</summary>
    public int Match(IPAddress address) => this switch
    {
        Range { Addresses: var range } => range.Contains(new TrafficSelector(address, address)) ? 2 + (range.PrefixLength() ?? 0) : 0,
        _ => 1,
    };
}
