namespace Gateway.Dataplane.Tables;

/// <summary>The security policy database: one ordered set of rules per address family, and one more for what is routed into ipsec interfaces. Packets that no rule selects are let through in the clear.</summary>
internal sealed class Spd(Epochs epochs) : IDisposable
{
    public SpdTable<uint> V4 { get; } = new(epochs);

    public SpdTable<UInt128> V6 { get; } = new(epochs);

    /// <summary>The rules that concern only what is routed into an ipsec interface, each with the interface's if_id. Whom none selects is refused.</summary>
    public SpdTable<uint> Routed4 { get; } = new(epochs);

    /// <inheritdoc cref="Routed4"/>
    public SpdTable<UInt128> Routed6 { get; } = new(epochs);

    public int Count => V4.Count + V6.Count + Routed4.Count + Routed6.Count;

    public void Dispose()
    {
        Routed6.Dispose();
        Routed4.Dispose();
        V6.Dispose();
        V4.Dispose();
    }
}
