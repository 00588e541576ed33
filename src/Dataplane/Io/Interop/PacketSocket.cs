using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>
/// An AF_PACKET socket on one device with its two memory-mapped rings (packet(7); Documentation/networking/packet_mmap.rst), TPACKET_V2, every frame with a vnet header.
/// Ring frames are small: what is longer than one comes whole through <see cref="Libc.Receive"/> (PACKET_COPY_THRESH), so that 64 KB super-packets need no ring of 128 KB frames.
/// </summary>
internal sealed unsafe class PacketSocket : IDisposable
{
    /// <summary>Fields of struct tpacket2_hdr.</summary>
    public const int Status = 0, Length = 4, Captured = 8, MacOffset = 12, VlanTci = 24, VlanTpid = 26;

    /// <summary>Where a frame to send begins in its ring frame: behind the aligned header.</summary>
    public const int TxData = 32;

    /// <summary>Received status: it is ours; a whole copy waits in the socket's queue; frames were lost before it; a VLAN tag stands beside it, with its TPID.</summary>
    public const uint User = 1, Copied = 2, Losing = 4, HasVlan = 16, HasVlanTpid = 64;

    /// <summary>Sending status; zero means free.</summary>
    public const uint SendRequest = 1, Sending = 2;

    private const int _version = 10, _rxRing = 5, _statistics = 6, _copyThreshold = 7, _txRing = 13, _loss = 14, _vnetHeader = 15, _qdiscBypass = 20, _ignoreOutgoing = 23, _addMembership = 1;
    private const int _fanout = 18;
    private const int _blockSize = 64 * 1024;
    private readonly Descriptor _fd;
    private readonly byte* _map;
    private readonly nuint _mapLength;

    /// <summary>Sockets on one device between which the kernel spreads what arrives; a single one gets all.</summary>
    /// <param name="device">Index of the device.</param>
    /// <param name="mtu">The device's MTU; frames of both rings hold one packet of it.</param>
    /// <param name="count">How many.</param>
    public static IReadOnlyList<PacketSocket> Group(int device, int mtu, int count)
    {
        if (count == 1) return [new PacketSocket(device, mtu)];
        List<PacketSocket> made = [];
        try
        {
            while (made.Count < count)
            {
                PacketSocket socket = new(device, mtu, silent: true);
                made.Add(socket);
                socket.Join(made[0]);
            }

            return made;
        }
        catch
        {
            foreach (PacketSocket socket in made) socket.Dispose();
            throw;
        }
    }

