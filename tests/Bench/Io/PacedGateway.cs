using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Io;

/// <summary>What one paced sending came to.</summary>
/// <param name="Lost">Offered packets that did not come out again, whatever the reason.</param>
internal readonly record struct PacedTrial(long Offered, long Lost, double Seconds);

/// <summary>
/// A gateway that protects everything from its clear side, on in-memory ports, with one worker on the first processor; this thread, on the last one, sends at a steady rate and collects while another changes
/// the configuration. The wire holds 4096 packets, as many as an af-packet ring; who stops for longer than that loses some.
/// </summary>
internal sealed unsafe class PacedGateway : IDisposable
{
    private const int Ring = 4096;
    private static readonly byte[] _lanMac = [2, 0, 0, 0, 1, 1], _peerMac = [2, 0, 0, 0, 2, 2];

    private readonly InMemoryPort _lan;
    private readonly InMemoryPort _wan;
    private readonly uint[] _batch = new uint[256];
    private readonly byte[] _frame = UdpFrame.Make(_lanMac, _peerMac, "10.1.0.2", "10.2.0.2", 512);

    internal PacedGateway()
    {
        Control = new DataplaneControl(new DataplaneOptions { Buffers = 32768, Cores = [0] });
        _lan = new InMemoryPort(Control.Pool, Ring);
        _wan = new InMemoryPort(Control.Pool, Ring);
        Attach("lan", _lan, _lanMac, "10.1.0.1", "10.1.0.2");
        Attach("wan", _wan, [2, 0, 0, 0, 2, 1], "198.51.100.1", "198.51.100.2");
        Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.2") });
        Install(1, "10.1.0.0/24", "10.2.0.0/24");
        Control.Start();
    }

    internal DataplaneControl Control { get; }

    /// <summary>Installs an SA for traffic between two networks.</summary>
    internal void Install(uint number, string localTs, string remoteTs) => BenchSa.Install(Control, number, localTs, remoteTs);

    /// <summary>Packets per second that go through when more are offered than can.</summary>
    internal double Capacity(TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        long through = 0;
        while (clock.Elapsed < time)
        {
            Offer(256);
            through += Collect();
        }
        var rate = through / clock.Elapsed.TotalSeconds;
        Drain();
        return rate;
    }

    /// <summary>Sends at a rate until told to stop. A pause forced on the sender itself is not made up for.</summary>
    internal PacedTrial Send(double rate, Func<bool> goOn)
    {
        const int mostOwed = 256;
        var (clock, forgiven) = (Stopwatch.StartNew(), 0L);
        long offered = 0, refused = 0, through = 0;
        while (goOn())
        {
            var owed = (long)(clock.Elapsed.TotalSeconds * rate) - forgiven - offered;
            if (owed > mostOwed)
            {
                forgiven += owed - mostOwed;
                owed = mostOwed;
            }
            if (owed >= 32)
            {
                offered += owed;
                refused += owed - Offer((int)owed);
            }
            through += Collect();
        }
        var seconds = clock.Elapsed.TotalSeconds;
        through += Drain();
        return new PacedTrial(offered, offered - through, seconds);
    }

    public void Dispose() => Control.Dispose();

    private int Offer(int count)
    {
        var pool = Control.Pool;
        var got = pool.Allocate(_batch.AsSpan(0, Math.Min(count, _batch.Length)));
        var sent = 0;
        for (var i = 0; i < got; i++)
        {
            var meta = pool.Meta(_batch[i]);
            _frame.CopyTo(new Span<byte>(pool.Data(_batch[i]), _frame.Length));
            (meta->Length, meta->TotalLength) = ((ushort)_frame.Length, (uint)_frame.Length);
            if (_lan.Offer(_batch[i])) sent++;
            else pool.Free(_batch[i]);
        }
        return sent;
    }

    private int Collect()
    {
        var pool = Control.Pool;
        pool.Free(_batch.AsSpan(0, _lan.Collect(_batch)));
        var count = _wan.Collect(_batch);
        pool.Free(_batch.AsSpan(0, count));
        return count;
    }

    /// <summary>Takes what is still on its way.</summary>
    private int Drain()
    {
        var through = 0;
        for (var quiet = Stopwatch.StartNew(); quiet.ElapsedMilliseconds < 50;)
            if (Collect() is var count && count > 0)
            {
                through += count;
                quiet.Restart();
            }
        return through;
    }

    private void Attach(string name, InMemoryPort port, byte[] mac, string own, string peer)
    {
        var index = Control.AddInterface(new InterfaceSettings { Name = name, Type = "in-memory", Mac = new PhysicalAddress(mac) }, port);
        Control.SetAddresses(index, [new InterfaceAddress(IPAddress.Parse(own), 24)]);
        Control.AddNeighbor(index, IPAddress.Parse(peer), new PhysicalAddress(_peerMac));
    }
}
