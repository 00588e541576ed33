using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>
/// Writes netlink messages (RFC 3549 §2.2, §2.3; linux/netlink.h): a 16-byte header, a fixed part, and attributes aligned to four bytes. Several messages may stand behind each other (a batch).
/// Numbers are in the machine's order unless an attribute says otherwise.
/// </summary>
internal sealed class NetlinkMessage
{
    public const int HeaderLength = 16;

    private byte[] _bytes = new byte[512];
    private int _length;
    private int _start;
    private int _answered;

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Starts a message; its length is set by <see cref="End"/>.</summary>
    public NetlinkMessage Begin(ushort type, NetlinkFlags flags)
    {
        _start = _length;
        if ((flags & (NetlinkFlags.Acknowledge | NetlinkFlags.Dump)) != 0) _answered = _start;
        Span<byte> header = Grow(HeaderLength);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)flags);
        return this;
    }

    public NetlinkMessage End()
    {
        MemoryMarshal.Write(_bytes.AsSpan(_start), (uint)(_length - _start));
        Align();
        return this;
    }

    /// <summary>Gives the last message that asks for an answer its sequence number.</summary>
    public void Number(uint sequence) => MemoryMarshal.Write(_bytes.AsSpan(_answered + 8), sequence);

    /// <summary>The fixed part that stands between header and attributes, or attributes copied whole.</summary>
    public NetlinkMessage Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Grow(bytes.Length));
        Align();
        return this;
    }

    public NetlinkMessage Attribute(int type, ReadOnlySpan<byte> value)
    {
        Span<byte> header = Grow(4);
        MemoryMarshal.Write(header, (ushort)(4 + value.Length));
        MemoryMarshal.Write(header[2..], (ushort)type);
        value.CopyTo(Grow(value.Length));
        Align();
        return this;
    }

    public NetlinkMessage Attribute(int type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        MemoryMarshal.Write(bytes, value);
        return Attribute(type, bytes);
    }

    public NetlinkMessage AttributeBigEndian(int type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Attribute(type, bytes);
    }

    public NetlinkMessage Attribute(int type, byte value) => Attribute(type, [value]);

    /// <summary>Text with its closing zero.</summary>
    public NetlinkMessage Attribute(int type, string value) => Attribute(type, Encoding.UTF8.GetBytes(value + "\0"));

    /// <summary>An attribute that holds attributes.</summary>
    public NetlinkMessage Nested(int type, Action<NetlinkMessage> inner)
    {
        const int nested = 0x8000;
        int start = _length;
        Grow(4);
        inner(this);
        MemoryMarshal.Write(_bytes.AsSpan(start), (ushort)(_length - start));
        MemoryMarshal.Write(_bytes.AsSpan(start + 2), (ushort)(type | nested));
        Align();
        return this;
    }

    private void Align()
    {
        if ((_length & 3) != 0) Grow(4 - (_length & 3));
    }

    private Span<byte> Grow(int length)
    {
        if (_length + length > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + length));
        Span<byte> added = _bytes.AsSpan(_length, length);
        added.Clear();
        _length += length;
        return added;
    }
}

/// <summary>Flags of a netlink request.</summary>
[Flags]
internal enum NetlinkFlags : ushort
{
    Request = 0x1,
    Acknowledge = 0x4,
    Dump = 0x300,
    Replace = 0x100,
    Exclusive = 0x200,
    Create = 0x400,
}
