namespace Gateway.Dataplane.Tables;

/// <summary>The security policy database: one ordered set of rules per address family. Packets that no rule selects are let through in the clear.</summary>
internal sealed class Spd(Epochs epochs) : IDisposable
{
    public SpdTable<uint> V4 { get; } = new(epochs);

    public SpdTable<UInt128> V6 { get; } = new(epochs);

    public int Count => V4.Count + V6.Count;

    public void Dispose()
    {
        V6.Dispose();
        V4.Dispose();
    }
}
