using System.Globalization;

namespace Gateway.Policy.Items;

/// <summary>What an Ethernet frame carries (IEEE 802 §9.2), by its word or its number: <c>arp</c>, <c>0x88cc</c>.</summary>
public readonly record struct EtherType(ushort Number)
{
    private static readonly (string Word, ushort Number)[] _words = [("ipv4", 0x0800), ("arp", 0x0806), ("ipv6", 0x86DD)];

    public static bool TryParse(string? text, out EtherType type)
    {
        type = default;
        if (text is null) return false;
        foreach (var (word, number) in _words)
            if (word == text)
            {
                type = new(number);
                return true;
            }

        // Smaller numbers are lengths of 802.3 frames; tags are not what a frame carries.
        if (!text.StartsWith("0x", StringComparison.Ordinal) || !ushort.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var given) || given < 0x0600 || given is 0x8100 or 0x88A8) return false;
        type = new(given);
        return true;
    }

    public override string ToString()
    {
        foreach (var (word, number) in _words)
            if (number == Number) return word;
        return string.Create(CultureInfo.InvariantCulture, $"0x{Number:x4}");
    }
}
