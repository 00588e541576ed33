using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Gateway.Ike.Payloads;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Engine;

/// <summary>A pool item made ready for use: its addresses as numbers, and what goes with each of them.</summary>
public sealed class AddressPool
{
    // Cisco Unity, as strongSwan sends them too.
    private const ConfigurationAttributeType SplitInclude = (ConfigurationAttributeType)28676;
    private const ConfigurationAttributeType SplitExclude = (ConfigurationAttributeType)28678;

    private readonly UInt128 _first;

    private AddressPool(string name, PoolSpec spec, IPAddress first, IPAddress last)
    {
        (Name, Family, _first) = (name, first.AddressFamily, Number(first));
        var count = Number(last) - _first + 1;
        Size = count > long.MaxValue || count == 0 ? long.MaxValue : (long)count;
        Attributes = AttributesOf(spec).ToValueList();
    }

    public string Name { get; }

    public AddressFamily Family { get; }

    /// <summary>How many addresses it has.</summary>
    public long Size { get; }

    /// <summary>What a peer is told with an address.</summary>
    public ValueList<ConfigurationAttribute> Attributes { get; }

    /// <summary>False when the item says no addresses.</summary>
    public static bool TryCompile(string name, PoolSpec spec, [NotNullWhen(true)] out AddressPool? pool)
    {
        pool = PoolSpec.TryRange(spec.Addrs, out var range) ? new AddressPool(name, spec, range.Start, range.End) : null;
        return pool is not null;
    }

    /// <summary>The address at a place from 0.</summary>
    public IPAddress At(long offset)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _first + (UInt128)offset);
        return Family == AddressFamily.InterNetwork ? new IPAddress(bytes[12..]) : new IPAddress(bytes);
    }

    public bool Contains(IPAddress address) => address.AddressFamily == Family && Number(address) is var number && number >= _first && number - _first < (UInt128)Size;

    private static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(address.AddressFamily == AddressFamily.InterNetwork ? bytes[12..] : bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static IEnumerable<ConfigurationAttribute> AttributesOf(PoolSpec spec)
    {
        foreach (var server in spec.Dns) yield return Server(server, ConfigurationAttributeType.InternalIp4Dns, ConfigurationAttributeType.InternalIp6Dns);
        foreach (var server in spec.Nbns) yield return new(ConfigurationAttributeType.InternalIp4Nbns, new Octets(server.GetAddressBytes()));
        foreach (var server in spec.Dhcp) yield return Server(server, ConfigurationAttributeType.InternalIp4Dhcp, ConfigurationAttributeType.InternalIp6Dhcp);
        foreach (var mask in spec.Netmask) yield return new(ConfigurationAttributeType.InternalIp4Netmask, new Octets(mask.GetAddressBytes()));
        foreach (var net in spec.Subnet)
            yield return new(net.Family == AddressFamily.InterNetwork ? ConfigurationAttributeType.InternalIp4Subnet : ConfigurationAttributeType.InternalIp6Subnet, Network(net));
        foreach (var net in spec.SplitInclude) yield return new(SplitInclude, Network(net));
        foreach (var net in spec.SplitExclude) yield return new(SplitExclude, Network(net));
    }

    private static ConfigurationAttribute Server(IPAddress address, ConfigurationAttributeType v4, ConfigurationAttributeType v6) =>
        new(address.AddressFamily == AddressFamily.InterNetwork ? v4 : v6, new Octets(address.GetAddressBytes()));

    // RFC 7296 §3.15.1: an IPv4 network with its mask, an IPv6 network with the length of its prefix.
    private static Octets Network(IpPrefix net)
    {
        var address = net.Address.GetAddressBytes();
        if (address.Length == 16) return new Octets([.. address, (byte)net.Length]);
        Span<byte> mask = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(mask, net.Length == 0 ? 0 : uint.MaxValue << (32 - net.Length));
        return new Octets([.. address, .. mask]);
    }
}
