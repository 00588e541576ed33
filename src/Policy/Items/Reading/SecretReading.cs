using System.Buffers;
using System.Text;
using System.Text.Json;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Reading;

/// <summary>
/// Takes the value out of a secret's spec, so that what is validated, decided, journalled and logged afterwards does not have it.
/// Forms as in swanctl.conf: <c>0s…</c> base64, <c>0x…</c> hexadecimal, anything else is the text itself (UTF-8).
/// </summary>
public static class SecretReading
{
    public const string Member = "secret";

    /// <summary>Octets of a value: a private key of RSA with 16384 bits has about 13,000 in PEM.</summary>
    public const int MaxLength = 16 * 1024;

    /// <summary>Splits <paramref name="spec"/> into the spec without its value, and the value; the value is null when none is given or it is wrong (then an error was added).</summary>
    public static (JsonElement Spec, TakenSecret? Value) Take(JsonElement spec, ErrorScope at)
    {
        if (spec.ValueKind != JsonValueKind.Object || !spec.TryGetProperty(Member, out var value)) return (spec, null);
        if (spec.EnumerateObject().Count(m => m.NameEquals(Member)) > 1) at[Member].Add(ErrorCode.DuplicateMember, "This member stands twice.");
        return (Without(spec), Decode(value, at[Member]));
    }

    private static TakenSecret? Decode(JsonElement value, ErrorScope at)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            at.Add(ErrorCode.WrongType, "Expected text.");
            return null;
        }

        var text = value.GetString()!;
        byte[] octets;
        try
        {
            octets = text switch
            {
                _ when text.StartsWith("0s", StringComparison.OrdinalIgnoreCase) => Convert.FromBase64String(text[2..]),
                _ when text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) => Convert.FromHexString(text[2..]),
                _ => Encoding.UTF8.GetBytes(text),
            };
        }
        catch (FormatException)
        {
            at.Add(ErrorCode.InvalidValue, "After 0s must come base64, after 0x an even number of hexadecimal digits.");
            return null;
        }

        if (octets.Length is > 0 and <= MaxLength) return new TakenSecret(octets);
        at.Add(ErrorCode.OutOfRange, $"A secret has 1–{MaxLength} octets.");
        return null;
    }

    private static JsonElement Without(JsonElement spec)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in spec.EnumerateObject())
                if (!member.NameEquals(Member)) member.WriteTo(writer);
            writer.WriteEndObject();
        }

        return JsonElement.Parse(buffer.WrittenSpan, new JsonDocumentOptions { AllowDuplicateProperties = true, MaxDepth = 2 * CommandLimits.MaxDepth });
    }
}
