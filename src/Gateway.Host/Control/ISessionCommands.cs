using System.Net;

namespace Gateway.Host.Control;

/// <summary>Takes accepted commands about flows to the dataplane.</summary>
public interface ISessionCommands
{
    /// <summary>Ends the flows that are there now and for which all that is given holds; returns at once, before they have ended.</summary>
    /// <param name="vrf">Name; <c>default</c> is the default one, null any.</param>
    void Clear(IPAddress? address, string? rule, string? vrf);
}
