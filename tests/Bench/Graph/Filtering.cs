using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Items;
using InterfaceAddress = Gateway.Dataplane.Apply.InterfaceAddress;

namespace Gateway.Bench.Graph;

/// <summary>
/// Forwarding behind an ACL: rules with prefixes of many lengths on both sides, ports, ranges and protocols, drawn as they are found in the field; 10,000 flows, each of which fits one rule drawn
/// at random (and may fit an earlier one). All rules permit, so that every packet goes the whole way; what no rule matches is denied.
/// </summary>
internal sealed unsafe class Filtering : IDisposable
{
    private const int PacketLength = 64;
    private const int Flows = 10_000;

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 4096 });

    /// <summary>Headers from the TTL on to the ports, 16 bytes each: TTL and protocol, checksum, source, destination, ports.</summary>
    private readonly UInt128[] _flows = new UInt128[Flows];
    private readonly byte[] _header;
    private readonly PacketLoop _loop;
    private int _flow;

    internal Filtering(int rules)
    {
        var (from, to) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, from);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, to);
        _control.SetAddresses(inside, [new InterfaceAddress(IPAddress.Parse("10.0.0.1"), 24)]);
        _control.SetAddresses(outside, [new InterfaceAddress(IPAddress.Parse("10.0.1.1"), 24)]);
        _control.AddNeighbor(outside, IPAddress.Parse("10.0.1.2"), new PhysicalAddress([2, 0, 0, 0, 0, 9]));
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("10.0.1.2") });

        var random = new Random(7);
        var list = new AclRule[rules];
        for (var i = 0; i < rules; i++) list[i] = Draw(random);
        _control.Filtering.SetAcl("bench", new AclSpec { Rules = ValueList.ToValueList(list) });
        _control.Filtering.Bind("in", new AclBinding(["bench"], [], null));

        _header = [.. mac, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, PacketLength, 0, 1, 0, 0];
        for (var i = 0; i < Flows; i++) _flows[i] = Fitting(list[random.Next(rules)], random);
        _loop = new PacketLoop(_control, from, to, Write);
    }

    internal Contender Contender => _loop.Contender(Contest.Gateway);

    public void Dispose()
    {
        _loop.Dispose();
        _control.Dispose();
    }

    private int Write(int number, byte* frame)
    {
        Unsafe.CopyBlockUnaligned(ref *frame, ref _header[0], 22);
        Unsafe.WriteUnaligned(frame + 22, _flows[_flow]);
        if (++_flow == Flows) _flow = 0;
        return PacketLength + 14;
    }

    private static AclRule Draw(Random random)
    {
        var protocol = random.Next(100) switch { < 60 => (IpProtocol?)new IpProtocol(6), < 85 => new IpProtocol(17), _ => null };
        var from = Side(random, [(32, 30), (24, 30), (28, 10), (16, 10), (20, 5), (0, 15)]);
        var to = Side(random, [(32, 40), (24, 20), (28, 10), (16, 10), (22, 5), (0, 15)]);
        // Nobody permits everything to everybody in the middle of a list.
        if (from.Count == 0 && to.Count == 0) to = Side(random, [(32, 1)]);
        return new AclRule
        {
            Action = AclAction.Permit,
            Protocol = protocol,
            From = from,
            To = to,
            FromPorts = protocol is not null && random.Next(10) == 0 ? [new AclPort(1024, 65535, null)] : [],
            ToPorts = protocol is null ? [] : random.Next(100) switch
            {
                < 55 => [Exactly((ushort)(random.Next(3) == 0 ? 443 : random.Next(1, 10_000)))],
                < 75 => [new AclPort((ushort)random.Next(1000, 2000), (ushort)random.Next(2000, 60_000), null)],
                _ => [],
            },
        };
    }

    private static AclPort Exactly(ushort port) => new(port, port, null);

    private static ValueList<AclAddress> Side(Random random, (int Length, int Weight)[] lengths)
    {
        var at = random.Next(lengths.Sum(l => l.Weight));
        foreach (var (length, weight) in lengths)
        {
            if ((at -= weight) >= 0) continue;
            if (length == 0) return [];
            // Networks of 20 to 27, so that prefixes lie in each other.
            var address = (uint)random.Next(20, 28) << 24 | (uint)random.Next(1 << 24);
            return [new AclAddress(new IpPrefix(Address(address & (uint.MaxValue << (32 - length))), length), null)];
        }

        return [];
    }

    private static UInt128 Fitting(AclRule rule, Random random)
    {
        Span<byte> header = stackalloc byte[24];
        header.Clear();
        (header[0], header[3], header[5]) = (0x45, PacketLength, 1);
        header[8] = 64;
        header[9] = rule.Protocol?.Number ?? 17;
        BinaryPrimitives.WriteUInt32BigEndian(header[12..], Inside(rule.From, random));
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], Inside(rule.To, random));
        Ip4Checksum.Set(header);
        BinaryPrimitives.WriteUInt16BigEndian(header[20..], Inside(rule.FromPorts, random));
        BinaryPrimitives.WriteUInt16BigEndian(header[22..], Inside(rule.ToPorts, random));
        return BinaryPrimitives.ReadUInt128LittleEndian(header[8..]);
    }

    private static uint Inside(ValueList<AclAddress> side, Random random)
    {
        var free = (uint)random.NextInt64(1L << 32);
        if (side.Count == 0) return (uint)random.Next(20, 28) << 24 | (free & 0xFF_FFFF);
        var prefix = side[0].Prefix!;
        var mask = uint.MaxValue << (32 - prefix.Length);
        return BinaryPrimitives.ReadUInt32BigEndian(prefix.Address.GetAddressBytes()) | (free & ~mask);
    }

    private static ushort Inside(ValueList<AclPort> ports, Random random) =>
        (ushort)(ports.Count == 0 ? random.Next(1, 65_536) : random.Next(ports[0].Low, ports[0].High + 1));

    private static IPAddress Address(uint address) => new([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);
}
