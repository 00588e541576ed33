using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>What an interface asks of its frames.</summary>
public sealed record GuardBinding
{
    /// <summary>Name of the policer for what comes in; null none.</summary>
    public string? PolicerIn { get; init; }

    /// <summary>Name of the policer for what leaves; null none.</summary>
    public string? PolicerOut { get; init; }

    /// <summary>The policers that it names.</summary>
    public IEnumerable<string> Names()
    {
        if (PolicerIn is not null) yield return PolicerIn;
        if (PolicerOut is not null && PolicerOut != PolicerIn) yield return PolicerOut;
    }
}

/// <summary>Packets and octets of one color.</summary>
public sealed record ColorCount(ulong Packets, ulong Bytes);

/// <summary>A row of `show policers`.</summary>
/// <param name="Interfaces">Where it is asked, as `in lan` or `out wan`.</param>
public sealed record PolicerRow(string Name, PolicerSpec Spec, IReadOnlyList<string> Interfaces, ColorCount Green, ColorCount Yellow, ColorCount Red);
