using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Unicode;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Events.Written;

/// <summary>
/// Goes along JSON that has exactly the form in which this code writes it: no white space, members in their order, numbers as plain digits. It knows no
/// grammar: it compares octets, and each method that finds something else says false. Whoever asked then leaves the whole to the serializer, so that this
/// need only be right where it says yes.
/// </summary>
internal ref struct WrittenJson(ReadOnlySpan<byte> octets, RecurringValues? recurring)
{
    /// <summary>What ends a text or makes it more than its octets: the quote, the escape, and control characters, which JSON forbids (RFC 8259 §7).</summary>
    private static readonly SearchValues<byte> _special = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (byte)c), (byte)'"', (byte)'\\']);

    private ReadOnlySpan<byte> _rest = octets;

    /// <summary>Steps over <paramref name="literal"/>, if it comes next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Is(ReadOnlySpan<byte> literal)
    {
        if (!_rest.StartsWith(literal)) return false;
        _rest = _rest[literal.Length..];
        return true;
    }

    /// <summary>True when <paramref name="literal"/> is all that is left.</summary>
    public readonly bool Ends(ReadOnlySpan<byte> literal) => _rest.SequenceEqual(literal);

    /// <summary>Digits without a leading zero, as far as <paramref name="most"/>.</summary>
    public bool Number(out ulong value, ulong most = ulong.MaxValue)
    {
        value = 0;
        var length = 0;
        while (length < _rest.Length && (uint)(_rest[length] - '0') <= 9)
        {
            // Nineteen digits cannot be too many for 64 bits; more are left to the serializer.
            if (length == 19) return false;
            value = (value * 10) + (uint)(_rest[length++] - '0');
        }

        if (length == 0 || (length > 1 && _rest[0] == '0') || value > most) return false;
        _rest = _rest[length..];
        return true;
    }

    /// <inheritdoc cref="Number(out ulong, ulong)"/>
    public bool Number(out int value)
    {
        var read = Number(out ulong number, int.MaxValue);
        value = (int)number;
        return read;
    }

    /// <inheritdoc cref="Number(out ulong, ulong)"/>
    public bool Number(out ushort value)
    {
        var read = Number(out ulong number, ushort.MaxValue);
        value = (ushort)number;
        return read;
    }

    /// <summary>A number, if the member is there.</summary>
    /// <returns>False when the member is there and something else than a number.</returns>
    public bool Optional(ReadOnlySpan<byte> member, ref ulong value) => !Is(member) || Number(out value);

    /// <inheritdoc cref="Optional(ReadOnlySpan{byte}, ref ulong)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref int value) => !Is(member) || Number(out value);

    /// <inheritdoc cref="Optional(ReadOnlySpan{byte}, ref ulong)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref ushort value) => !Is(member) || Number(out value);

    /// <inheritdoc cref="Optional(ReadOnlySpan{byte}, ref ulong)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref ulong? value)
    {
        if (!Is(member)) return true;
        var read = Number(out ulong number);
        value = number;
        return read;
    }

    /// <inheritdoc cref="Flag(out bool)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref bool value) => !Is(member) || Flag(out value);

    /// <inheritdoc cref="Text(out string)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref string? value)
    {
        if (!Is(member)) return true;
        var read = Text(out var text);
        value = text;
        return read;
    }

    /// <inheritdoc cref="Address(out IPAddress)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref IPAddress? value)
    {
        if (!Is(member)) return true;
        var read = Address(out var address);
        value = address;
        return read;
    }

    /// <summary><c>true</c> or <c>false</c>.</summary>
    public bool Flag(out bool value)
    {
        value = Is("true"u8);
        return value || Is("false"u8);
    }

    /// <summary>Text in quotes without escapes.</summary>
    public bool Text([NotNullWhen(true)] out string? value)
    {
        value = Plain(out var text) ? RecurringValues.Text(recurring, text) : null;
        return value is not null;
    }

    /// <summary>Text in quotes that is not empty.</summary>
    public bool Name([NotNullWhen(true)] out string? value) => Text(out value) && value.Length > 0;

    /// <summary>An IP address in quotes.</summary>
    public bool Address([NotNullWhen(true)] out IPAddress? value)
    {
        value = null;
        return Plain(out var text) && RecurringValues.TryAddress(recurring, text, out value);
    }

    /// <summary>A prefix in quotes, such as <c>10.1.0.0/24</c>.</summary>
    public bool Prefix([NotNullWhen(true)] out IpPrefix? value)
    {
        value = null;
        return Plain(out var text) && IpPrefix.TryParse(RecurringValues.Text(recurring, text), out value);
    }

    /// <summary>A time in quotes, as the serializer reads it.</summary>
    public bool Time(out DateTimeOffset value)
    {
        value = default;
        var before = _rest;
        if (!Plain(out _)) return false;
        var json = new Utf8JsonReader(before[..^_rest.Length]);
        return json.Read() && json.TryGetDateTimeOffset(out value);
    }

    /// <summary>An SPI in quotes: eight hexadecimal digits.</summary>
    public bool Spi(out Spi value)
    {
        Span<byte> octets = stackalloc byte[4];
        var read = Hex(octets);
        value = new Spi(read ? BinaryPrimitives.ReadUInt32BigEndian(octets) : 0);
        return read;
    }

    /// <summary>A handle in quotes: 32 hexadecimal digits.</summary>
    public bool Handle(out KeyHandle value)
    {
        Span<byte> octets = stackalloc byte[16];
        var read = Hex(octets);
        value = read ? new KeyHandle(BinaryPrimitives.ReadUInt128BigEndian(octets)) : default;
        return read;
    }

    /// <inheritdoc cref="Handle(out KeyHandle)"/>
    public bool Optional(ReadOnlySpan<byte> member, ref KeyHandle value) => !Is(member) || Handle(out value);

    /// <summary>Traffic selectors in brackets; at least one.</summary>
    public bool Selectors(out ValueList<TrafficSelector> value)
    {
        value = default;
        var from = _rest;
        if (!Is("["u8)) return false;
        do
        {
            if (!Plain(out _)) return false;
        }
        while (Is(","u8));
        return Is("]"u8) && RecurringValues.TrySelectors(recurring, from[..^_rest.Length], out value);
    }

    private bool Hex(scoped Span<byte> octets)
    {
        var digits = octets.Length * 2;
        if (_rest.Length < digits + 2 || _rest[0] != '"' || _rest[digits + 1] != '"') return false;
        if (Convert.FromHexString(_rest.Slice(1, digits), octets, out _, out _) != OperationStatus.Done) return false;
        _rest = _rest[(digits + 2)..];
        return true;
    }

    private bool Plain(out ReadOnlySpan<byte> text)
    {
        text = default;
        if (_rest.IsEmpty || _rest[0] != '"') return false;
        var end = _rest[1..].IndexOfAny(_special);
        if (end < 0 || _rest[end + 1] != '"' || !Utf8.IsValid(_rest.Slice(1, end))) return false;
        text = _rest.Slice(1, end);
        _rest = _rest[(end + 2)..];
        return true;
    }
}
