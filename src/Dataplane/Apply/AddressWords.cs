using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Gateway.Dataplane.Apply;

/// <summary>An address as the tables hold it: IPv4 in the low 32 bits (host order), IPv6 in two words.</summary>
internal readonly record struct AddressWords(bool V6, ulong High, ulong Low)
{
    public static AddressWords From(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        return address.AddressFamily == AddressFamily.InterNetwork
            ? new AddressWords(false, 0, BinaryPrimitives.ReadUInt32BigEndian(bytes))
            : new AddressWords(true, BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
    }

    public IPAddress ToAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!V6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)Low);
            return new IPAddress(bytes[..4]);
        }
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
        return new IPAddress(bytes);
    }

    /// <summary>Length of a prefix that holds this address alone.</summary>
    public int HostLength => V6 ? 128 : 32;

    public bool IsLinkLocal6 => V6 && High >> 54 == 0xFE80 >> 6;

    /// <summary>The address with its host bits cleared.</summary>
    public AddressWords Masked(int length) => V6
        ? this with { High = High & Tables.Fib6.MaskHigh(length), Low = Low & Tables.Fib6.MaskLow(length) }
        : this with { Low = Low & Tables.Fib4.Mask(length) };

    public override string ToString() => ToAddress().ToString();
}
