using Gateway.Dataplane.Filter;

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
        Neighbors = new NativeMap(epochs, 64);
        Vlans = new VlanTable(epochs);
        Proxies = new ProxyTable(epochs);
        Bridges = new BridgeTable();
        Tunnels = new TunnelTable(epochs);
        IpTunnels = new IpTunnelTable(epochs);
    }

    public Epochs Epochs { get; }

    /// <summary>The rules of flows: tracking and NAT.</summary>
    public Flow.FlowTable Flows { get; } = new();

    public InterfaceTable Interfaces { get; }

    public AdjacencyTable Adjacencies { get; }

    public Fib4 Fib4 { get; }

    public Fib6 Fib6 { get; }

    public LocalAddresses Local { get; }

    public Sad Sad { get; }

    public Spd Spd { get; }

    /// <summary>Key tables of the SAs that carry packets, by worker.</summary>
    public KeyTables Keys { get; } = new();

    /// <summary>Adjacency of each known neighbor, by address and <see cref="NeighborTag"/>.</summary>
    public NativeMap Neighbors { get; }

    /// <summary>VLAN sub-interfaces by their tags.</summary>
    public VlanTable Vlans { get; }

    /// <summary>What interfaces answer ARP and neighbor discovery for besides their own addresses.</summary>
    public ProxyTable Proxies { get; }

    /// <summary>Bridges and their members.</summary>
    public BridgeTable Bridges { get; }

    /// <summary>Tunnel interfaces by their ends.</summary>
    public TunnelTable Tunnels { get; }

    /// <summary>Rules of the interfaces.</summary>
    public FilterTable Filters { get; } = new();

    /// <summary>Policies of forwarding of the interfaces.</summary>
    public Abf.AbfTable Abf { get; } = new();

    /// <summary>Policers, and what the interfaces ask of their frames.</summary>
    public Guard.GuardTable Guards { get; } = new();

    /// <summary>GRE and IP in IP interfaces by their ends.</summary>
    public IpTunnelTable IpTunnels { get; }

    /// <summary>Any own IPv4 address, for what has to be sent by an interface without one; 0 none.</summary>
    public uint AnyIp4;

    /// <summary>Any own IPv6 address that is not link-local; 0 none.</summary>
    public ulong AnyIp6High, AnyIp6Low;

    /// <summary>What each worker does at most by itself; replaced as a whole, and taken over by a worker with its next run.</summary>
    public Apply.WorkerLimits Limits = Apply.WorkerLimits.Default;

    /// <summary>Interface that takes packets for the gateway itself that nothing in the graph takes; 0 none.</summary>
    public uint PuntInterface;

    /// <summary>Whether any security policy exists. Without one lookups skip the policy nodes.</summary>
    public bool SpdActive;

    public static uint NeighborTag(uint onInterface, bool v6) => onInterface << 1 | (v6 ? 1u : 0);

    public void Dispose()
    {
        IpTunnels.Dispose();
        Tunnels.Dispose();
        Bridges.Dispose();
        Vlans.Dispose();
        Proxies.Dispose();
        Spd.Dispose();
        Sad.Dispose();
        Neighbors.Dispose();
        Local.Dispose();
        Fib6.Dispose();
        Fib4.Dispose();
        Adjacencies.Dispose();
        Interfaces.Dispose();
        Filters.Dispose();
        Abf.Dispose();
        Guards.Dispose();
        Keys.Dispose();
    }
}
