using System.Buffers.Binary;
using Gateway.Policy;

namespace Gateway.Ike.Wire;

/// <summary>Reads network-order fields from a span and cannot run past its end: every read says whether there was enough.</summary>
public ref struct IkeReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Octets not yet read.</summary>
    public readonly int Remaining => _rest.Length;

    public readonly bool AtEnd => _rest.IsEmpty;

    public bool TryReadByte(out byte value)
    {
        if (_rest.IsEmpty) { value = 0; return false; }
        value = _rest[0];
        _rest = _rest[1..];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(_rest, out value)) return false;
        _rest = _rest[2..];
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(_rest, out value)) return false;
        _rest = _rest[4..];
        return true;
    }

    public bool TryReadUInt64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64BigEndian(_rest, out value)) return false;
        _rest = _rest[8..];
        return true;
    }

    public bool TryReadBytes(int count, out ReadOnlySpan<byte> value)
    {
        if (count < 0 || count > _rest.Length) { value = default; return false; }
        value = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    public bool TryReadOctets(int count, out Octets value)
    {
        var ok = TryReadBytes(count, out var bytes);
        value = new Octets(bytes);
        return ok;
    }

    /// <summary>A reader over the next <paramref name="count"/> octets; this one moves past them.</summary>
    public bool TryReadSub(int count, out IkeReader sub)
    {
        var ok = TryReadBytes(count, out var bytes);
        sub = new IkeReader(bytes);
        return ok;
    }

    public bool TrySkip(int count) => TryReadBytes(count, out _);

    /// <summary>Everything that is left.</summary>
    public ReadOnlySpan<byte> ReadRest()
    {
        var rest = _rest;
        _rest = default;
        return rest;
    }
}
