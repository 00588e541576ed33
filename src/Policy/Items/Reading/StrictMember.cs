using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization.Metadata;

namespace Gateway.Policy.Items.Reading;

/// <summary>What <see cref="StrictJson"/> must know of one member of a record; asked of its attributes once, as that takes longer than reading a command.</summary>
/// <param name="IsOwn">The gateway's own: a command cannot give it.</param>
internal sealed record StrictMember(Type Type, bool IsOwn, (long Low, long High)? Range)
{
    private static readonly ConcurrentDictionary<Type, FrozenDictionary<string, StrictMember>> _known = [];

    /// <summary>The members of a record by their JSON names.</summary>
    public static FrozenDictionary<string, StrictMember> Of(JsonTypeInfo info) => _known.GetOrAdd(info.Type, static (_, i) => Read(i), info);

    private static FrozenDictionary<string, StrictMember> Read(JsonTypeInfo info) => info.Properties.ToFrozenDictionary(p => p.Name, p => new StrictMember(
        p.PropertyType,
        p.AttributeProvider?.IsDefined(typeof(NotFromCommandsAttribute), true) == true,
        p.AttributeProvider?.GetCustomAttributes(typeof(RangeAttribute), true) is [RangeAttribute range, ..] ? StrictJson.Bounds(range) : null));
}
