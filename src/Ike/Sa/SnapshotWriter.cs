using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto;
using Gateway.Policy;

namespace Gateway.Ike.Sa;

/// <summary>Writes the fields of a snapshot. What it wrote is overwritten when it grows and when it is disposed, because keys are in it.</summary>
internal sealed class SnapshotWriter : IDisposable
{
    private byte[] _buffer = new byte[2048];
    private int _length;

    public void Byte(byte value) => Take(1)[0] = value;

    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);

    public void UInt128(UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(Take(16), value);

    /// <summary>A length and as many octets.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        UInt32((uint)bytes.Length);
        bytes.CopyTo(Take(bytes.Length));
    }

    public void Octets(Octets octets) => Bytes(octets.Span);

    public void Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    public void Address(IPAddress address) => Bytes(address.GetAddressBytes());

    public void EndPoint(IPEndPoint endpoint)
    {
        Address(endpoint.Address);
        UInt16((ushort)endpoint.Port);
    }

    public void List<T>(IReadOnlyCollection<T> items, Action<SnapshotWriter, T> write)
    {
        UInt32((uint)items.Count);
        foreach (var item in items) write(this, item);
    }

    /// <summary>A mark whether there is a value, and the value.</summary>
    public void Maybe<T>(T? value, Action<SnapshotWriter, T> write)
        where T : class
    {
        Bool(value is not null);
        if (value is not null) write(this, value);
    }

    public Secret ToSecret() => Secret.FromBytes(_buffer.AsSpan(0, _length));

    public void Dispose() => CryptographicOperations.ZeroMemory(_buffer);

    private Span<byte> Take(int count)
    {
        if (_length + count > _buffer.Length)
        {
            var larger = new byte[Math.Max(_buffer.Length * 2, _length + count)];
            _buffer.AsSpan(0, _length).CopyTo(larger);
            CryptographicOperations.ZeroMemory(_buffer);
            _buffer = larger;
        }

        _length += count;
        return _buffer.AsSpan(_length - count, count);
    }
}
