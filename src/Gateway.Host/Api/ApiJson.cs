using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gateway.Host.Api;

/// <summary>How answers are written: snake_case, enums in kebab-case, null left out.</summary>
public static class ApiJson
{
    public static JsonSerializerOptions Options { get; } = Make(indented: false);

    /// <summary>For people and for <c>--json</c>.</summary>
    public static JsonSerializerOptions Indented { get; } = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented)
    {
        var options = new JsonSerializerOptions(Policy.PolicyJson.Options)
        {
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            WriteIndented = indented,
            // Null is left out in writing, so a constructor parameter may be missing in reading.
            RespectRequiredConstructorParameters = false,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
