using System.Runtime.InteropServices;
using System.Text;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>A queue of a TAP device made through /dev/net/tun; the device lives as long as it has one. Every frame has a vnet header, and the kernel may hand over super-packets.</summary>
internal sealed unsafe class TapDevice : IDisposable
{
    /// <summary>Bytes of the vnet header in front of each frame.</summary>
    public const int VnetLength = 10;

    private const nuint _setInterface = 0x400454CA, _setOffload = 0x400454D0, _setVnetLength = 0x400454D8;

    /// <summary>Makes a device with that many queues.</summary>
    public static IReadOnlyList<TapDevice> Make(string name, int queues)
    {
        List<TapDevice> made = [];
        try
        {
            while (made.Count < queues) made.Add(new TapDevice(name, isFirst: made.Count == 0, isOneOfMany: queues > 1));
            return made;
        }
        catch
        {
            foreach (TapDevice queue in made) queue.Dispose();
            throw;
        }
    }

    private TapDevice(string name, bool isFirst, bool isOneOfMany)
    {
        const int readWriteNonBlocking = 2 | 0x800;
        Fd = Libc.OpenFile("/dev/net/tun", readWriteNonBlocking);
        try
        {
            // struct ifreq: name in 16 bytes, then flags.
            const int tap = 2, multiQueue = 0x100, noPacketInformation = 0x1000, vnetHeader = 0x4000, exclusive = 0x8000;
            byte* request = stackalloc byte[40];
            Span<byte> bytes = new(request, 40);
            bytes.Clear();
            Encoding.ASCII.GetBytes(name, bytes[..15]);
            MemoryMarshal.Write(bytes[16..], (ushort)(tap | noPacketInformation | vnetHeader | (isFirst ? exclusive : 0) | (isOneOfMany ? multiQueue : 0)));
            Libc.Control(Fd, _setInterface, request, "making of TAP device " + name);
            int length = VnetLength;
            Libc.Control(Fd, _setVnetLength, &length, "TUNSETVNETHDRSZ");

            // Checksums, TCP segmentation with ECN, and UDP segmentation where the kernel knows it (6.2).
            const uint checksumAndTcp = 0x1 | 0x2 | 0x4 | 0x8, udp = 0x20 | 0x40;
            if (!Libc.TryControl(Fd, _setOffload, (void*)(checksumAndTcp | udp))) Libc.Control(Fd, _setOffload, (void*)checksumAndTcp, "TUNSETOFFLOAD");
        }
        catch
        {
            Fd.Dispose();
            throw;
        }
    }

    public Descriptor Fd { get; }

    public void Dispose() => Fd.Dispose();
}
