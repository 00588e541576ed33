using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Graph;

/// <summary>
/// A gateway between two in-memory ports that knows every flow of the packets it gets: it tracks them, or translates their source to a pool of 64 addresses. UDP of 64 bytes with a checksum, in an order that is
/// not that in which the flows began.
/// </summary>
internal sealed unsafe class Flows : IDisposable
{
    private const int PacketLength = 64;

    private readonly DataplaneControl _control;
    private readonly Header[] _headers;
    private readonly byte[] _frame;
    private readonly PacketLoop _loop;
    private int _next;

    private readonly record struct Header(ulong Addresses, uint Ports, ushort Checksum);

    internal Flows(int flows, bool translate)
    {
        _control = new DataplaneControl(new DataplaneOptions { Buffers = 4096, Flows = flows + flows / 4, FlowTimeouts = new FlowTimeouts { Udp = 36_000 } });
        var (from, to) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, from);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, to);
        _control.SetAddresses(inside, [new InterfaceAddress(IPAddress.Parse("10.0.0.1"), 8)]);
        _control.SetAddresses(outside, [new InterfaceAddress(IPAddress.Parse("192.0.2.1"), 24)]);
        _control.AddNeighbor(outside, IPAddress.Parse("192.0.2.2"), new PhysicalAddress([2, 0, 0, 0, 0, 9]));
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("20.0.0.0/8"), Via = IPAddress.Parse("192.0.2.2") });
        if (translate)
            _control.Flows.SetRule(new NatRule.Source { Name = "out", OutInterface = "out", Addresses = [(IPAddress.Parse("192.0.2.64"), IPAddress.Parse("192.0.2.127"))], LastPort = 65535 });
        else
            _control.Flows.SetTracking(all: true);

        _frame = [.. mac, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, PacketLength, 0, 1, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, PacketLength - 20, 0x12, 0x34];
        var random = new Random(1);
        _headers = new Header[flows];
        for (var i = 0; i < flows; i++) _headers[i] = Make(i, random);
        _loop = new PacketLoop(_control, from, to, Write);
        // The first packet of each flow, of those for which the runtime has not compiled the code yet too.
        var start = Contest.ThreadTime();
        _loop.Run((flows + PacketLoop.Count - 1) / PacketLoop.Count);
        SetUpsPerSecond = flows / (Contest.ThreadTime() - start - _loop.Aside.Take()).TotalSeconds;
        random.Shuffle(_headers);
    }

    internal Contender Contender => _loop.Contender(Contest.Gateway);

    /// <summary>First packets in a second of processor time, with what the test does to give and take them.</summary>
    internal double SetUpsPerSecond { get; }

    internal double BytesPerFlow => _control.Workers[0].Context.Sessions.BytesPerSession;

    public void Dispose()
    {
        _loop.Dispose();
        _control.Dispose();
    }

    private int Write(int number, byte* frame)
    {
        Unsafe.CopyBlockUnaligned(ref *frame, ref _frame[0], 42);
        ref readonly var header = ref _headers[_next];
        if (++_next == _headers.Length) _next = 0;
        Unsafe.WriteUnaligned(frame + 24, header.Checksum);
        Unsafe.WriteUnaligned(frame + 26, header.Addresses);
        Unsafe.WriteUnaligned(frame + 34, header.Ports);
        return PacketLength + 14;
    }

    private Header Make(int flow, Random random)
    {
        // Some fifty flows of each host.
        var host = flow / 50 + 256;
        byte[] addresses = [10, (byte)(host >> 16), (byte)(host >> 8), (byte)host, 20, (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(1, 255)];
        var port = 1024 + flow % 50 * 1000 + random.Next(1000);
        addresses.CopyTo(_frame.AsSpan(26));
        Ip4Checksum.Set(_frame.AsSpan(14));
        return new Header(BitConverter.ToUInt64(addresses), (uint)(port >> 8 | (port & 255) << 8) | 0x3500_0000, BitConverter.ToUInt16(_frame, 24));
    }
}
