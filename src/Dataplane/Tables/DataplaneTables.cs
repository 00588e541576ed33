namespace Gateway.Dataplane.Tables;

/// <summary>All tables that workers read. Changed by the control side alone, one change at a time.</summary>
internal sealed class DataplaneTables : IDisposable
{
    public DataplaneTables(Epochs epochs)
    {
        Epochs = epochs;
        Interfaces = new InterfaceTable();
        Adjacencies = new AdjacencyTable(epochs);
        Fib4 = new Fib4(epochs);
        Fib6 = new Fib6(epochs);
        Local = new LocalAddresses(epochs);
        Sad = new Sad(epochs);
        Spd = new Spd(epochs);
    }

    public Epochs Epochs { get; }

    public InterfaceTable Interfaces { get; }

    public AdjacencyTable Adjacencies { get; }

    public Fib4 Fib4 { get; }

    public Fib6 Fib6 { get; }

    public LocalAddresses Local { get; }

    public Sad Sad { get; }

    public Spd Spd { get; }

    /// <summary>Interface that takes packets for the gateway itself that nothing in the graph takes; 0 none.</summary>
    public uint PuntInterface;

    /// <summary>Whether any security policy exists. Without one lookups skip the policy nodes.</summary>
    public bool SpdActive;

    public void Dispose()
    {
        Spd.Dispose();
        Sad.Dispose();
        Local.Dispose();
        Fib6.Dispose();
        Fib4.Dispose();
        Adjacencies.Dispose();
        Interfaces.Dispose();
    }
}
