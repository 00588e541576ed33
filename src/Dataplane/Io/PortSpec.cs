using System.Net.NetworkInformation;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Io;

/// <summary>Which port to open.</summary>
public abstract record PortSpec
{
    private PortSpec(string device) => Device = device;

    /// <summary>Name of the kernel's device, at most 15 characters.</summary>
    public string Device { get; }

    /// <summary>Largest IP packet, bytes; null takes the device's (1500 for a TAP).</summary>
    public int? Mtu { get; init; }

    /// <summary>A device of the host, which its kernel gives up.</summary>
    public abstract record HostDevice : PortSpec
    {
        private protected HostDevice(string device)
            : base(device)
        {
        }

        /// <summary>Take it although the host has addresses or its default route there.</summary>
        public bool TakeOver { get; init; }
    }

    /// <summary>A device of the host through AF_PACKET, which every device can.</summary>
    public sealed record AfPacket(string Device) : HostDevice(Device)
    {
        /// <summary>Sockets between which the kernel spreads flows (PACKET_FANOUT), 1 to 64.</summary>
        public int Queues { get; init; } = 1;
    }

    /// <summary>A device of the host through AF_XDP.</summary>
    public sealed record AfXdp(string Device) : HostDevice(Device)
    {
        /// <summary>Where in the kernel packets are taken.</summary>
        public XdpMode Mode { get; init; }

        /// <summary>Receive queues that the device must have; null takes as many as it has.</summary>
        public int? Queues { get; init; }
    }

    /// <summary>A TAP device to be made.</summary>
    public sealed record Tap(string Device) : PortSpec(Device)
    {
        /// <summary>MAC address of the device, the host's end; null lets the kernel choose.</summary>
        public PhysicalAddress? DeviceMac { get; init; }

        /// <summary>Queues of the device (IFF_MULTI_QUEUE), 1 to 64.</summary>
        public int Queues { get; init; } = 1;

        /// <summary>A namespace file (<c>/run/netns/NAME</c>) to put the device into; null leaves it with the host.</summary>
        public string? Namespace { get; init; }
    }

    /// <summary>Memory shared with another process, agreed upon over a socket (memif, protocol 2.0). <see cref="PortSpec.Device"/> is the interface's name, for messages and the MAC address.</summary>
    public sealed record Memif(string Name) : PortSpec(Name)
    {
        /// <summary>Path of the control socket, at most 107 bytes.</summary>
        public required string Socket { get; init; }

        /// <summary>The interface among those of one socket.</summary>
        public uint Id { get; init; }

        /// <summary>A server listens and takes the client's memory; a client connects and gives memory.</summary>
        public bool IsServer { get; init; } = true;

        /// <summary>Client: slots of a ring, a power of two up to 16384.</summary>
        public int RingSize { get; init; } = 1024;

        /// <summary>Client: bytes of a slot's buffer; longer frames take several.</summary>
        public int BufferSize { get; init; } = 2048;

        /// <summary>Client: rings in each direction, at most 8.</summary>
        public int Queues { get; init; } = 1;
    }
}

/// <summary>What became of opening a port.</summary>
public abstract record PortOpening
{
    private PortOpening()
    {
    }

    /// <param name="Port">Belongs to the caller; disposing it, after its worker let go, gives the device back to the host.</param>
    /// <param name="Mac">The address to use on the wire: the device's own, or for a TAP one that is not the device's.</param>
    /// <param name="Mtu">Largest IP packet, bytes.</param>
    public sealed record Opened(IDevicePort Port, PhysicalAddress Mac, int Mtu) : PortOpening;

    /// <summary>There is no such device (yet); <see cref="PortFactory.LinkChanged"/> tells when it appears.</summary>
    public sealed record DeviceMissing(string Device) : PortOpening;

    /// <summary>The device is there but must not, or cannot, be used.</summary>
    public sealed record Refused(string Reason) : PortOpening;

    /// <summary>The process lacks a Linux capability, such as CAP_NET_ADMIN.</summary>
    public sealed record NoPermission(string Capability) : PortOpening;
}