    /// <param name="silent">Receives nothing until it is in its group; or it would have every packet that another one has too.</param>
    private PacketSocket(int device, int mtu, bool silent = false)
    {
        const int everyProtocol = 0x0300; // ETH_P_ALL in network order
        FrameSize = mtu <= 1900 ? 2048 : mtu <= 3900 ? 4096 : 16384;
        RxFrames = FrameSize == 16384 ? 1024 : 4096;
        TxFrames = RxFrames / 8; // Sending is done when the call returns, so this ring only ever holds a few batches.
        _fd = Libc.OpenSocket(Libc.AfPacket, Libc.SockRaw, 0);
        try
        {
            Libc.SetOption(_fd, Libc.SolPacket, _version, 1, "PACKET_VERSION");
            Libc.SetOption(_fd, Libc.SolPacket, _vnetHeader, 1, "PACKET_VNET_HDR");
            Libc.SetOption(_fd, Libc.SolPacket, _loss, 1, "PACKET_LOSS");
            Libc.SetOption(_fd, Libc.SolPacket, _copyThreshold, 1, "PACKET_COPY_THRESH");
            Libc.SetOption(_fd, Libc.SolPacket, _ignoreOutgoing, 1, "PACKET_IGNORE_OUTGOING");

            // The gateway does its own queueing, and egress hooks of the host are not for its packets.
            Libc.SetOption(_fd, Libc.SolPacket, _qdiscBypass, 1, "PACKET_QDISC_BYPASS");
            GrowBuffers();
            SetRing(_rxRing, RxFrames, "PACKET_RX_RING");
            SetRing(_txRing, TxFrames, "PACKET_TX_RING");
            _mapLength = (nuint)(RxFrames + TxFrames) * (nuint)FrameSize;
            _map = Libc.MapShared(_fd, _mapLength);

            // struct packet_mreq: index, type promiscuous, no address. It ends with the socket.
            Span<int> membership = [device, 1, 0, 0];
            Libc.SetOption(_fd, Libc.SolPacket, _addMembership, MemoryMarshal.AsBytes(membership), "promiscuous mode");

            if (silent) SetFilter(attach: true);

            // struct sockaddr_ll; packets arrive from here on.
            Span<byte> address = stackalloc byte[20];
            address.Clear();
            MemoryMarshal.Write(address, (ushort)Libc.AfPacket);
            MemoryMarshal.Write(address[2..], (ushort)everyProtocol);
            MemoryMarshal.Write(address[4..], device);
            Libc.Bind(_fd, address, "bind of a packet socket");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Descriptor Fd => _fd;

    /// <summary>Bytes of a ring frame with its header.</summary>
    public int FrameSize { get; }

    public int RxFrames { get; }

    public int TxFrames { get; }

    public byte* RxFrame(int at) => _map + (nuint)at * (nuint)FrameSize;

    public byte* TxFrame(int at) => _map + (nuint)(RxFrames + at) * (nuint)FrameSize;

    /// <summary>Joins the group of the first socket, or makes one when this is the first; from here on packets arrive.</summary>
    private void Join(PacketSocket first)
    {
        // By flow; like PACKET_IGNORE_OUTGOING, which the group needs as a flag of its own; under a number that the kernel chooses for the first.
        const int hash = 0, ignoreOutgoing = 0x4000, uniqueNumber = 0x2000;
        if (first == this)
        {
            Libc.SetOption(_fd, Libc.SolPacket, _fanout, (hash | ignoreOutgoing | uniqueNumber) << 16, "PACKET_FANOUT");
        }
        else
        {
            int group = 0;
            if (!Libc.TryGetOption(first._fd.Number, Libc.SolPacket, _fanout, &group, sizeof(int))) throw Libc.Failure("PACKET_FANOUT");
            Libc.SetOption(_fd, Libc.SolPacket, _fanout, (group & 0xFFFF) | (hash | ignoreOutgoing) << 16, "PACKET_FANOUT");
        }

        SetFilter(attach: false);
    }

    /// <summary>A filter of one instruction, which takes nothing.</summary>
    private void SetFilter(bool attach)
    {
        const int attachFilter = 26, detachFilter = 27;
        const ulong returnZero = 0x06;
        if (!attach)
        {
            Libc.SetOption(_fd, Libc.SolSocket, detachFilter, 0, "SO_DETACH_FILTER");
            return;
        }

        // struct sock_fprog: the number of instructions, and where they are.
        ulong instruction = returnZero;
        Span<ulong> program = [1, (ulong)(nint)(&instruction)];
        Libc.SetOption(_fd, Libc.SolSocket, attachFilter, MemoryMarshal.AsBytes(program), "SO_ATTACH_FILTER");
    }

    /// <summary>How many packets the kernel lost because the ring was full, since the last question.</summary>
    public uint ReadLosses()
    {
        ulong packetsAndDrops = 0;
        return Libc.TryGetOption(_fd.Number, Libc.SolPacket, _statistics, &packetsAndDrops, sizeof(ulong)) ? (uint)(packetsAndDrops >> 32) : 0;
    }

    /// <summary>Takes a pending socket error away, which would otherwise keep poll(2) from sleeping.</summary>
    public int TakeError()
    {
        const int error = 4;
        int value = 0;
        return Libc.TryGetOption(_fd.Number, Libc.SolSocket, error, &value, sizeof(int)) ? value : 0;
    }

    public void Dispose()
    {
        if (_fd.IsClosed) return;
        if (_map != null) Libc.Unmap(_map, _mapLength);
        _fd.Dispose();
    }

    /// <summary>struct tpacket_req: block size, blocks, frame size, frames.</summary>
    private void SetRing(int option, int frames, string what)
    {
        Span<uint> ring = [_blockSize, (uint)(frames * FrameSize / _blockSize), (uint)FrameSize, (uint)frames];
        Libc.SetOption(_fd, Libc.SolPacket, option, MemoryMarshal.AsBytes(ring), what);
    }

    /// <summary>Room for whole super-packets in the socket's queue, and for a full ring on its way out; beyond the system's limit, which CAP_NET_ADMIN may.</summary>
    private void GrowBuffers()
    {
        const int receiveForce = 33, sendForce = 32, receive = 8, send = 7, bytes = 32 << 20;
        if (!Libc.TrySetOption(_fd, Libc.SolSocket, receiveForce, bytes)) _ = Libc.TrySetOption(_fd, Libc.SolSocket, receive, bytes);
        if (!Libc.TrySetOption(_fd, Libc.SolSocket, sendForce, bytes)) _ = Libc.TrySetOption(_fd, Libc.SolSocket, send, bytes);
    }
}
