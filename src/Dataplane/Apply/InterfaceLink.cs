using System.Net;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>What an interface without a port of its own is made of; a closed family.</summary>
public abstract record InterfaceLink
{
    private InterfaceLink()
    {
    }

    internal abstract LinkKind Kind { get; }

    /// <summary>Frames of another interface that carry these tags.</summary>
    /// <param name="Parent">Index of the interface that carries them.</param>
    public sealed record Vlan(uint Parent, VlanTag Outer, VlanTag? Inner = null) : InterfaceLink
    {
        internal override LinkKind Kind => LinkKind.Vlan;
    }

    /// <summary>Frames of a network in UDP datagrams (RFC 7348).</summary>
    /// <param name="Vni">Number of the network, 24 bits.</param>
    /// <param name="Local">An own address.</param>
    /// <param name="Remotes">Addresses of the other ends, of the same family; what is for all goes to each.</param>
    /// <param name="Port">UDP port of all ends.</param>
    public sealed record Vxlan(uint Vni, IPAddress Local, IReadOnlyList<IPAddress> Remotes, ushort Port = 4789) : InterfaceLink
    {
        internal override LinkKind Kind => LinkKind.Vxlan;
    }

    /// <summary>IP packets, or Ethernet frames, in IP packets to one other end.</summary>
    /// <param name="Local">An own address.</param>
    /// <param name="Remote">Address of the other end, of the same family.</param>
    /// <param name="Key">GRE: number that tells tunnels between the same ends apart (RFC 2890 §2.1); null none.</param>
    /// <param name="Ttl">Time to live of outer packets.</param>
    /// <param name="Dscp">DSCP of outer packets; null copies that of the inner one.</param>
    public sealed record IpTunnel(IpTunnelKind Payload, IPAddress Local, IPAddress Remote, uint? Key = null, byte Ttl = 64, byte? Dscp = null) : InterfaceLink
    {
        internal override LinkKind Kind => LinkKind.IpTunnel;

        /// <summary>Octets of the headers that it puts around a packet or a frame.</summary>
        public int Overhead =>
            (Local.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? 40 : 20)
            + (Payload == IpTunnelKind.Ip ? 0 : Key is null ? 4 : 8)
            + (Payload == IpTunnelKind.GreEthernet ? 14 : 0);
    }
}
