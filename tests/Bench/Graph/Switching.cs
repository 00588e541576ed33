using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Graph;

/// <summary>
/// A bridge between two in-memory ports, or between one and a VXLAN tunnel that leaves by the other: the same 256 packets again and again, with other stations on both sides.
/// All stations have been seen before, as in a network that runs.
/// </summary>
internal sealed unsafe class Switching : IDisposable
{
    private const int PacketLength = 64;

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 4096 });
    private readonly InMemoryPort _in;
    private readonly InMemoryPort _out;
    private readonly (ulong To, ulong From)[] _pairs;
    private readonly byte[] _header;
    private readonly PacketLoop _loop;
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
        _loop = new PacketLoop(_control, _in, _out, Write);
    }

    internal Contender Contender => _loop.Contender(Contest.Gateway);

    public void Dispose()
    {
        _loop.Dispose();
        _control.Dispose();
    }

    private int Write(int number, byte* frame)
    {
        Unsafe.CopyBlockUnaligned(ref frame[12], ref _header[12], 22);
        var (to, from) = _pairs[_flow];
        if (++_flow == _pairs.Length) _flow = 0;
        Unsafe.WriteUnaligned(frame, to | from << 48);
        Unsafe.WriteUnaligned(frame + 8, (uint)(from >> 16));
        return PacketLength + 14;
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
        Ip4Checksum.Set(outer.AsSpan(14));
        return outer;
    }

    /// <summary>As the six bytes lie in memory, the first in the lowest eight bits.</summary>
    private static ulong Mac(byte side, int number) => 2 | (ulong)side << 8 | (ulong)(byte)(number >> 16) << 24 | (ulong)(byte)(number >> 8) << 32 | (ulong)(byte)number << 40;
}
