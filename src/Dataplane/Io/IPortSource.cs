using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Io;

/// <summary>Where the ports of interfaces come from: devices of the host, or memory.</summary>
public interface IPortSource
{
    /// <summary>Opens a port; what stands in the way is an answer, not an exception.</summary>
    PortOpening Open(PortSpec spec, PacketPool pool);

    /// <summary>Closes a port that no worker uses any more.</summary>
    void Close(IDevicePort port);
}
