using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Unit.Dataplane.Packets;

/// <summary>
/// A gateway with in-memory ports that a test steps by hand: `lan` 10.1.0.1/24 and 2001:db8:1::1/64, `wan` 198.51.100.1/24 and 2001:db8:2::1/64,
/// a host .2 on each whose MAC address is known, and a default route to the one on `wan`.
/// </summary>
internal sealed class TestGateway : IPuntSink, INoticeSink, IDisposable
{
    public static readonly byte[] LanMac = Build.Mac("02:00:00:00:01:01");
    public static readonly byte[] WanMac = Build.Mac("02:00:00:00:02:01");
    public static readonly byte[] LanHost = Build.Mac("02:00:00:00:01:02");
    public static readonly byte[] WanHost = Build.Mac("02:00:00:00:02:02");
    public static readonly byte[] Broadcast = Build.Mac("ff:ff:ff:ff:ff:ff");

    public TestGateway(int buffers = 4096, int workers = 1, bool neighbors = true, bool started = false, DataplaneOptions? flows = null)
    {
        Control = new DataplaneControl((flows ?? new DataplaneOptions()) with { Buffers = buffers, Workers = workers, Hugepages = false }, this, this);
        LanPort = new InMemoryPort(Control.Pool);
        WanPort = new InMemoryPort(Control.Pool);
        Lan = Control.AddInterface(new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress(LanMac) }, LanPort);
        Wan = Control.AddInterface(new InterfaceSettings { Name = "wan", Type = "in-memory", Mac = new PhysicalAddress(WanMac) }, WanPort);
        Control.SetAddresses(Lan, [Address("10.1.0.1", 24), Address("2001:db8:1::1", 64)]);
        Control.SetAddresses(Wan, [Address("198.51.100.1", 24), Address("2001:db8:2::1", 64)]);
        if (neighbors)
        {
            Control.AddNeighbor(Lan, IPAddress.Parse("10.1.0.2"), new PhysicalAddress(LanHost));
            Control.AddNeighbor(Lan, IPAddress.Parse("2001:db8:1::2"), new PhysicalAddress(LanHost));
            Control.AddNeighbor(Wan, IPAddress.Parse("198.51.100.2"), new PhysicalAddress(WanHost));
            Control.AddNeighbor(Wan, IPAddress.Parse("2001:db8:2::2"), new PhysicalAddress(WanHost));
        }
        Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.2") });
        Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("::/0"), Via = IPAddress.Parse("2001:db8:2::2") });
        if (started) return;
        Step();
        Drain(LanPort);
        Drain(WanPort);
    }

    public DataplaneControl Control { get; }

    public InMemoryPort LanPort { get; }

    public InMemoryPort WanPort { get; }

    public uint Lan { get; }

    public uint Wan { get; }

    public List<PuntedDatagram> Datagrams { get; } = [];

    public List<DataplaneNotice> Notices { get; } = [];

    public static InterfaceAddress Address(string address, int length) => new(IPAddress.Parse(address), length);

    void IPuntSink.OnDatagram(PuntedDatagram datagram) => Datagrams.Add(datagram);

    void INoticeSink.OnNotice(DataplaneNotice notice) => Notices.Add(notice);

    /// <summary>Runs the workers and the control side until nothing moves any more.</summary>
    public void Step()
    {
        for (var again = true; again;)
        {
            again = false;
            foreach (var worker in Control.Workers) again |= worker.Step();
            Control.TakeNews();
        }
    }

    /// <summary>Sends a packet from the host on `lan`.</summary>
    public void FromLan(byte[] ip) => Send(LanPort, LanMac, LanHost, ip);

    /// <summary>Sends something as IPv4 from the host on `lan`, whatever it is.</summary>
    public void FromLan4(byte[] bytes) => Frame(LanPort, Build.Ethernet(LanMac, LanHost, 0x0800, bytes));

    /// <summary>Sends something as IPv6 from the host on `lan`, whatever it is.</summary>
    public void FromLan6(byte[] bytes) => Frame(LanPort, Build.Ethernet(LanMac, LanHost, 0x86DD, bytes));

    /// <summary>Sends a packet from the host on `wan`.</summary>
    public void FromWan(byte[] ip) => Send(WanPort, WanMac, WanHost, ip);

    public void Frame(InMemoryPort port, byte[] frame)
    {
        if (!port.Offer(frame)) throw new InvalidOperationException("The test's pool is empty.");
        Step();
    }

    /// <summary>All frames that left by `lan`.</summary>
    public List<Seen> OnLan() => Drain(LanPort);

    /// <inheritdoc cref="OnLan"/>
    public List<Seen> OnWan() => Drain(WanPort);

    /// <summary>Value of a counter, drop or other, as `node/name`.</summary>
    public ulong Count(string name) => Control.Counters(withZeros: true).Single(c => $"{c.Node}/{c.Name}" == name).Value;

    public List<string> Drops() => [.. Control.Counters().Where(c => c.IsDrop).Select(c => $"{c.Node}/{c.Name}={c.Value}")];

    public static List<Seen> Drain(InMemoryPort port)
    {
        List<Seen> frames = [];
        while (port.CollectBytes() is { } bytes) frames.Add(new Seen(bytes));
        return frames;
    }

    public void Dispose() => Control.Dispose();

    private void Send(InMemoryPort port, byte[] to, byte[] from, byte[] ip) =>
        Frame(port, Build.Ethernet(to, from, (ushort)(ip[0] >> 4 == 6 ? 0x86DD : 0x0800), ip));
}
