using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>
/// One frame that stands for many (TCP segmentation, UDP_SEGMENT), given back segment by segment: lengths, IPv4 identification, TCP sequence numbers and flags, and all checksums as if each had
/// been sent alone. It holds a place in the frame, so that a burst may be continued later; the frame must stay where it is until <see cref="Done"/>.
/// </summary>
internal unsafe struct SuperPacket
{
    /// <summary>More than the kernel ever makes of 64 KB (its smallest TCP segment is 48 bytes, its largest UDP burst 128).</summary>
    private const int _maxSegments = 2048;

    /// <summary>Headers longer than this are not worth the room they take in every segment; no real sender makes them.</summary>
    private const int _maxHeaders = 512;

    private const int _tcpSequence = 4, _tcpFlags = 13, _tcpChecksum = 16, _udpLength = 4, _udpChecksum = 6;
    private const byte _fin = 0x01, _psh = 0x08, _cwr = 0x80;

    private byte* _frame;
    private FrameLayout _layout;
    private ulong _addresses;
    private int _payload;
    private int _segmentSize;
    private int _given;
    private int _segments;
    private bool _noUdpChecksum;

    /// <summary>Bytes of headers in front of each segment's payload, from Ethernet on.</summary>
    public int HeaderLength { get; private set; }

    /// <summary>Whether the last segment was given.</summary>
    public readonly bool Done => _segments > 0 && _given >= _payload;

    /// <summary>Bytes of payload in the next segment.</summary>
    public readonly int NextPayload => Math.Min(_segmentSize, _payload - _given);

    /// <summary>Where the next segment's payload lies.</summary>
    public readonly byte* Payload => _frame + HeaderLength + _given;

    public static OffloadFault Begin(byte* frame, int length, in VnetHeader header, out SuperPacket packet)
    {
        packet = default;
        VnetGso kind = header.Gso & ~VnetGso.Ecn;
        if (kind is not (VnetGso.Tcp4 or VnetGso.Tcp6 or VnetGso.UdpDatagrams)) return OffloadFault.UnknownKind;
        if (header.SegmentSize == 0) return OffloadFault.SegmentSize;
        if (!FrameLayout.TryRead(frame, length, out FrameLayout layout)) return OffloadFault.HeadersDisagree;
        bool tcp = kind != VnetGso.UdpDatagrams;
        if (layout.Protocol != (tcp ? FrameLayout.Tcp : FrameLayout.Udp)) return OffloadFault.HeadersDisagree;
        if (tcp && layout.IsIpv6 != (kind == VnetGso.Tcp6)) return OffloadFault.HeadersDisagree;
        if ((header.Flags & VnetFlags.NeedsChecksum) != 0 && header.ChecksumStart != layout.L4) return OffloadFault.HeadersDisagree;

        byte* l4 = frame + layout.L4;
        int l4Length = 8;
        if (layout.L4 + (tcp ? 20 : 8) > length) return OffloadFault.Truncated;
        if (tcp && (l4Length = (l4[12] >> 4) * 4) < 20) return OffloadFault.HeadersDisagree;
        packet.HeaderLength = layout.L4 + l4Length;
        if (packet.HeaderLength > length) return OffloadFault.Truncated;
        if (packet.HeaderLength > _maxHeaders) return OffloadFault.HeadersDisagree;

        // The frame may carry a trailer, so the IP header has the say, except where it is too narrow to (zero).
        byte* ip = frame + layout.L3;
        int stated = layout.IsIpv6 ? ReadBe16(ip + 4) + (ReadBe16(ip + 4) == 0 ? 0 : 40) : ReadBe16(ip + 2);
        int end = stated == 0 ? length : layout.L3 + stated;
        if (end > length || end < packet.HeaderLength) return OffloadFault.Truncated;

        packet._frame = frame;
        packet._layout = layout;
        packet._payload = end - packet.HeaderLength;
        packet._segmentSize = header.SegmentSize;
        if (packet.HeaderLength + packet.NextPayload > ushort.MaxValue || packet._payload / header.SegmentSize >= _maxSegments) return OffloadFault.SegmentSize;
        packet._addresses = layout.IsIpv6 ? InternetChecksum.Add(0, ip + 8, 32) : InternetChecksum.Add(0, ip + 12, 8);
        packet._noUdpChecksum = !tcp && (header.Flags & VnetFlags.NeedsChecksum) == 0 && ReadBe16(l4 + _udpChecksum) == 0;
        return OffloadFault.None;
    }

    /// <summary>Writes the next segment's <see cref="HeaderLength"/> bytes and steps past it; read <see cref="Payload"/> and <see cref="NextPayload"/> before.</summary>
    public void WriteHeaders(byte* into)
    {
        int size = NextPayload;
        byte* payload = Payload;
        bool last = _given + size >= _payload;
        Unsafe.CopyBlockUnaligned(into, _frame, (uint)HeaderLength);

        int l4Total = HeaderLength - _layout.L4 + size;
        WriteIp(into + _layout.L3, HeaderLength - _layout.L3 + size);
        byte* l4 = into + _layout.L4;
        int checksum;
        if (_layout.Protocol == FrameLayout.Tcp)
        {
            WriteBe32(l4 + _tcpSequence, ReadBe32(l4 + _tcpSequence) + (uint)_given);

            // What ends the burst belongs to its last segment; RFC 3168 §6.1.2: CWR is said once, in the first.
            if (!last) l4[_tcpFlags] &= unchecked((byte)~(_fin | _psh));
            if (_given > 0) l4[_tcpFlags] &= unchecked((byte)~_cwr);
            checksum = _tcpChecksum;
        }
        else
        {
            WriteBe16(l4 + _udpLength, (ushort)l4Total);
            checksum = _udpChecksum;
        }

        if (!_noUdpChecksum)
        {
            Unsafe.WriteUnaligned(l4 + checksum, (ushort)0);
            ulong sum = InternetChecksum.AddNetwork(_addresses, _layout.Protocol);
            sum = InternetChecksum.AddNetwork(sum, (ushort)l4Total);
            sum = InternetChecksum.Add(sum, l4, HeaderLength - _layout.L4);
            ushort value = InternetChecksum.Finish(InternetChecksum.Add(sum, payload, size));
            Unsafe.WriteUnaligned(l4 + checksum, value == 0 && _layout.Protocol == FrameLayout.Udp ? (ushort)0xFFFF : value);
        }

        Skip();
    }

    /// <summary>Steps past the next segment without writing it.</summary>
    public void Skip()
    {
        _given += NextPayload;
        _segments++;
    }

    private readonly void WriteIp(byte* ip, int length)
    {
        if (_layout.IsIpv6)
        {
            WriteBe16(ip + 4, (ushort)(length - 40));
            return;
        }

        WriteBe16(ip + 2, (ushort)length);
        // RFC 6864 §4.2: an identification is not repeated within a packet's lifetime; the sender reserved one for each segment.
        WriteBe16(ip + 4, (ushort)(ReadBe16(ip + 4) + _segments));
        Unsafe.WriteUnaligned(ip + 10, (ushort)0);
        Unsafe.WriteUnaligned(ip + 10, InternetChecksum.Finish(InternetChecksum.Add(0, ip, _layout.L4 - _layout.L3)));
    }

    private static ushort ReadBe16(byte* at) => BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(at, 2));

    private static uint ReadBe32(byte* at) => BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(at, 4));

    private static void WriteBe16(byte* at, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(at, 2), value);

    private static void WriteBe32(byte* at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(at, 4), value);
}
