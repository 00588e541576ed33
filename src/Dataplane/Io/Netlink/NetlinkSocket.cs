using System.Runtime.InteropServices;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>A netlink socket for requests that are answered before the next is sent. It speaks to the namespace of the thread that made it; one caller at a time.</summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    public const int Route = 0, Netfilter = 12;

    private const ushort _error = 2, _done = 3;
    private readonly Descriptor _fd;
    private readonly byte[] _buffer = new byte[256 * 1024];
    private uint _sequence = 1;

    /// <param name="protocol"><see cref="Route"/> or <see cref="Netfilter"/>.</param>
    /// <param name="groups">Multicast groups to listen to, as bits.</param>
    public NetlinkSocket(int protocol, uint groups = 0)
    {
        const int dumpStrictly = 12, extendedAcknowledge = 11;
        _fd = Libc.OpenSocket(Libc.AfNetlink, Libc.SockRaw, protocol);
        Span<byte> address = stackalloc byte[12];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)Libc.AfNetlink);
        MemoryMarshal.Write(address[8..], groups);
        Libc.Bind(_fd, address, "bind of a netlink socket");
        _ = Libc.TrySetOption(_fd, Libc.SolNetlink, extendedAcknowledge, 1);
        _ = Libc.TrySetOption(_fd, Libc.SolNetlink, dumpStrictly, 1);
    }

    public Descriptor Fd => _fd;

    /// <summary>What the kernel's message of an error said in words, when it did.</summary>
    public delegate void MessageHandler(ushort type, ReadOnlySpan<byte> payload);

    /// <summary>Sends one or several messages and waits for the acknowledgement of the last; throws what the kernel answers to any of them.</summary>
    public void Request(NetlinkMessage message, string what)
    {
        int errno = TryRequest(message, what);
        if (errno != 0) throw new KernelException(what, errno);
    }

    /// <summary>As <see cref="Request"/>, and returns the error number, 0 for done.</summary>
    public int TryRequest(NetlinkMessage message, string what)
    {
        uint sequence = ++_sequence;
        message.Number(sequence);
        Send(message, what);
        while (true)
        {
            ReadOnlySpan<byte> received = Receive(what);
            while (TryTake(ref received, out ushort type, out uint answers, out ReadOnlySpan<byte> payload))
            {
                if (type != _error) continue;
                int errno = -MemoryMarshal.Read<int>(payload);
                if (errno != 0 || answers == sequence) return errno;
            }
        }
    }

    /// <summary>Sends a dump request and hands out every message of the answer.</summary>
    public void Dump(NetlinkMessage message, string what, MessageHandler each)
    {
        uint sequence = ++_sequence;
        message.Number(sequence);
        Send(message, what);
        while (true)
        {
            ReadOnlySpan<byte> received = Receive(what);
            while (TryTake(ref received, out ushort type, out uint answers, out ReadOnlySpan<byte> payload))
            {
                if (answers != sequence) continue;
                if (type == _done) return;
                if (type == _error)
                {
                    int errno = -MemoryMarshal.Read<int>(payload);
                    if (errno != 0) throw new KernelException(what, errno);
                    continue;
                }

                each(type, payload);
            }
        }
    }

    /// <summary>Reads one datagram of notices; false when the socket ran over and some were lost.</summary>
    public bool ReadNotices(MessageHandler each)
    {
        nint got;
        fixed (byte* b = _buffer) got = Libc.Receive(_fd.Number, b, (nuint)_buffer.Length, Libc.MsgDontWait);
        if (got < 0) return Libc.LastError != Errors.NoBuffers;
        ReadOnlySpan<byte> received = _buffer.AsSpan(0, (int)got);
        while (TryTake(ref received, out ushort type, out _, out ReadOnlySpan<byte> payload)) each(type, payload);
        return true;
    }

    public void Dispose() => _fd.Dispose();

    private void Send(NetlinkMessage message, string what)
    {
        fixed (byte* m = message.Bytes)
            if (Libc.SendTo(_fd.Number, m, (nuint)message.Bytes.Length, 0, null, 0) < 0) throw Libc.Failure(what);
    }

    private ReadOnlySpan<byte> Receive(string what)
    {
        while (true)
        {
            nint got;
            fixed (byte* b = _buffer) got = Libc.Receive(_fd.Number, b, (nuint)_buffer.Length, 0);
            if (got > 0) return _buffer.AsSpan(0, (int)got);
            if (got == 0 || Libc.LastError != Errors.Interrupted) throw Libc.Failure(what);
        }
    }

    private static bool TryTake(ref ReadOnlySpan<byte> rest, out ushort type, out uint sequence, out ReadOnlySpan<byte> payload)
    {
        type = 0;
        sequence = 0;
        payload = default;
        if (rest.Length < NetlinkMessage.HeaderLength) return false;
        int length = (int)MemoryMarshal.Read<uint>(rest);
        if (length < NetlinkMessage.HeaderLength || length > rest.Length) return false;
        type = MemoryMarshal.Read<ushort>(rest[4..]);
        sequence = MemoryMarshal.Read<uint>(rest[8..]);
        payload = rest[NetlinkMessage.HeaderLength..length];
        rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        return true;
    }
}
