using System.Runtime.InteropServices;
using System.Text;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>What a driver tells of its device (linux/ethtool.h), in the calling thread's network namespace.</summary>
internal static unsafe class Ethtool
{
    private const nuint _ioctl = 0x8946;

    /// <summary>Receive queues that are in use; null when the driver does not tell, which then has one.</summary>
    public static int? ReceiveQueues(string device)
    {
        // struct ethtool_channels: command, most of each kind (receive, transmit, other, combined), then how many there are.
        const uint getChannels = 0x3C;
        uint* channels = stackalloc uint[9];
        new Span<uint>(channels, 9).Clear();
        channels[0] = getChannels;
        byte* request = stackalloc byte[40];
        Span<byte> bytes = new(request, 40);
        bytes.Clear();
        Encoding.ASCII.GetBytes(device, bytes[..15]);
        MemoryMarshal.Write(bytes[16..], (nint)channels);
        using Descriptor socket = Libc.OpenSocket(Libc.AfInet, Libc.SockDatagram, 0);
        if (!Libc.TryControl(socket, _ioctl, request)) return null;
        int queues = (int)(channels[5] + channels[8]);
        return queues > 0 ? queues : null;
    }
}
