using System.Net.NetworkInformation;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Explain;

/// <summary>What is known of a device: what an item does not say of its interface.</summary>
/// <param name="Mac">Null one made up from the name.</param>
/// <param name="Mtu">Largest IP packet, bytes.</param>
public sealed record DeviceFacts(PhysicalAddress? Mac = null, int Mtu = 1500, bool IsUp = true);

/// <summary>Memory in place of every device.</summary>
internal sealed class TwinPorts(Func<string, DeviceFacts?> deviceOf) : IPortSource
{
    private readonly List<TwinPort> _open = [];

    /// <summary>The ports that are open.</summary>
    public IReadOnlyList<TwinPort> Ports => _open;

    public PortOpening Open(PortSpec spec, PacketPool pool)
    {
        if (deviceOf(spec.Device) is not { } device) return new PortOpening.DeviceMissing(spec.Device);
        var port = new TwinPort(spec.Device, new InMemoryPort(pool, 256), device.IsUp);
        _open.Add(port);
        return new PortOpening.Opened(port, device.Mac ?? MadeUp(spec.Device), spec.Mtu ?? device.Mtu);
    }

    public void Close(IDevicePort port)
    {
        _open.Remove((TwinPort)port);
        port.Dispose();
    }

    private static PhysicalAddress MadeUp(string device)
    {
        var bytes = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(device))[..6];
        bytes[0] = (byte)((bytes[0] & 0xFC) | 2);
        return new PhysicalAddress(bytes);
    }
}

/// <summary>A port of a twin, in the name of a device.</summary>
internal sealed class TwinPort(string device, InMemoryPort memory, bool hasLink) : IDevicePort
{
    public InMemoryPort Memory => memory;

    public string Device => device;

    /// <summary>The device has a link, in what the twin stands for.</summary>
    public bool HasLink => hasLink;

    public LinkInfo? Link => null;

    public ulong RxDamaged => 0;

    public string Kind => memory.Kind;

    public int PollFd => -1;

    public bool IsUp => memory.IsUp;

    public PortCounters Counters => memory.Counters;

    public int Receive(Span<uint> indices) => memory.Receive(indices);

    public int Transmit(ReadOnlySpan<uint> indices) => memory.Transmit(indices);

    public bool PrepareToSleep() => memory.PrepareToSleep();

    public void Dispose() => memory.Dispose();
}
