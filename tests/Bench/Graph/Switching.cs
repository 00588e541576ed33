using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Graph;

/// <summary>
/// A bridge between two in-memory ports, or between one and a VXLAN tunnel that leaves by the other: the same 256 packets again and again, with other stations on both sides.
/// All stations have been seen before, as in a network that runs.
/// </summary>
internal sealed unsafe class Switching : IDisposable
{
    internal const int Batch = 256;
    private const int PacketLength = 64;

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 4096 });
    private readonly InMemoryPort _in;
    private readonly InMemoryPort _out;
    private readonly uint[] _packets = new uint[Batch];
    private readonly ushort[] _offsets = new ushort[4097];
    private readonly (ulong To, ulong From)[] _pairs;
    private readonly byte[] _header;
    private int _flow;

    /// <param name="stations">On each side.</param>
    internal Switching(int stations, bool vxlan)
    {
        _in = new InMemoryPort(_control.Pool);
        _out = new InMemoryPort(_control.Pool);
        _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory" }, _in);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 0, 1]), Mtu = 1600 }, _out);
        if (vxlan)
        {
            _control.SetAddresses(outside, [new InterfaceAddress(IPAddress.Parse("10.0.1.1"), 24)]);
            _control.AddNeighbor(outside, IPAddress.Parse("10.0.1.2"), new PhysicalAddress([2, 0, 0, 0, 0, 9]));
            _control.AddInterface(new InterfaceSettings { Name = "vx", Type = "vxlan", Mtu = 1550 }, new InterfaceLink.Vxlan(42, IPAddress.Parse("10.0.1.1"), [IPAddress.Parse("10.0.1.2")]));
        }

        _control.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("in"), new(vxlan ? "vx" : "out")], MacLimit = Math.Max(1024, stations * 27 / 10) });
        var random = new Random(1);
        _pairs = [.. Enumerable.Range(0, stations).Select(_ => (Mac(2, random.Next(stations)), Mac(1, random.Next(stations))))];
        _header = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, PacketLength, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 3];
        Teach(stations, vxlan);
        while (_in.CollectBytes() is not null || _out.CollectBytes() is not null)
        {
        }

        if (_control.Pool.Allocate(_packets) != Batch) throw new InvalidOperationException("The benchmark's pool is too small.");
        foreach (var index in _packets) _offsets[index] = _control.Pool.Meta(index)->Offset;
        foreach (var index in _packets) new Span<byte>(_control.Pool.Data(index), PacketLength + 14).Clear();
        // The runtime compiles anew what ran often, in the background and not at once.
        for (var i = 0; i < 5; i++)
        {
            Run(200);
            Thread.Sleep(120);
        }
    }

    internal void Run(int iterations)
    {
        var worker = _control.Workers[0];
        var pool = _control.Pool;
        fixed (byte* header = _header)
            for (; iterations > 0; iterations--)
            {
                foreach (var index in _packets)
                {
                    var meta = pool.Meta(index);
                    *meta = default;
                    meta->Offset = _offsets[index];
                    meta->Length = PacketLength + 14;
                    meta->TotalLength = PacketLength + 14;
                    var data = pool.Data(index);
                    Unsafe.CopyBlockUnaligned(data + 12, header + 12, 22);
                    var (to, from) = _pairs[_flow];
                    if (++_flow == _pairs.Length) _flow = 0;
                    Unsafe.WriteUnaligned(data, to | from << 48);
                    Unsafe.WriteUnaligned(data + 8, (uint)(from >> 16));
                    _in.Offer(index);
                }
                worker.Step();
                if (_out.Collect(_packets) != Batch) throw new InvalidOperationException("The graph lost a packet of the benchmark.");
            }
    }

    public void Dispose()
    {
        _control.Pool.Free(_packets);
        _control.Dispose();
    }

    // Every station of the other side says a word to one of this side.
    private void Teach(int stations, bool vxlan)
    {
        Span<byte> frame = stackalloc byte[64];
        for (var i = 0; i < stations; i++)
        {
            frame.Clear();
            BitConverter.TryWriteBytes(frame, Mac(1, i));
            BitConverter.TryWriteBytes(frame[6..], Mac(2, i));
            byte[] whole = vxlan ? Wrap(frame) : frame.ToArray();
            if (!_out.Offer(whole)) throw new InvalidOperationException("The benchmark's pool is empty.");
            _control.Workers[0].Step();
            while (_in.CollectBytes() is not null)
            {
            }
        }

    }

    private static byte[] Wrap(ReadOnlySpan<byte> frame)
    {
        var length = 36 + frame.Length;
        byte[] outer =
        [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, (byte)(length >> 8), (byte)length, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 1, 2, 10, 0, 1, 1,
            0xC0, 0, 0x12, 0xB5, (byte)((length - 20) >> 8), (byte)(length - 20), 0, 0, 8, 0, 0, 0, 0, 0, 42, 0, .. frame,
        ];
        var sum = 0;
        for (var at = 14; at < 34; at += 2) sum += outer[at] << 8 | outer[at + 1];
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        (outer[24], outer[25]) = ((byte)(~sum >> 8), (byte)~sum);
        return outer;
    }

    /// <summary>As the six bytes lie in memory, the first in the lowest eight bits.</summary>
    private static ulong Mac(byte side, int number) => 2 | (ulong)side << 8 | (ulong)(byte)(number >> 16) << 24 | (ulong)(byte)(number >> 8) << 32 | (ulong)(byte)number << 40;
}
