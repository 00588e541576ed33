using System.Buffers.Binary;
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
    internal const int Count = 256;
    private const int Size = 1400, Ethernet = 14, HeaderLength = Ethernet + 28;
    private const string Peer = "198.51.100.2";

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 2048 });
    private readonly InMemoryPort _in;
    private readonly InMemoryPort _out;
    private readonly uint[] _packets = new uint[Count];
    private readonly Dictionary<uint, ushort> _offsets = [];
    private readonly byte[] _header;

    /// <summary>Destination address and header checksum of the packet for each SA.</summary>
    private readonly ulong[] _destinations;
    private int _next;

    internal ManySas(int sas)
    {
        (_in, _out) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 1, 1], host = [2, 0, 0, 0, 0, 9];
        var lan = _control.AddInterface(new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress(mac) }, _in);
        var wan = _control.AddInterface(new InterfaceSettings { Name = "wan", Type = "in-memory" }, _out);
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
            _header[24] = _header[25] = 0;
            uint sum = 0;
            for (var at = Ethernet; at < 34; at += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(_header.AsSpan(at));
            sum = (sum & 0xFFFF) + (sum >> 16);
            var check = (ushort)~((sum & 0xFFFF) + (sum >> 16));
            _destinations[i] = BitConverter.ToUInt32(_header, 30) | (ulong)BinaryPrimitives.ReverseEndianness(check) << 32;
        }
        new Random(1).Shuffle(_destinations);
        for (var i = 0; i < 10; i++)
        {
            _control.Workers[0].Step();
            while (_in.CollectBytes() is not null || _out.CollectBytes() is not null)
            {
            }
        }
        if (_control.Pool.Allocate(_packets) != Count) throw new InvalidOperationException("The benchmark's pool is too small.");
        foreach (var index in _packets) _offsets[index] = _control.Pool.Meta(index)->Offset;
        Run(Math.Max(1, sas / Count));
    }

    internal Aside Aside { get; } = new();

    internal void Run(int times)
    {
        var pool = _control.Pool;
        var worker = _control.Workers[0];
        for (; times > 0; times--)
        {
            Aside.Begin();
            foreach (var index in _packets)
            {
                var meta = pool.Meta(index);
                *meta = default;
                meta->Offset = _offsets[index];
                meta->Length = Ethernet + Size;
                meta->TotalLength = Ethernet + Size;
                var data = pool.Data(index);
                _header.CopyTo(new Span<byte>(data, HeaderLength));
                var destination = _destinations[_next];
                if (++_next == _destinations.Length) _next = 0;
                Unsafe.WriteUnaligned(data + 24, (ushort)(destination >> 32));
                Unsafe.WriteUnaligned(data + 30, (uint)destination);
            }
            Aside.End();
            _in.Offer(_packets);
            var came = 0;
            for (var steps = 0; came < Count && steps < 100; steps++)
            {
                worker.Step();
                came += _out.Collect(_packets.AsSpan(came));
            }
            if (came != Count) throw new InvalidOperationException($"The gateway dropped packets of the benchmark: {string.Join(", ", _control.Counters())}");
        }
    }

    public void Dispose()
    {
        _control.Pool.Free(_packets);
        _control.Dispose();
    }

    private static IPAddress Remote(int i) => new([20, (byte)(i >> 16), (byte)(i >> 8), (byte)i]);
}
