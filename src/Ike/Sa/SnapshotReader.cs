using System.Buffers.Binary;
using System.Net;
using System.Text;
using Gateway.Policy;

namespace Gateway.Ike.Sa;

/// <summary>
/// Reads the fields of a snapshot. Once something does not fit, <see cref="Failed"/> stays true and every further field is empty, so that
/// a reader of many fields asks once, at the end.
/// </summary>
internal ref struct SnapshotReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public delegate T Read<out T>(ref SnapshotReader reader);

    public bool Failed { get; private set; }

    public readonly bool AtEnd => _rest.IsEmpty;

    public void Fail()
    {
        Failed = true;
        _rest = default;
    }

    public byte Byte() => Take(1) is [var value] ? value : (byte)0;

    public bool Bool() => Byte() != 0;

    public ushort UInt16() => Take(2) is { Length: 2 } b ? BinaryPrimitives.ReadUInt16BigEndian(b) : (ushort)0;

    public uint UInt32() => Take(4) is { Length: 4 } b ? BinaryPrimitives.ReadUInt32BigEndian(b) : 0;

    public ulong UInt64() => Take(8) is { Length: 8 } b ? BinaryPrimitives.ReadUInt64BigEndian(b) : 0;

    public UInt128 UInt128() => Take(16) is { Length: 16 } b ? BinaryPrimitives.ReadUInt128BigEndian(b) : 0;

    public ReadOnlySpan<byte> Bytes()
    {
        var length = UInt32();
        if (length <= _rest.Length) return Take((int)length);
        Fail();
        return default;
    }

    public Octets Octets() => new(Bytes());

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public IPAddress Address()
    {
        var bytes = Bytes();
        if (bytes.Length is 4 or 16) return new IPAddress(bytes);
        Fail();
        return IPAddress.None;
    }

    public IPEndPoint EndPoint() => new(Address(), UInt16());

    public ValueList<T> List<T>(Read<T> read)
    {
        var count = UInt32();
        var items = new List<T>();
        // Every item takes an octet at least, so that a wrong count cannot cost more than the snapshot is long.
        for (var i = 0u; i < count && !Failed; i++)
        {
            if (_rest.IsEmpty) Fail();
            else items.Add(read(ref this));
        }

        return items.ToValueList();
    }

    public T? Maybe<T>(Read<T> read)
        where T : class => Bool() ? read(ref this) : null;

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            Fail();
            return default;
        }

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
