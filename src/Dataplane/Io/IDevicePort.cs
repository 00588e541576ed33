using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Io;

/// <summary>A port that stands on something that may go and come back: a network device of the kernel, or another process.</summary>
public interface IDevicePort : IPacketPort
{
    /// <summary>Name of the device; of a memif port the path of its socket.</summary>
    string Device { get; }

    /// <summary>The device as last seen; null while it is gone, and for ports without one.</summary>
    LinkInfo? Link { get; }

    /// <summary>Frames that came damaged or in a form that cannot be segmented; they are part of <see cref="PortCounters.RxDropped"/>.</summary>
    ulong RxDamaged { get; }
}
