using System.Runtime.InteropServices;
using System.Text;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>A TAP device made through /dev/net/tun; it lives as long as its descriptor. Every frame has a vnet header, and the kernel may hand over super-packets.</summary>
internal sealed unsafe class TapDevice : IDisposable
{
    /// <summary>Bytes of the vnet header in front of each frame.</summary>
    public const int VnetLength = 10;

    private const nuint _setInterface = 0x400454CA, _setOffload = 0x400454D0, _setVnetLength = 0x400454D8;

    public TapDevice(string name)
    {
        const int readWriteNonBlocking = 2 | 0x800;
        Fd = Libc.OpenFile("/dev/net/tun", readWriteNonBlocking);
        try
        {
            // struct ifreq: name in 16 bytes, then flags.
            const ushort tap = 2, noPacketInformation = 0x1000, vnetHeader = 0x4000, exclusive = 0x8000;
            byte* request = stackalloc byte[40];
            Span<byte> bytes = new(request, 40);
            bytes.Clear();
            Encoding.ASCII.GetBytes(name, bytes[..15]);
            MemoryMarshal.Write(bytes[16..], (ushort)(tap | noPacketInformation | vnetHeader | exclusive));
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
