using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Reading;

/// <summary>
/// Reads JSON into the records of Policy and reports everything that is wrong with it, each with its path, where the serialiser would stop at the first.
/// The records are the only description: their members, which are required, their types, and their <see cref="RangeAttribute"/>s.
/// Values are never repeated in a message, since any field of a mistaken command may hold a secret.
/// </summary>
public static class StrictJson
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<string>> _words = [];

    /// <summary>Reads <paramref name="json"/> as <paramref name="type"/>; null when errors were added.</summary>
    public static object? Read(JsonElement json, Type type, ErrorScope at)
    {
        var before = at.Errors.Count;
        Check(json, type, at);
        if (at.Errors.Count > before || at.Errors.IsFull) return null;
        try
        {
            return json.Deserialize(type, PolicyJson.Checked);
        }
        catch (JsonException)
        {
            at.Add(ErrorCode.InvalidValue, "This is not a value of its kind.");
            return null;
        }
    }

    public static T? Read<T>(JsonElement json, ErrorScope at)
        where T : class => (T?)Read(json, typeof(T), at);

    private static void Check(JsonElement json, Type type, ErrorScope at)
    {
        if (at.Errors.IsFull) return;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonElement)) return;
        if (json.ValueKind == JsonValueKind.Null) at.Add(ErrorCode.WrongType, "Null is not a value here; leave the field out.");
        else if (ElementType(type) is { } element) CheckList(json, element, at);
        else if (type == typeof(PrefixList)) CheckPrefixes(json, at);
        else if (PolicyJson.Options.GetTypeInfo(type) is var info && info.Kind == JsonTypeInfoKind.Dictionary) CheckMap(json, info.ElementType!, at);
        else if (info.Kind == JsonTypeInfoKind.Object) CheckObject(json, info, at);
        else if (type.IsEnum) CheckWord(json, type, at);
        else CheckLeaf(json, type, at);
    }

    private static void CheckObject(JsonElement json, JsonTypeInfo info, ErrorScope at)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            at.Add(ErrorCode.WrongType, "Expected an object.");
            return;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var members = StrictMember.Of(info);
        foreach (var member in json.EnumerateObject())
        {
            var within = at[Short(member.Name)];
            if (!seen.Add(member.Name)) within.Add(ErrorCode.DuplicateMember, "This member stands twice.");
            else if (!members.TryGetValue(member.Name, out var property))
                within.Add(ErrorCode.UnknownField, $"There is no such field here; there {(info.Properties.Count == 1 ? "is" : "are")} {string.Join(", ", info.Properties.Select(p => p.Name))}.");
            else if (property.IsOwn)
                within.Add(ErrorCode.UnknownField, "There is no such field here.");
            else
            {
                Check(member.Value, property.Type, within);
                if (property.Range is { } range) CheckRange(member.Value, range, within);
            }
        }

        foreach (var property in info.Properties)
            if (property.IsRequired && !seen.Contains(property.Name)) at[property.Name].Add(ErrorCode.MissingField, $"'{property.Name}' must be given.");
    }

    private static void CheckList(JsonElement json, Type element, ErrorScope at)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            at.Add(ErrorCode.WrongType, "Expected a list.");
            return;
        }

        var index = 0;
        foreach (var value in json.EnumerateArray()) Check(value, element, at[index++]);
    }

    // Without a scope for each that is right: there may be very many.
    private static void CheckPrefixes(JsonElement json, ErrorScope at)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            at.Add(ErrorCode.WrongType, "Expected a list.");
            return;
        }

        var gathering = new PrefixList.Gathering();
        var index = 0;
        foreach (var value in json.EnumerateArray())
        {
            var isText = value.ValueKind == JsonValueKind.String;
            if (!isText) at[index].Add(ErrorCode.WrongType, "Expected a prefix such as 10.1.0.0/24.");
            else if (!gathering.TryAdd(JsonMarshal.GetRawUtf8Value(value).Contains((byte)'\\') ? System.Text.Encoding.UTF8.GetBytes(value.GetString()!) : JsonMarshal.GetRawUtf8Value(value)[1..^1]))
                at[index].Add(ErrorCode.InvalidValue, "Expected a prefix such as 10.1.0.0/24, without bits beyond its length, and of the same address family as the first one.");
            if (at.Errors.IsFull) return;
            index++;
        }
    }

    private static void CheckMap(JsonElement json, Type element, ErrorScope at)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            at.Add(ErrorCode.WrongType, "Expected an object.");
            return;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in json.EnumerateObject())
        {
            if (!seen.Add(member.Name)) at[Short(member.Name)].Add(ErrorCode.DuplicateMember, "This member stands twice.");
            else Check(member.Value, element, at[Short(member.Name)]);
        }
    }

    private static void CheckWord(JsonElement json, Type type, ErrorScope at)
    {
        if (json.ValueKind != JsonValueKind.String) at.Add(ErrorCode.WrongType, "Expected text.");
        else if (!Words(type).Contains(json.GetString(), StringComparer.Ordinal)) at.Add(ErrorCode.InvalidValue, $"Expected one of {string.Join(", ", Words(type))}.");
    }

    private static void CheckLeaf(JsonElement json, Type type, ErrorScope at)
    {
        var (kindFits, expected) = type switch
        {
            _ when type == typeof(bool) => (json.ValueKind is JsonValueKind.True or JsonValueKind.False, "true or false"),
            _ when IsNumber(type) => (json.ValueKind == JsonValueKind.Number, "a whole number"),
            _ => (json.ValueKind == JsonValueKind.String, "text"),
        };
        if (!kindFits)
        {
            at.Add(ErrorCode.WrongType, $"Expected {expected}.");
            return;
        }

        if (IsNumber(type) && !json.TryGetInt64(out _))
        {
            at.Add(IsWhole(json) ? ErrorCode.OutOfRange : ErrorCode.WrongType, "Expected a whole number of at most 63 bits.");
            return;
        }

        try
        {
            json.Deserialize(type, PolicyJson.Checked);
        }
        catch (JsonException bad)
        {
            if (IsNumber(type)) at.Add(ErrorCode.OutOfRange, "The number is beyond what the field can hold.");
            else at.Add(ErrorCode.InvalidValue, bad.Message.StartsWith("Expected ", StringComparison.Ordinal) ? bad.Message : "This is not a value of its kind.");
        }
    }

    private static void CheckRange(JsonElement json, (long Low, long High) range, ErrorScope at)
    {
        if (json.ValueKind != JsonValueKind.Number || !json.TryGetInt64(out var number)) return;
        var (low, high) = range;
        if (number < low || number > high) at.Add(ErrorCode.OutOfRange, $"Must be from {low} to {high}.");
    }

    /// <summary>The bounds of a range, whichever constructor it was written with.</summary>
    internal static (long Low, long High) Bounds(RangeAttribute range) =>
        (Whole(range.Minimum), Whole(range.Maximum));

    // The attribute knows int and double only; a double that is too large for a long stands for its largest value.
    private static long Whole(object bound) => bound is double d && d >= long.MaxValue ? long.MaxValue : Convert.ToInt64(bound, CultureInfo.InvariantCulture);

    /// <summary>The words of an enumeration as JSON has them.</summary>
    internal static IReadOnlyList<string> Words(Type type) => _words.GetOrAdd(type, static t => [.. Enum.GetNames(t).Select(JsonNamingPolicy.KebabCaseLower.ConvertName)]);

    internal static Type? ElementType(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ValueList<>) ? type.GetGenericArguments()[0] : null;

    internal static bool IsNumber(Type type) => Type.GetTypeCode(type) is >= TypeCode.SByte and <= TypeCode.UInt64 && !type.IsEnum;

    private static bool IsWhole(JsonElement json) => json.GetRawText().All(c => char.IsAsciiDigit(c) || c == '-');

    /// <summary>A member's name as it may stand in a path: hostile ones are long, or hold what ends a path's step.</summary>
    private static string Short(string name) => name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') ? name : "(…)";
}

/// <summary>The member is the gateway's own: it is stored, but a command cannot give it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NotFromCommandsAttribute : Attribute;
