using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>How the kernel describes work it left undone on a frame: <c>struct virtio_net_hdr</c> of linux/virtio_net.h, in the machine's byte order.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2, Size = 10)]
internal struct VnetHeader
{
    public VnetFlags Flags;
    public VnetGso Gso;

    /// <summary>Bytes of headers that each segment repeats; a hint.</summary>
    public ushort HeaderLength;

    /// <summary>Bytes of payload in each segment but the last.</summary>
    public ushort SegmentSize;

    /// <summary>Where the checksum begins, from the start of the frame.</summary>
    public ushort ChecksumStart;

    /// <summary>Where the checksum is stored, from <see cref="ChecksumStart"/>.</summary>
    public ushort ChecksumOffset;
}

[Flags]
internal enum VnetFlags : byte
{
    None = 0,

    /// <summary>The checksum field holds the pseudo header's sum only; the rest is ours to add.</summary>
    NeedsChecksum = 1,

    /// <summary>The device verified the checksum.</summary>
    DataValid = 2,
}

/// <summary>The kind of super-packet, the ECN bit apart.</summary>
internal enum VnetGso : byte
{
    None = 0,
    Tcp4 = 1,

    /// <summary>IPv4 fragmentation of one large UDP datagram, which kernels gave up in 4.14.</summary>
    UdpFragments = 3,
    Tcp6 = 4,

    /// <summary>Many UDP datagrams of one flow behind one header (UDP_SEGMENT).</summary>
    UdpDatagrams = 5,

    /// <summary>Bit beside Tcp4 and Tcp6: the packet carries CWR.</summary>
    Ecn = 0x80,
}
