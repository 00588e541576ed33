using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Host.Control;

namespace Gateway.Host.Runtime;

/// <summary>Carries commands about flows out.</summary>
internal sealed class FlowCommands(FlowControl flows) : ISessionCommands
{
    public void Clear(IPAddress? address, string? rule, string? vrf) => flows.Clear(address, rule, vrf);
}
