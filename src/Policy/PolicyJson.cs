using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Policy;

/// <summary>The one way in which items, commands and events are written as JSON: snake_case, unknown members refused, defaults left out.</summary>
public static class PolicyJson
{
    /// <summary>Reading and writing of specs, commands and events.</summary>
    public static JsonSerializerOptions Options { get; } = Make();

    /// <summary>For JSON that was checked already (see <see cref="Items.Reading.StrictJson"/>): members that stand twice are not looked for again, also not in a spec that is still unread.</summary>
    internal static JsonSerializerOptions Checked { get; } = MakeChecked();

    /// <summary>For events as they are stored: this code wrote them, and looking for members that stand twice would double the time of a start.</summary>
    public static JsonSerializerOptions Stored => Checked;

    private delegate bool TryParse<T>(string? text, [MaybeNullWhen(false)] out T value);

    private static JsonSerializerOptions Make()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            AllowDuplicateProperties = false,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOutDefaults.Of } },
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            MaxDepth = 32,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false));
        Text<IPAddress>(options, "an IP address", IpPrefix.TryAddress, a => a.ToString());
        Text<IpPrefix>(options, "a prefix such as 10.1.0.0/24", IpPrefix.TryParse, p => p.ToString());
        Text<InterfaceAddress>(options, "an address with prefix length such as 10.1.0.1/24", ParseInterfaceAddress, a => $"{a.Address}/{a.PrefixLength}");
        Text<MacAddress>(options, "a MAC address such as 02:00:00:00:00:01", MacAddress.TryParse, m => m.ToString());
        Text<AclAddress>(options, "an address, a prefix such as 10.1.0.0/24, or the name of a group", AclAddress.TryParse, a => a.ToString());
        Text<AclPort>(options, "a port, a range such as 1024-65535 with the lower port first, or the name of a group", AclPort.TryParse, p => p.ToString());
        Text<IpProtocol>(options, "a protocol such as tcp, udp, icmp, icmpv6, esp, gre or a number from 0 to 255", IpProtocol.TryParse, p => p.ToString());
        Text<TcpFlags>(options, "TCP flags such as syn,!ack", TcpFlags.TryParse, f => f.ToString());
        Text<EtherType>(options, "ipv4, ipv6, arp, or a number such as 0x88cc", EtherType.TryParse, t => t.ToString());
        Text<PolicerRate>(options, "a rate such as 10Mbit/s or 500packets/s", PolicerRate.TryParse, r => r.ToString());
        Text<PolicerBurst>(options, "an amount such as 64kB or 100packets", PolicerBurst.TryParse, b => b.ToString());
        Text<PolicerAction>(options, "transmit, drop, or a mark such as dscp:10", PolicerAction.TryParse, a => a.ToString());
        Text<TrafficSelector>(options, "a traffic selector such as 10.1.0.0/24[tcp/80]", TrafficSelector.TryParse, t => t.ToString());
        Text<ItemKey>(options, "an item such as interface/wan", ItemKey.TryParse, k => k.ToString());
        Text<SwanDuration>(options, "a duration such as 30s, 10m, 4h or 1d", SwanDuration.TryParse, d => d.ToString());
        Text<AuthenticationWord>(options, "an authentication method such as psk, pubkey, rsa-3072-sha256 or eap-mschapv2", AuthenticationWord.TryParse, w => w.Text);
        Text<KeyHandle>(options, "a key handle", KeyHandle.TryParse, h => h.ToString());
        Text<ConnectionName>(options, "a name", NotEmpty<ConnectionName>(t => new(t)), n => n.Value);
        Text<ChildName>(options, "a name", NotEmpty<ChildName>(t => new(t)), n => n.Value);
        Text<Spi>(options, "an SPI of eight hexadecimal digits", ParseSpi, s => s.ToString());
        options.Converters.Add(new NumberJson<IkeSaId>(n => new IkeSaId(n), i => i.Value));
        options.Converters.Add(new NumberJson<ChildSaId>(n => new ChildSaId(n), i => i.Value));
        options.MakeReadOnly();
        return options;
    }

    private static JsonSerializerOptions MakeChecked()
    {
        var options = new JsonSerializerOptions(Options) { AllowDuplicateProperties = true };
        options.MakeReadOnly();
        return options;
    }

    private static void Text<T>(JsonSerializerOptions options, string what, TryParse<T> parse, Func<T, string> write) =>
        options.Converters.Add(new TextJson<T>(what, parse, write));

    private static TryParse<T> NotEmpty<T>(Func<string, T> make) => (string? text, [MaybeNullWhen(false)] out T value) =>
    {
        value = make(text ?? "");
        return !string.IsNullOrEmpty(text);
    };

    private static bool ParseInterfaceAddress(string? text, [NotNullWhen(true)] out InterfaceAddress? address)
    {
        address = IpPrefix.TrySplit(text, out var ip, out var length) ? new InterfaceAddress(ip, length) : null;
        return address is not null;
    }

    private static bool ParseSpi(string? text, out Spi spi)
    {
        var ok = uint.TryParse(text, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out var value);
        spi = new Spi(value);
        return ok;
    }

    private sealed class TextJson<T>(string what, TryParse<T> parse, Func<T, string> write) : JsonConverter<T>
    {
        /// <summary>Places of <see cref="_seen"/>, a power of two.</summary>
        private const int Places = 1024;

        /// <summary>A longer text is not remembered.</summary>
        private const int Longest = 64;

        // Addresses, prefixes and names come again and again: of each text the value that it was read as last is kept. Values do not change.
        [ThreadStatic]
        private static (byte[]? Octets, T Value)[]? _seen;

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String) throw new JsonException($"Expected {what}.");
            if (reader.HasValueSequence || reader.ValueIsEscaped || reader.ValueSpan.Length > Longest) return Parse(reader.GetString());
            var octets = reader.ValueSpan;
            var hash = (uint)octets.Length;
            foreach (var octet in octets) hash = (hash ^ octet) * 16_777_619;
            ref var place = ref (_seen ??= new (byte[]?, T)[Places])[(hash ^ (hash >> 15)) & (Places - 1)];
            if (place.Octets is not null && octets.SequenceEqual(place.Octets)) return place.Value;
            var value = Parse(reader.GetString());
            place = (octets.ToArray(), value);
            return value;
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(write(value));

        private T Parse(string? text) => parse(text, out var value) ? value : throw new JsonException($"Expected {what}.");
    }

    private sealed class NumberJson<T>(Func<ulong, T> make, Func<T, ulong> number) : JsonConverter<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out var value) ? make(value) : throw new JsonException("Expected a number.");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteNumberValue(number(value));
    }
}
