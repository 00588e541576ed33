using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Policy.Sa;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>The moment in which an SA has a new worker and its former one has not let go, held still and stepped through.</summary>
public sealed unsafe class ParkedPacketsTests : IDisposable
{
    private readonly TestGateway _gateway = new(workers: 2, buffers: 8192);
    private readonly SlowEsp _out;
    private readonly SaEntry* _sa;

    public ParkedPacketsTests()
    {
        var here = IPAddress.Parse("198.51.100.1");
        var (outbound, inbound) = EspLab.Pair(new Random(23));
        (_out, inbound) = (outbound with { Source = here }, inbound with { Destination = here });
        Assert.Equal(SaInstallResult.Installed, _gateway.Control.Security.InstallSa(new SaInstall
        {
            Parameters = EspLab.Parameters(1, _out, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]),
            InboundKey = inbound.Keymat,
            OutboundKey = _out.Keymat,
            Worker = 0,
        }));
        _sa = _gateway.Control.Tables.Sad.Find(inbound.Spi);
    }

    public void Dispose() => _gateway.Dispose();

    [Fact]
    public void Packets_wait_at_the_new_owner_in_their_order_until_the_old_one_has_let_go()
    {
        Place(worker: 1, owner: 0);
        for (var i = 0; i < 20; i++) Offer(i);
        Loops(8);
        Assert.Empty(_gateway.OnWan());
        Assert.Equal(0, _gateway.Control.Workers[0].Context.Parked.Count);
        Assert.Equal(20, _gateway.Control.Workers[1].Context.Parked.Count);
        Assert.Equal(0UL, _gateway.Control.Security.Sas()[0].Outbound.Packets);

        Place(worker: 1, owner: 1);
        Loops(8);
        var outer = _gateway.OnWan();
        Assert.Equal(20, outer.Count);
        for (var i = 0; i < 20; i++) Assert.Equal(i, Build.Get16(_out.Unseal(outer[i].Ip[20..], (ulong)i + 1)!, 20));
        Assert.Empty(_gateway.Drops());
    }

    [Fact]
    public void The_new_owner_gets_it_only_when_the_old_one_has_passed()
    {
        // The old owner is in the middle of a loop, and may hold a frame of the SA.
        var epochs = _gateway.Control.Tables.Epochs;
        epochs.Pass(0);
        var move = new Thread(() => _gateway.Control.Security.MoveSa(new ChildSaId(1), 1));
        move.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref _sa->Place.Whole) != SaPlace.Of(0));
        Assert.False(move.Join(100));
        Assert.Equal((1, 0), (_sa->Place.Worker, _sa->Place.Owner));

        epochs.Sleep(0);
        Assert.True(move.Join(60_000));
        Assert.Equal(SaPlace.Of(1), _sa->Place.Whole);
    }

    [Fact]
    public void More_than_there_is_room_for_are_counted_drops()
    {
        Place(worker: 1, owner: 0);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 1000; i++) Offer(i);
            Loops(16);
        }
        Assert.Equal(ParkedPackets.Capacity, _gateway.Control.Workers[1].Context.Parked.Count);
        Assert.Equal(3000ul - ParkedPackets.Capacity, _gateway.Count("esp4-encrypt/handoff-full"));
        Place(worker: 1, owner: 1);
        Loops(64);
        Assert.Equal(ParkedPackets.Capacity, _gateway.OnWan().Count + (int)_gateway.Count("interface-output/handoff-full"));
        Assert.Equal(_gateway.Control.Pool.Capacity, _gateway.Control.Pool.Available);
    }

    private void Place(int worker, int owner) => _sa->Place = new SaPlace { Worker = worker, Owner = owner };

    private void Offer(int number) => Assert.True(_gateway.LanPort.Offer(Build.Ethernet(
        TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4("10.1.0.2", "10.2.0.7", 17, Build.Udp("10.1.0.2", "10.2.0.7", number, 2, Build.Bytes(20))))));

    /// <summary>A parked packet is work, so the workers never come to rest by themselves.</summary>
    private void Loops(int count)
    {
        for (var i = 0; i < count; i++)
            foreach (var worker in _gateway.Control.Workers) worker.Step();
    }
}
