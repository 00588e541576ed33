using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Events.Written;

/// <summary>
/// Names, addresses and selectors come again and again in a journal: who reads much of it keeps one of these meanwhile, and each value is made once. A place
/// holds the last value that fell to it. Several threads may use it at once: places are references, and the values do not change.
/// </summary>
public sealed class RecurringValues
{
    /// <summary>Places of each kind: two to the power of <see cref="PlaceBits"/>.</summary>
    private const int Places = 1 << PlaceBits;

    private const int PlaceBits = 12;

    /// <summary>Octets; longer ones are not remembered.</summary>
    private const int Longest = 128;

    // Made with the first value: who reads few events has no addresses to remember.
    private string?[]? _texts;
    private AddressPlace?[]? _addresses;
    private SelectorsPlace?[]? _selectors;
    private Principal? _principal;

    /// <summary>The text of <paramref name="octets"/>, which are UTF-8; with null nothing is remembered.</summary>
    public static string Text(RecurringValues? recurring, ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty) return "";
        if (recurring is null || octets.Length > Longest) return Encoding.UTF8.GetString(octets);
        ref var place = ref (recurring._texts ??= new string?[Places])[PlaceOf(octets)];
        if (place is { } seen && Ascii.Equals(octets, seen)) return seen;
        var text = Encoding.UTF8.GetString(octets);
        place = text;
        return text;
    }

    /// <summary>The principal whose door and name, as UTF-8, these are.</summary>
    public Principal Principal(ReadOnlySpan<byte> door, ReadOnlySpan<byte> name)
    {
        var last = _principal;
        if (last is null || !Ascii.Equals(door, last.Door) || !Ascii.Equals(name, last.Name)) _principal = last = new Principal(Text(this, door), Text(this, name));
        return last;
    }

    internal static bool TryAddress(RecurringValues? recurring, ReadOnlySpan<byte> text, [NotNullWhen(true)] out IPAddress? address)
    {
        if (!TryQuad(text, out var quad)) return IpPrefix.TryAddress(Text(recurring, text), out address);
        if (recurring is null)
        {
            address = new IPAddress(quad);
            return true;
        }

        ref var place = ref (recurring._addresses ??= new AddressPlace?[Places])[(quad * 0x9e3779b1) >> (32 - PlaceBits)];
        var seen = place;
        if (seen is null || seen.Quad != quad) place = seen = new AddressPlace(quad, new IPAddress(quad));
        address = seen.Address;
        return true;
    }

    /// <param name="recurring">With null nothing is remembered.</param>
    /// <param name="list">A JSON array of texts without escapes or white space.</param>
    /// <param name="selectors">What they select.</param>
    internal static bool TrySelectors(RecurringValues? recurring, ReadOnlySpan<byte> list, out ValueList<TrafficSelector> selectors)
    {
        var remembered = recurring is not null && list.Length <= Longest;
        var place = remembered ? PlaceOf(list) : 0;
        if (remembered && recurring!._selectors?[place] is { } seen && list.SequenceEqual(seen.List))
        {
            selectors = seen.Selectors;
            return true;
        }

        selectors = default;
        var read = new List<TrafficSelector>();
        foreach (var text in Encoding.UTF8.GetString(list[2..^2]).Split("\",\""))
        {
            if (!TrafficSelector.TryParse(text, out var selector)) return false;
            read.Add(selector);
        }

        selectors = read.ToValueList();
        if (remembered) (recurring!._selectors ??= new SelectorsPlace?[Places])[place] = new SelectorsPlace(list.ToArray(), selectors);
        return true;
    }

    private static int PlaceOf(ReadOnlySpan<byte> octets)
    {
        const ulong odd = 0x9e37_79b9_7f4a_7c15;
        var hash = (ulong)octets.Length;
        for (; octets.Length >= 8; octets = octets[8..]) hash = Mixed((hash ^ BinaryPrimitives.ReadUInt64LittleEndian(octets)) * odd);
        foreach (var octet in octets) hash = (hash ^ octet) * odd;
        return (int)(Mixed(hash) & (Places - 1));

        static ulong Mixed(ulong hash) => hash ^ (hash >> 32);
    }

    /// <summary>A dotted quad as it lies in memory. The same as <see cref="IpPrefix.TryAddress"/> takes, or less.</summary>
    private static bool TryQuad(ReadOnlySpan<byte> text, out uint quad)
    {
        quad = 0;
        var at = 0;
        for (var i = 0; i < 4; i++)
        {
            if (i > 0 && (at >= text.Length || text[at++] != '.')) return false;
            var (start, value) = (at, 0u);
            for (; at < text.Length && at - start < 3 && (uint)(text[at] - '0') <= 9; at++) value = (value * 10) + (uint)(text[at] - '0');
            if (at == start || value > 255 || (at - start > 1 && text[start] == '0')) return false;
            quad |= value << (8 * i);
        }

        if (!BitConverter.IsLittleEndian) quad = BinaryPrimitives.ReverseEndianness(quad);
        return at == text.Length;
    }

    private sealed record AddressPlace(uint Quad, IPAddress Address);

    private sealed record SelectorsPlace(byte[] List, ValueList<TrafficSelector> Selectors);
}
