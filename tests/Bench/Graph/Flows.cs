using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
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
    internal const int Batch = 256;
    private const int PacketLength = 64;

    private readonly DataplaneControl _control;
    private readonly InMemoryPort _in;
    private readonly InMemoryPort _out;
    private readonly uint[] _packets = new uint[Batch];
    private readonly ushort[] _offsets = new ushort[4097];
    private readonly Header[] _headers;
    private readonly byte[] _frame;
    private int _next;

    private readonly record struct Header(ulong Addresses, uint Ports, ushort Checksum);

    internal Flows(int flows, bool translate)
    {
        _control = new DataplaneControl(new DataplaneOptions { Buffers = 4096, Flows = flows + flows / 4, FlowTimeouts = new FlowTimeouts { Udp = 36_000 } });
        _in = new InMemoryPort(_control.Pool);
        _out = new InMemoryPort(_control.Pool);
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, _in);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, _out);
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
        if (_control.Pool.Allocate(_packets) != Batch) throw new InvalidOperationException("The benchmark's pool is too small.");
        foreach (var index in _packets) _offsets[index] = _control.Pool.Meta(index)->Offset;
        foreach (var index in _packets) new Span<byte>(_control.Pool.Data(index), PacketLength + 14).Clear();
        // The first packet of each flow, of those for which the runtime has not compiled the code yet too.
        var watch = Stopwatch.StartNew();
        Run((flows + Batch - 1) / Batch);
        SetUpsPerSecond = flows / watch.Elapsed.TotalSeconds;
        random.Shuffle(_headers);
        for (var i = 0; i < 5; i++)
        {
            Run(200);
            Thread.Sleep(120);
        }
    }

    /// <summary>First packets a second, with what the test does to make and take them.</summary>
    internal double SetUpsPerSecond { get; }

    internal double BytesPerFlow => _control.Workers[0].Context.Sessions.BytesPerSession;

    internal void Run(int iterations)
    {
        var worker = _control.Workers[0];
        var pool = _control.Pool;
        fixed (byte* frame = _frame)
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
                    Unsafe.CopyBlockUnaligned(data, frame, 42);
                    ref readonly var header = ref _headers[_next];
                    if (++_next == _headers.Length) _next = 0;
                    Unsafe.WriteUnaligned(data + 24, header.Checksum);
                    Unsafe.WriteUnaligned(data + 26, header.Addresses);
                    Unsafe.WriteUnaligned(data + 34, header.Ports);
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

    private Header Make(int flow, Random random)
    {
        // Some fifty flows of each host.
        var host = flow / 50 + 256;
        byte[] addresses = [10, (byte)(host >> 16), (byte)(host >> 8), (byte)host, 20, (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(1, 255)];
        var port = 1024 + flow % 50 * 1000 + random.Next(1000);
        addresses.CopyTo(_frame.AsSpan(26));
        _frame[24] = _frame[25] = 0;
        var sum = 0;
        for (var at = 14; at < 34; at += 2) sum += _frame[at] << 8 | _frame[at + 1];
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        var check = (ushort)~sum;
        return new Header(BitConverter.ToUInt64(addresses), (uint)(port >> 8 | (port & 255) << 8) | 0x3500_0000, (ushort)(check << 8 | check >> 8));
    }
}
