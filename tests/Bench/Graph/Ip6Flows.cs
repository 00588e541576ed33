using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Graph;

/// <summary>The same as <see cref="Flows"/> with IPv6, which is tracked and never translated: UDP packets of 64 bytes of flows that the gateway knows, in an order that is not that in which they began.</summary>
internal sealed unsafe class Ip6Flows : IDisposable
{
    private const int PacketLength = 64;
    private const int HeaderLength = 14 + 8;

    private readonly DataplaneControl _control;
    private readonly Header[] _headers;
    private readonly byte[] _frame;
    private readonly PacketLoop _loop;
    private int _next;

    private readonly record struct Header(UInt128 Source, UInt128 Destination, uint Ports);

    internal Ip6Flows(int flows)
    {
        _control = new DataplaneControl(new DataplaneOptions { Buffers = 4096, Flows = flows + flows / 4, FlowTimeouts = new FlowTimeouts { Udp = 36_000 } });
        var (from, to) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, from);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, to);
        _control.SetAddresses(inside, [new InterfaceAddress(IPAddress.Parse("2001:db8:1::1"), 64)]);
        _control.SetAddresses(outside, [new InterfaceAddress(IPAddress.Parse("2001:db8:2::1"), 64)]);
        _control.AddNeighbor(outside, IPAddress.Parse("2001:db8:2::2"), new PhysicalAddress([2, 0, 0, 0, 0, 9]));
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("2001:db8:8000::/33"), Via = IPAddress.Parse("2001:db8:2::2") });
        _control.Flows.SetTracking(all: true);
        _frame = [.. mac, 2, 0, 0, 0, 0, 2, 0x86, 0xDD, 0x60, 0, 0, 0, 0, PacketLength - 40, 17, 64];
        var random = new Random(1);
        _headers = new Header[flows];
        for (var i = 0; i < flows; i++) _headers[i] = Make(i, random);
        _loop = new PacketLoop(_control, from, to, Write);
        var start = Contest.ThreadTime();
        _loop.Run((flows + PacketLoop.Count - 1) / PacketLoop.Count);
        SetUpsPerSecond = flows / (Contest.ThreadTime() - start - _loop.Aside.Take()).TotalSeconds;
        random.Shuffle(_headers);
    }

    internal Contender Contender => _loop.Contender(Contest.Gateway);

    /// <inheritdoc cref="Flows.SetUpsPerSecond"/>
    internal double SetUpsPerSecond { get; }

    internal double BytesPerFlow => _control.Workers[0].Context.Sessions.BytesPerSession + sizeof(Ip6Ends);

    public void Dispose()
    {
        _loop.Dispose();
        _control.Dispose();
    }

    private int Write(int number, byte* frame)
    {
        Unsafe.CopyBlockUnaligned(ref *frame, ref _frame[0], HeaderLength);
        ref readonly var header = ref _headers[_next];
        if (++_next == _headers.Length) _next = 0;
        Unsafe.WriteUnaligned(frame + 22, header.Source);
        Unsafe.WriteUnaligned(frame + 38, header.Destination);
        Unsafe.WriteUnaligned(frame + 54, header.Ports);
        Unsafe.WriteUnaligned(frame + 58, (ushort)((PacketLength - 40) << 8));
        return PacketLength + 14;
    }

    private static Header Make(int flow, Random random)
    {
        // Some fifty flows of each host, as many hosts in each network.
        var host = flow / 50 + 256;
        var source = new UInt128(0x2001_0DB8_0001_0000ul + (uint)(host / 50), (ulong)host * 0x1_0001);
        var destination = new UInt128(0x2001_0DB8_8000_0000ul + (uint)random.Next(1 << 30), (ulong)random.NextInt64());
        var port = 1024 + flow % 50 * 1000 + random.Next(1000);
        return new Header(BinaryPrimitives.ReverseEndianness(source), BinaryPrimitives.ReverseEndianness(destination), (uint)(port >> 8 | (port & 255) << 8) | 0x3500_0000);
    }
}
