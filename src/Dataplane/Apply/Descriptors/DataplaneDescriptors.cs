using Gateway.Dataplane.Io;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>The descriptors that program a dataplane: all of them, for the one that carries packets and for its twins.</summary>
public static class DataplaneDescriptors
{
    /// <param name="dataplane">To be programmed.</param>
    /// <param name="ports">Where its ports come from.</param>
    /// <param name="wires">Ports that are made elsewhere; null as a rule.</param>
    public static IReadOnlyList<IDescriptor> Of(DataplaneControl dataplane, IPortSource ports, Func<PortSpec, Buffers.PacketPool, IPacketPort?>? wires = null) =>
    [
        new PolicerDescriptor(dataplane), new SourceLimitDescriptor(dataplane), new MacAclDescriptor(dataplane),
        new VrfDescriptor(dataplane), new InterfaceDescriptor(dataplane, ports) { Wires = wires }, new BridgeDescriptor(dataplane), new CrossConnectDescriptor(dataplane), new SpanDescriptor(dataplane),
        new GroupDescriptor(dataplane), new AclDescriptor(dataplane), new AbfPolicyDescriptor(dataplane), new RouteDescriptor(dataplane), new RouteListDescriptor(dataplane), new NeighborDescriptor(dataplane), new NatDescriptor(dataplane),
        new ConntrackDescriptor(dataplane), new LimitsDescriptor(dataplane),
    ];
}
