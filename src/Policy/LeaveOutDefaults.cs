using System.Collections;
using System.Reflection;
using System.Text.Json.Serialization.Metadata;

namespace Gateway.Policy;

/// <summary>
/// Leaves a member out of the JSON when it has the value that reading gives it anyway: the initialiser's or the optional parameter's.
/// The zero of the type is not that value: <c>enabled: false</c> must be written, because a missing <c>enabled</c> reads as true.
/// </summary>
internal static class LeaveOutDefaults
{
    public static void Of(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object || type.Type.Assembly != typeof(LeaveOutDefaults).Assembly) return;
        // What is computed from the other members is not said twice.
        for (var i = type.Properties.Count - 1; i >= 0; i--)
            if (type.Properties[i] is { Set: null, AssociatedParameter: null }) type.Properties.RemoveAt(i);
        var prototype = Prototype(type.Type);
        foreach (var property in type.Properties)
        {
            if (property.AssociatedParameter is { HasDefaultValue: false, IsNullable: true }) property.IsRequired = false;
            if (property.IsRequired) continue;
            var normal = Normal(property, prototype);
            property.ShouldSerialize = (_, value) => !IsSame(value, normal);
        }
    }

    private static object? Normal(JsonPropertyInfo property, object? prototype)
    {
        if (property.AssociatedParameter is not { } parameter) return prototype is null ? null : property.Get?.Invoke(prototype);
        // Metadata has null for the default of a value type; what the reader then takes is its zero.
        return !parameter.HasDefaultValue ? null
            : parameter.DefaultValue ?? (parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null);
    }

    internal static object? Prototype(Type type) =>
        !type.IsAbstract && type.GetConstructor(BindingFlags.Public | BindingFlags.Instance, []) is { } make ? make.Invoke(null) : null;

    private static bool IsSame(object? value, object? normal) =>
        Equals(value, normal) || (value is ICollection { Count: 0 } && normal is ICollection { Count: 0 });
}
