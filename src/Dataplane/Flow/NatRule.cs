using System.Net;

namespace Gateway.Dataplane.Flow;

/// <summary>A rule of NAT44. Addresses are IPv4.</summary>
public abstract record NatRule
{
    private NatRule()
    {
    }

    /// <summary>Name of the item.</summary>
    public required string Name { get; init; }

    /// <summary>Rules of lower order are asked first; those of one order by name.</summary>
    public int Order { get; init; }

    /// <summary>Name of the VRF of the inside hosts; null the default one.</summary>
    public string? Vrf { get; init; }

    /// <summary>Name of the VRF of the outside addresses; null that of the interface which the rule names, else <see cref="Vrf"/>.</summary>
    public string? OutsideVrf { get; init; }

    /// <summary>Flows from some networks leave with other source addresses.</summary>
    public sealed record Source : NatRule
    {
        /// <summary>The networks; none means all.</summary>
        public IReadOnlyList<IPNetwork> From { get; init; } = [];

        /// <summary>The interface that they leave by; null any.</summary>
        public string? OutInterface { get; init; }

        /// <summary>First and last address of each range; none means the address of the interface.</summary>
        public IReadOnlyList<(IPAddress First, IPAddress Last)> Addresses { get; init; } = [];

        /// <summary>Leave such flows as they are.</summary>
        public bool Exempt { get; init; }

        public int FirstPort { get; init; } = NatPorts.DefaultFirst;

        public int LastPort { get; init; } = NatPorts.DefaultLast;

        /// <summary>Also what a security policy protects.</summary>
        public bool Protected { get; init; }

        /// <summary>Hosts get their ports in blocks of so many; 0 one by one.</summary>
        public int BlockSize { get; init; }

        /// <summary>Blocks that a host may have at a time.</summary>
        public int BlocksPerHost { get; init; } = 1;
    }

    /// <summary>An outside address, or one of its ports, is an inside host.</summary>
    public sealed record Static : NatRule
    {
        public required IPAddress Outside { get; init; }

        public required IPAddress Inside { get; init; }

        /// <summary>0: the whole address, every protocol.</summary>
        public byte Protocol { get; init; }

        public int OutsidePort { get; init; }

        public int InsidePort { get; init; }
    }

    /// <summary>A port of an outside address is served by several hosts.</summary>
    public sealed record Service : NatRule
    {
        public required IPAddress Outside { get; init; }

        public required byte Protocol { get; init; }

        public required int OutsidePort { get; init; }

        public required IReadOnlyList<NatBackend> Backends { get; init; }

        /// <summary>All flows of one source go to one host.</summary>
        public bool Affinity { get; init; }
    }
}

/// <summary>A host behind a service.</summary>
public readonly record struct NatBackend(IPAddress Address, int Port, int Weight);

/// <summary>What holds of ports.</summary>
public static class NatPorts
{
    /// <summary>Below the ports that hosts take for their own connections, so that an interface's address can be shared with the gateway's host.</summary>
    public const int DefaultFirst = 1024;

    public const int DefaultLast = 32767;
}
