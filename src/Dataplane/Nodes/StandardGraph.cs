using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;

namespace Gateway.Dataplane.Nodes;

/// <summary>The nodes of a gateway in the order in which packets meet them. A new node is a row here and an edge in the node before it.</summary>
internal static class StandardGraph
{
    public static GraphDefinition Create() => new(
    [
        NodeRegistration.Of<SpanInput>(),
        NodeRegistration.Of<GuardInput>(),
        NodeRegistration.Of<EthernetInput>(),
        NodeRegistration.Of<VlanInput>(),
        NodeRegistration.Of<BridgeInput>(),
        NodeRegistration.Of<CrossConnect>(),
        NodeRegistration.Of<ArpInput>(),
        NodeRegistration.Of<Ip4Input>(),
        NodeRegistration.Of<Ip6Input>(),
        NodeRegistration.Of<Ip4FlowInput>(),
        NodeRegistration.Of<Ip6FlowInput>(),
        NodeRegistration.Of<AclInput<FilterIp4>>(),
        NodeRegistration.Of<AclInput<FilterIp6>>(),
        NodeRegistration.Of<Ip4NatTarget>(),
        NodeRegistration.Of<Ip4Lookup>(),
        NodeRegistration.Of<Ip6Lookup>(),
        NodeRegistration.Of<Ip4Local>(),
        NodeRegistration.Of<Ip6Local>(),
        NodeRegistration.Of<IpReassembly<Fragments4>>(),
        NodeRegistration.Of<IpReassembly<Fragments6>>(),
        NodeRegistration.Of<NdInput>(),
        NodeRegistration.Of<EspDecrypt<OuterIp4>>(),
        NodeRegistration.Of<EspDecrypt<OuterIp6>>(),
        NodeRegistration.Of<IkePunt>(),
        NodeRegistration.Of<SpdInput<PolicyIp4, uint>>(),
        NodeRegistration.Of<SpdInput<PolicyIp6, UInt128>>(),
        NodeRegistration.Of<Ip4Deliver>(),
        NodeRegistration.Of<Ip6Deliver>(),
        NodeRegistration.Of<VxlanDecap>(),
        NodeRegistration.Of<IpTunnelDecap>(),
        NodeRegistration.Of<HostPunt>(),
        NodeRegistration.Of<SpdOutput<PolicyIp4, uint>>(),
        NodeRegistration.Of<SpdOutput<PolicyIp6, UInt128>>(),
        NodeRegistration.Of<AclOutput<FilterIp4>>(),
        NodeRegistration.Of<AclOutput<FilterIp6>>(),
        NodeRegistration.Of<Ip4FlowOutput>(),
        NodeRegistration.Of<Ip6FlowOutput>(),
        NodeRegistration.Of<Ip4Fragment>(),
        NodeRegistration.Of<Ip6Fragment>(),
        NodeRegistration.Of<EspEncrypt<InnerIp4>>(),
        NodeRegistration.Of<EspEncrypt<InnerIp6>>(),
        NodeRegistration.Of<Ip4Rewrite>(),
        NodeRegistration.Of<Ip6Rewrite>(),
        NodeRegistration.Of<TunnelOutput<PolicyIp4, uint>>(),
        NodeRegistration.Of<TunnelOutput<PolicyIp6, UInt128>>(),
        NodeRegistration.Of<NeighborResolve>(),
        NodeRegistration.Of<Icmp4Error>(),
        NodeRegistration.Of<Icmp6Error>(),
        NodeRegistration.Of<TcpReset<ResetIp4>>(),
        NodeRegistration.Of<TcpReset<ResetIp6>>(),
        NodeRegistration.Of<VlanOutput>(),
        NodeRegistration.Of<VxlanEncap>(),
        NodeRegistration.Of<IpTunnelEncap>(),
        NodeRegistration.Of<InterfaceOutput>(),
    ]);
}
