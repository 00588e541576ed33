using System.Collections;
using System.Reflection;
using System.Text.Json;

namespace Gateway.Host.Appliance;

/// <summary>
/// Reads settings into records: members in snake_case, enumerations in kebab-case, comments and trailing commas allowed, unknown and repeated members refused.
/// What is left out keeps the record's default, and only what is null by default may be written as null.
/// It is as strict as the serializer, which would first compile half a thousand methods for its look at these records: a tenth of the time of a start.
/// </summary>
internal ref struct SettingsReader
{
    private readonly ReadOnlySpan<byte> _json;
    private readonly List<string> _path = ["$"];
    private Utf8JsonReader _reader;

    private SettingsReader(ReadOnlySpan<byte> json)
    {
        _json = json;
        _reader = new Utf8JsonReader(json, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 64 });
    }

    /// <exception cref="JsonException">The JSON is malformed or does not fit; <see cref="JsonException.Path"/> and <see cref="JsonException.LineNumber"/> (from 0) say where.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json)
        where T : class
    {
        var reader = new SettingsReader(json);
        reader.Next();
        var read = (T)reader.Section(typeof(T));
        return reader._reader.Read() ? throw reader.Fault("There is something behind the end.") : read;
    }

    private object Section(Type type)
    {
        Expect(JsonTokenType.StartObject, "an object");
        var section = Activator.CreateInstance(type)!;
        var members = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        var seen = new HashSet<string>();
        for (Next(); _reader.TokenType != JsonTokenType.EndObject; Next())
        {
            var name = Text();
            _path.Add(name);
            var member = Array.Find(members, m => IsSetting(m) && JsonNamingPolicy.SnakeCaseLower.ConvertName(m.Name) == name) ?? throw Fault($"There is no setting {name} here.");
            if (!seen.Add(member.Name)) throw Fault($"{name} stands here twice.");
            Next();
            member.SetValue(section, Value(member, section));
            _path.RemoveAt(_path.Count - 1);
        }

        foreach (var member in members)
            if (IsRequired(member) && !seen.Contains(member.Name)) throw Fault($"{JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Name)} is missing.");
        return section;
    }

    private object? Value(PropertyInfo member, object section)
    {
        if (_reader.TokenType != JsonTokenType.Null) return Value(member.PropertyType);
        return !IsRequired(member) && member.GetValue(section) is null ? null : throw Fault("null is not allowed here.");
    }

    private object Value(Type type)
    {
        if (type == typeof(string)) return Text(JsonTokenType.String, "a string");
        if (type == typeof(bool)) return _reader.TokenType is JsonTokenType.True or JsonTokenType.False ? _reader.GetBoolean() : throw Fault("Expected true or false.");
        if (type == typeof(int) || type == typeof(int?)) return _reader.TokenType == JsonTokenType.Number && _reader.TryGetInt32(out var number) ? number : throw Fault("Expected a whole number.");
        if (type == typeof(double)) return Expect(JsonTokenType.Number, "a number").GetDouble();
        if (type == typeof(JsonElement?)) return JsonElement.ParseValue(ref _reader);
        if (type.IsEnum) return Word(type);
        if (!type.IsGenericType) return Section(type);
        return type.GetGenericArguments() is [_, var of] ? Named(of) : List(type.GetGenericArguments()[0]);
    }

    private object Word(Type type)
    {
        var word = Text(JsonTokenType.String, "a word");
        var names = Enum.GetNames(type);
        var at = Array.FindIndex(names, n => JsonNamingPolicy.KebabCaseLower.ConvertName(n) == word);
        return at >= 0 ? Enum.Parse(type, names[at]) : throw Fault($"There is no {word} here; there are {string.Join(", ", names.Select(JsonNamingPolicy.KebabCaseLower.ConvertName))}.");
    }

    private Array List(Type of)
    {
        Expect(JsonTokenType.StartArray, "a list");
        var items = new List<object>();
        for (Next(); _reader.TokenType != JsonTokenType.EndArray; Next())
        {
            _path.Add($"[{items.Count}]");
            items.Add(Value(of));
            _path.RemoveAt(_path.Count - 1);
        }

        var list = Array.CreateInstance(of, items.Count);
        for (var i = 0; i < items.Count; i++) list.SetValue(items[i], i);
        return list;
    }

    private IDictionary Named(Type of)
    {
        Expect(JsonTokenType.StartObject, "an object");
        var named = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), of))!;
        for (Next(); _reader.TokenType != JsonTokenType.EndObject; Next())
        {
            var name = Text();
            _path.Add(name);
            if (named.Contains(name)) throw Fault($"{name} stands here twice.");
            Next();
            named.Add(name, Value(of));
            _path.RemoveAt(_path.Count - 1);
        }

        return named;
    }

    private readonly string Text(JsonTokenType type = JsonTokenType.PropertyName, string what = "a name")
    {
        try
        {
            return Expect(type, what).GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Fault("This is not well-formed Unicode.");
        }
    }

    private void Next()
    {
        if (!_reader.Read()) throw Fault("The text ends too early.");
    }

    private readonly Utf8JsonReader Expect(JsonTokenType type, string what) => _reader.TokenType == type ? _reader : throw Fault($"Expected {what}.");

    private readonly JsonException Fault(string message) =>
        new(message, string.Join('.', _path).Replace(".[", "[", StringComparison.Ordinal), _json[..(int)_reader.TokenStartIndex].Count((byte)'\n'), null);

    private static bool IsSetting(PropertyInfo member) => member.CanWrite && !member.IsDefined(typeof(System.Text.Json.Serialization.JsonIgnoreAttribute));

    private static bool IsRequired(PropertyInfo member) => member.IsDefined(typeof(System.Runtime.CompilerServices.RequiredMemberAttribute));
}
