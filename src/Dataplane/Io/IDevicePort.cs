using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Io;

/// <summary>A port that stands on a network device of the kernel, which may lose its carrier, change, vanish and come back.</summary>
public interface IDevicePort : IPacketPort
{
    /// <summary>Name of the device.</summary>
    string Device { get; }

    /// <summary>The device as last seen; null while it is gone.</summary>
    LinkInfo? Link { get; }

    /// <summary>Frames that came damaged or in a form that cannot be segmented; they are part of <see cref="PortCounters.RxDropped"/>.</summary>
    ulong RxDamaged { get; }
}
