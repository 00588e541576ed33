using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Graph;

/// <summary>A gateway between two in-memory ports, the same 256 packets again and again with other destinations.</summary>
internal sealed unsafe class Forwarding : IDisposable
{
    private const int PacketLength = 64;

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 4096 });
    private readonly ulong[] _destinations;
    private readonly byte[] _header;
    private readonly PacketLoop _loop;
    private int _flow;

    internal Forwarding(int flows, int routes)
    {
        var (from, to) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, from);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, to);
        _control.SetAddresses(inside, [new InterfaceAddress(IPAddress.Parse("10.0.0.1"), 24)]);
        _control.SetAddresses(outside, [new InterfaceAddress(IPAddress.Parse("10.0.1.1"), 24)]);
        _control.AddNeighbor(outside, IPAddress.Parse("10.0.1.2"), new PhysicalAddress([2, 0, 0, 0, 0, 9]));
        for (var i = 0; i < routes; i++)
            _control.AddRoute(new RouteSettings { To = new IPNetwork(Address(i, 0), 24), Via = IPAddress.Parse("10.0.1.2") });

        _header = [.. mac, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, PacketLength, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 0, 0, 0, 0];
        var random = new Random(1);
        _destinations = new ulong[flows];
        for (var i = 0; i < flows; i++)
        {
            Address(random.Next(routes), random.Next(1, 255)).TryWriteBytes(_header.AsSpan(30), out _);
            Ip4Checksum.Set(_header.AsSpan(14));
            _destinations[i] = BitConverter.ToUInt32(_header, 30) | (ulong)BitConverter.ToUInt16(_header, 24) << 32;
        }

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
        Unsafe.CopyBlockUnaligned(ref *frame, ref _header[0], 34);
        var destination = _destinations[_flow];
        if (++_flow == _destinations.Length) _flow = 0;
        Unsafe.WriteUnaligned(frame + 24, (ushort)(destination >> 32));
        Unsafe.WriteUnaligned(frame + 30, (uint)destination);
        return PacketLength + 14;
    }

    private static IPAddress Address(int network, int host) => new([(byte)(20 + network / 65536), (byte)(network / 256), (byte)network, (byte)host]);
}
