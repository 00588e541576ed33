using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Bench.Io;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Esp;

/// <summary>Encapsulation of 1400-byte packets with AES-128-GCM while so many SAs are all in use, packet after packet another one, in no order that a processor could foresee.</summary>
internal sealed unsafe class ManySas : IDisposable
{
    private const int Size = 1400, Ethernet = 14, HeaderLength = Ethernet + 28;
    private const string Peer = "198.51.100.2";

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 2048 });
    private readonly byte[] _header;

    /// <summary>Destination address and header checksum of the packet for each SA.</summary>
    private readonly ulong[] _destinations;
    private readonly PacketLoop _loop;
    private int _next;

    internal ManySas(int sas)
    {
        var (from, to) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 1, 1], host = [2, 0, 0, 0, 0, 9];
        var lan = _control.AddInterface(new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress(mac) }, from);
        var wan = _control.AddInterface(new InterfaceSettings { Name = "wan", Type = "in-memory" }, to);
        _control.SetAddresses(lan, [new InterfaceAddress(IPAddress.Parse("10.1.0.1"), 24)]);
        _control.SetAddresses(wan, [new InterfaceAddress(IPAddress.Parse("198.51.100.1"), 24)]);
        _control.AddNeighbor(wan, IPAddress.Parse(Peer), new PhysicalAddress([2, 0, 0, 0, 2, 2]));
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse(Peer) });
        for (var i = 0; i < sas; i++) BenchSa.Install(_control, (uint)i + 1, "10.1.0.0/24", $"{Remote(i)}/32");
        _header =
        [
            .. mac, .. host, 8, 0, 0x45, 0, Size >> 8, Size & 0xFF, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 2, 0, 0, 0, 0,
            0x10, 0, 0x20, 0, (Size - 20) >> 8, (Size - 20) & 0xFF, 0, 0,
        ];
        _destinations = new ulong[sas];
        for (var i = 0; i < sas; i++)
        {
            Remote(i).TryWriteBytes(_header.AsSpan(30), out _);
            Ip4Checksum.Set(_header.AsSpan(Ethernet));
            _destinations[i] = BitConverter.ToUInt32(_header, 30) | (ulong)BitConverter.ToUInt16(_header, 24) << 32;
        }

        new Random(1).Shuffle(_destinations);
        _loop = new PacketLoop(_control, from, to, Write);
        _loop.Run(Math.Max(1, sas / PacketLoop.Count));
    }

    internal Contender Contender => _loop.Contender(Contest.Gateway);

    public void Dispose()
    {
        _loop.Dispose();
        _control.Dispose();
    }

    private int Write(int number, byte* frame)
    {
        Unsafe.CopyBlockUnaligned(ref *frame, ref _header[0], HeaderLength);
        var destination = _destinations[_next];
        if (++_next == _destinations.Length) _next = 0;
        Unsafe.WriteUnaligned(frame + 24, (ushort)(destination >> 32));
        Unsafe.WriteUnaligned(frame + 30, (uint)destination);
        return Ethernet + Size;
    }

    private static IPAddress Remote(int i) => new([20, (byte)(i >> 16), (byte)(i >> 8), (byte)i]);
}
