using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>An SA that changes its worker while packets of it arrive at all workers: real threads, ports with a queue for each.</summary>
public sealed class SaMigrationTests : IDisposable
{
    private const int Workers = 3, Moves = 400;
    private readonly Random _random = new(17);
    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 16384, Workers = Workers, Hugepages = false });
    private readonly InMemoryQueues _lan;
    private readonly InMemoryQueues _wan;
    private readonly SlowEsp _out;
    private readonly SlowEsp _in;

    public SaMigrationTests()
    {
        _lan = new InMemoryQueues(_control.Pool, Workers);
        _wan = new InMemoryQueues(_control.Pool, Workers);
        Attach("lan", TestGateway.LanMac, _lan, "10.1.0.1", "10.1.0.2", TestGateway.LanHost);
        Attach("wan", TestGateway.WanMac, _wan, "198.51.100.1", "198.51.100.2", TestGateway.WanHost);
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.2") });
        var here = IPAddress.Parse("198.51.100.1");
        var (outbound, inbound) = EspLab.Pair(_random);
        (_out, _in) = (outbound with { Source = here }, inbound with { Destination = here });
        Assert.Equal(SaInstallResult.Installed, _control.Security.InstallSa(new SaInstall
        {
            Parameters = EspLab.Parameters(1, _out, _in, ["10.1.0.0/24"], ["10.2.0.0/24"]) with { ReplayWindow = 4096 },
            InboundKey = _in.Keymat,
            OutboundKey = _out.Keymat,
        }));
    }

    public void Dispose() => _control.Dispose();

    [Fact]
    public void No_sequence_number_is_used_twice_and_every_packet_is_accounted_for()
    {
        var frame = Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4("10.1.0.2", "10.2.0.7", 17, Build.Udp("10.1.0.2", "10.2.0.7", 1, 2, Build.Bytes(40))));
        HashSet<uint> numbers = [];
        long sent = 0, arrived = 0;
        Race(
            () =>
            {
                if (_lan.Wires[sent % Workers].Offer(frame)) sent++;
            },
            () => arrived += Collect(_wan, bytes => Assert.True(numbers.Add(BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(14 + 20 + 4))), "a sequence number came twice")),
            () => Lost() + arrived == sent);

        Assert.InRange(arrived, 1000, sent);
        // What was encrypted may still have been lost on its way out, so there may be holes, but no number beyond what was given out.
        var encrypted = _control.Security.Sas()[0].Outbound.Packets;
        Assert.InRange((ulong)arrived, 1000ul, encrypted);
        Assert.InRange(numbers.Max(), (uint)arrived, (uint)encrypted);
        Assert.Equal(_control.Pool.Capacity, _control.Pool.Available);
    }

    [Fact]
    public void A_packet_that_comes_by_two_workers_is_accepted_once()
    {
        // The payload tells which packet it was.
        byte[] Inner(uint number) => Build.Ip4("10.2.0.7", "10.1.0.2", 17, Build.Udp("10.2.0.7", "10.1.0.2", 1, 2, [.. BitConverter.GetBytes(number), .. Build.Bytes(20)]));
        HashSet<uint> numbers = [];
        long sent = 0, arrived = 0;
        uint next = 1;
        Race(
            () =>
            {
                var twice = Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, _in.Wrap(Inner(next), next));
                var any = false;
                foreach (var queue in (ReadOnlySpan<uint>)[next % Workers, (next + 1) % Workers])
                {
                    if (!_wan.Wires[queue].Offer(twice)) continue;
                    sent++;
                    any = true;
                }
                if (any) next++;
            },
            () => arrived += Collect(_lan, bytes => Assert.True(numbers.Add(BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(14 + 20 + 8))), "a packet was accepted twice")),
            () => Lost() + arrived == sent);

        Assert.InRange(arrived, 1000, sent);
        Assert.Equal((ulong)arrived, _control.Security.Sas()[0].Inbound.Packets);
        Assert.Equal(_control.Pool.Capacity, _control.Pool.Available);
    }

    [Fact]
    public void Without_pressure_nothing_is_lost_when_it_moves()
    {
        var frame = Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4("10.1.0.2", "10.2.0.7", 17, Build.Udp("10.1.0.2", "10.2.0.7", 1, 2, Build.Bytes(40))));
        long sent = 0, arrived = 0;
        Race(
            () =>
            {
                if (sent - Volatile.Read(ref arrived) < 256 && _lan.Wires[sent % Workers].Offer(frame)) sent++;
            },
            () => Interlocked.Add(ref arrived, Collect(_wan, _ => { })),
            () => arrived == sent);
        Assert.Equal(sent, arrived);
        Assert.DoesNotContain(_control.Counters(), c => c.IsDrop);
    }

    [Fact]
    public void Its_owner_is_told_and_a_worker_that_there_is_not_is_refused()
    {
        Assert.Equal(0, _control.Security.OwnerOf(new ChildSaId(1)));
        Assert.True(_control.Security.MoveSa(new ChildSaId(1), 2));
        Assert.Equal(2, _control.Security.OwnerOf(new ChildSaId(1)));
        Assert.Equal([0, 0, 1], _control.WorkerRows().Select(w => w.Sas));
        Assert.False(_control.Security.MoveSa(new ChildSaId(9), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _control.Security.MoveSa(new ChildSaId(1), Workers));
        Assert.Null(_control.Security.OwnerOf(new ChildSaId(9)));
    }

    /// <summary>Offers and collects on one thread, moves the SA on another, until it has moved often and everything came through.</summary>
    private void Race(Action offer, Action collect, Func<bool> isQuiet)
    {
        _control.Start();
        var moves = 0;
        var mover = new Thread(() =>
        {
            for (; moves < Moves; moves++)
            {
                _control.Security.MoveSa(new ChildSaId(1), moves % Workers);
                Thread.Sleep(_random.Next(2));
            }
        });
        mover.Start();
        while (mover.IsAlive)
        {
            for (var i = 0; i < 32; i++) offer();
            collect();
        }
        mover.Join();
        for (var deadline = Environment.TickCount64 + 60_000; !isQuiet(); Thread.Sleep(1))
        {
            collect();
            Assert.True(Environment.TickCount64 < deadline, $"packets are missing; dropped: {string.Join(", ", _control.Counters().Where(c => c.IsDrop).Select(c => $"{c.Node}/{c.Name}={c.Value}"))}");
        }
        // A worker counts what it did after it did it.
        foreach (var worker in _control.Workers) worker.Stop();
        // Announcements, which nobody waited for.
        Collect(_lan, _ => { });
        Collect(_wan, _ => { });
        Assert.Equal(Moves, moves);
    }

    private long Lost() => (long)_control.Counters().Where(c => c.IsDrop).Aggregate(0ul, (sum, c) => sum + c.Value) + (long)_control.Interfaces().Aggregate(0ul, (sum, i) => sum + i.TxDropped);

    private static int Collect(InMemoryQueues port, Action<byte[]> look)
    {
        var count = 0;
        foreach (var wire in port.Wires)
            while (wire.CollectBytes() is { } bytes)
            {
                // Addresses are announced once more after two seconds.
                if (BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(12)) != 0x0800) continue;
                count++;
                look(bytes);
            }
        return count;
    }

    private void Attach(string name, byte[] mac, InMemoryQueues port, string own, string host, byte[] hostMac)
    {
        var index = _control.AddInterface(new InterfaceSettings { Name = name, Type = "in-memory", Mac = new PhysicalAddress(mac) }, port);
        _control.SetAddresses(index, [new InterfaceAddress(IPAddress.Parse(own), 24)]);
        _control.AddNeighbor(index, IPAddress.Parse(host), new PhysicalAddress(hostMac));
        // What was announced is not part of the count.
        for (var again = true; again;)
        {
            again = false;
            foreach (var worker in _control.Workers) again |= worker.Step();
        }
        Collect(port, _ => { });
    }
}
