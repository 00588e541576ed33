using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Memif;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Io;

/// <summary>
/// A gateway with one worker on the first processor and two memif ports, of which one is the clear side and one the protected one. This thread, on the last processor, is both peers: for every ESP packet
/// that comes out it sends another clear one in.
/// </summary>
internal sealed unsafe class MemifEsp : IDisposable
{
    private const int EthernetLength = 14, HeaderLength = EthernetLength + 28;

    /// <summary>Packets on the way at once: half a ring.</summary>
    private const int InFlight = 512;

    private static readonly byte[] _lanMac = [2, 0, 0, 0, 1, 1], _wanMac = [2, 0, 0, 0, 2, 1], _peerMac = [2, 0, 0, 0, 2, 2];

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 8192, Cores = [0] });
    private readonly MemifHub _servers = new();
    private readonly PacketPool _pool = new(4096, hugepages: false);
    private readonly MemifHub _clients = new();
    private readonly MemifPort _in;
    private readonly MemifPort _out;
    private readonly uint[] _batch = new uint[256];
    private readonly byte[] _frame;

    /// <param name="folder">Where the sockets are made.</param>
    /// <param name="size">Bytes of the inner IP packet.</param>
    internal MemifEsp(string folder, int size)
    {
        var (lanAt, wanAt) = (Path.Combine(folder, $"lan-{size}"), Path.Combine(folder, $"wan-{size}"));
        Attach("lan", lanAt, _lanMac, "10.1.0.1", "10.1.0.2", _peerMac);
        Attach("wan", wanAt, _wanMac, "198.51.100.1", "198.51.100.2", _peerMac);
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.2") });
        BenchSa.Install(_control, 1, "10.1.0.0/24", "10.2.0.0/24");
        _control.Start();
        _in = _clients.Open(new PortSpec.Memif("in") { Socket = lanAt, IsServer = false }, _pool);
        _out = _clients.Open(new PortSpec.Memif("out") { Socket = wanAt, IsServer = false }, _pool);
        for (var clock = Stopwatch.StartNew(); !_in.IsUp || !_out.IsUp; Thread.Sleep(10))
            if (clock.Elapsed > TimeSpan.FromSeconds(60)) throw new NotHereException("the gateway's memif did not come up.");
        _frame = Datagram(size);
    }

    /// <summary>ESP packets per second that came out; none are on the way afterwards.</summary>
    internal double Measure(TimeSpan time)
    {
        Send(InFlight);
        var clock = Stopwatch.StartNew();
        long back = 0;
        var inFlight = InFlight;
        while (clock.Elapsed < time)
            for (var i = 0; i < 64; i++)
            {
                var count = Take();
                back += count;
                inFlight += Send(count) - count;
            }
        var seconds = clock.Elapsed.TotalSeconds;
        for (clock.Restart(); inFlight > 0 && clock.Elapsed < TimeSpan.FromSeconds(2);) inFlight -= Take();
        if (inFlight > 0) throw new InvalidOperationException($"{inFlight} packets were lost: {string.Join(", ", _control.Counters().Where(c => c.IsDrop).Select(c => $"{c.Node}/{c.Name} {c.Value}"))}");
        return back / seconds;
    }

    public void Dispose()
    {
        _in.Dispose();
        _out.Dispose();
        _clients.Dispose();
        _control.Dispose();
        _servers.Dispose();
        _pool.Dispose();
    }

    private int Take()
    {
        // What the gateway says on the clear side is of no interest.
        _pool.Free(_batch.AsSpan(0, _in.Receive(_batch)));
        var count = _out.Receive(_batch);
        _pool.Free(_batch.AsSpan(0, count));
        return count;
    }

    private int Send(int count)
    {
        var sent = 0;
        while (sent < count)
        {
            var now = _pool.Allocate(_batch.AsSpan(0, Math.Min(count - sent, _batch.Length)));
            for (var i = 0; i < now; i++)
            {
                var meta = _pool.Meta(_batch[i]);
                _frame.CopyTo(new Span<byte>(_pool.Data(_batch[i]), _frame.Length));
                meta->Length = (ushort)_frame.Length;
                meta->TotalLength = (uint)_frame.Length;
            }
            var taken = _in.Transmit(_batch.AsSpan(0, now));
            _pool.Free(_batch.AsSpan(taken, now - taken));
            sent += taken;
            if (taken < now) break;
        }
        return sent;
    }

    private void Attach(string name, string socket, byte[] mac, string own, string peer, byte[] peerMac)
    {
        var port = _servers.Open(new PortSpec.Memif(name) { Socket = socket }, _control.Pool);
        var index = _control.AddInterface(new InterfaceSettings { Name = name, Type = "memif", Mac = new PhysicalAddress(mac) }, port);
        _control.SetAddresses(index, [new InterfaceAddress(IPAddress.Parse(own), 24)]);
        _control.AddNeighbor(index, IPAddress.Parse(peer), new PhysicalAddress(peerMac));
    }

    private static byte[] Datagram(int size) => UdpFrame.Make(_lanMac, _peerMac, "10.1.0.2", "10.2.0.2", size);
}
