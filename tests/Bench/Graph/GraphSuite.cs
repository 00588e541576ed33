using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Aead;
using Gateway.Bench.Harness;
using Gateway.Crypto.Aead;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Graph;

/// <summary>
/// Packets through the graph from one in-memory port to another, Ethernet in to Ethernet out, making the packets does not count, taking them does. Size is of the IP packet.
/// The measure is OpenSSL's AES-128-GCM on 64 bytes in the same run: the ratio says how many packets are forwarded while one is sealed.
/// </summary>
internal sealed class GraphSuite : ISuite
{
    public string Name => "graph";

    public void Run(Report report)
    {
        foreach (var (name, stations, vxlan) in ((string, int, bool)[])[("bridge", 1000, false), ("bridge-1f", 1, false), ("bridge-10000", 10_000, false), ("vxlan-encap", 1000, true), ("vxlan-encap-1f", 1, true), ("vxlan-encap-10000", 10_000, true)])
        {
            if (!report.Wants(name, 64)) continue;
            using var work = new Switching(stations, vxlan);
            Against(report, name, work.Run);
        }

        foreach (var (name, flows, translate) in ((string, int, bool)[])[("ip4-stateful-10000", 10_000, false), ("nat44-10000", 10_000, true), ("nat44-1000000", 1_000_000, true)])
        {
            if (!report.Wants(name, 64)) continue;
            using var work = new Flows(flows, translate);
            Against(report, name, work.Run);
            report.Note($"graph: {name}: {work.SetUpsPerSecond:0} flows began in a second, {work.BytesPerFlow:0} bytes for each");
        }

        foreach (var rules in new[] { 100, 10_000 })
        {
            var name = $"ip4-acl-{rules}";
            if (!report.Wants(name, 64)) continue;
            using var work = new Filtering(rules);
            Against(report, name, work.Run);
        }

        Lookups.Run(report, Name);
        SaLookups.Run(report, Name);
        foreach (var flows in new[] { 1, 10_000 })
            foreach (var routes in new[] { 1, 10_000 })
            {
                var name = flows == 10_000 && routes == 10_000 ? "ip4-forward" : $"ip4-forward-{flows}f-{routes}r";
                if (!report.Wants(name, 64)) continue;
                using var work = new Forwarding(flows, routes);
                Against(report, name, work.Run, work.Aside);
            }
    }

    private void Against(Report report, string name, Action<int> work, Aside? aside = null)
    {
        using var frame = new PacketFrame(128, 64, encrypt: true);
        List<Contender> contenders = [new(Contest.Gateway, work) { Aside = aside }];
        // One round of either is as many packets, so that a time per packet comes out.
        contenders.AddRange(frame.Contenders.Where(c => c.Name == "openssl").Select(c => c with { Work = n => c.Work(n * (Forwarding.Batch / PacketFrame.Count)) }));
        report.AddTimes(Name, name, 64, Contest.Run(contenders, Forwarding.Batch));
    }
}

/// <summary>A gateway between two in-memory ports, the same 256 packets again and again with other destinations.</summary>
internal sealed unsafe class Forwarding : IDisposable
{
    internal const int Batch = 256;
    private const int PacketLength = 64;

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 4096 });
    private readonly InMemoryPort _in;
    private readonly InMemoryPort _out;
    private readonly uint[] _packets = new uint[Batch];
    private readonly ushort[] _offsets = new ushort[4097];
    private readonly ulong[] _destinations;
    private readonly byte[] _header;
    private int _flow;

    internal Forwarding(int flows, int routes)
    {
        _in = new InMemoryPort(_control.Pool);
        _out = new InMemoryPort(_control.Pool);
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, _in);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, _out);
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
            _header[24] = _header[25] = 0;
            var sum = 0;
            for (var at = 14; at < 34; at += 2) sum += _header[at] << 8 | _header[at + 1];
            while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
            var check = (ushort)~sum;
            _destinations[i] = BitConverter.ToUInt32(_header, 30) | (ulong)(ushort)(check << 8 | check >> 8) << 32;
        }
        if (_control.Pool.Allocate(_packets) != Batch) throw new InvalidOperationException("The benchmark's pool is too small.");
        foreach (var index in _packets) _offsets[index] = _control.Pool.Meta(index)->Offset;
        foreach (var index in _packets) new Span<byte>(_control.Pool.Data(index), PacketLength + 14).Clear();
        Run(10);
    }

    internal Aside Aside { get; } = new();

    internal void Run(int iterations)
    {
        var worker = _control.Workers[0];
        var pool = _control.Pool;
        fixed (byte* header = _header)
            for (; iterations > 0; iterations--)
            {
                Aside.Begin();
                foreach (var index in _packets)
                {
                    var meta = pool.Meta(index);
                    *meta = default;
                    meta->Offset = _offsets[index];
                    meta->Length = PacketLength + 14;
                    meta->TotalLength = PacketLength + 14;
                    var data = pool.Data(index);
                    Unsafe.CopyBlockUnaligned(data, header, 34);
                    var destination = _destinations[_flow];
                    if (++_flow == _destinations.Length) _flow = 0;
                    Unsafe.WriteUnaligned(data + 24, (ushort)(destination >> 32));
                    Unsafe.WriteUnaligned(data + 30, (uint)destination);
                }
                Aside.End();
                if (_in.Offer(_packets) != Batch) throw new InvalidOperationException("The benchmark's port is full.");
                worker.Step();
                if (_out.Collect(_packets) != Batch) throw new InvalidOperationException("The graph lost a packet of the benchmark.");
            }
    }

    public void Dispose()
    {
        _control.Pool.Free(_packets);
        _control.Dispose();
    }

    private static IPAddress Address(int network, int host) => new([(byte)(20 + network / 65536), (byte)(network / 256), (byte)network, (byte)host]);
}
