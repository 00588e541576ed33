using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>A packet that arrived at the edge of the nodes under test.</summary>
internal sealed record Arrived(string Node, byte[] Bytes, PacketMeta Meta);

/// <summary>The ESP and policy nodes alone, between nodes that catch what comes out.</summary>
internal sealed unsafe class EspLab : IDisposable
{
    public static readonly IPAddress Here4 = IPAddress.Parse("198.51.100.1"), There4 = IPAddress.Parse("203.0.113.2");
    public static readonly IPAddress Here6 = IPAddress.Parse("2001:db8:1::1"), There6 = IPAddress.Parse("2001:db8:2::2");
    public static readonly IPAddress Lan4 = IPAddress.Parse("10.1.0.5"), Far4 = IPAddress.Parse("10.2.0.7");
    public static readonly IPAddress Lan6 = IPAddress.Parse("fd01::5"), Far6 = IPAddress.Parse("fd02::7");

    private interface IName
    {
        static abstract string Name { get; }
    }

    private readonly struct Catch<TName> : INode
        where TName : struct, IName
    {
        public static NodeInfo Info { get; } = NodeInfo.Of<NodeInfo.None>(TName.Name, []);

        public static void Process(ref Frame frame)
        {
            for (var i = 0; i < frame.Count; i++)
            {
                var index = frame.Indices[i];
                _arrivals?.Add(new Arrived(TName.Name, PacketCopy.ToArray(frame.Pool, index), *frame.Meta(index)));
                _count++;
                frame.Consume(index);
            }
        }
    }

    private readonly struct Lookup4 : IName { public static string Name => NodeNames.Ip4Lookup; }
    private readonly struct Lookup6 : IName { public static string Name => NodeNames.Ip6Lookup; }
    private readonly struct Input4 : IName { public static string Name => NodeNames.Ip4Input; }
    private readonly struct Input6 : IName { public static string Name => NodeNames.Ip6Input; }
    private readonly struct Rewrite4 : IName { public static string Name => NodeNames.Ip4Rewrite; }
    private readonly struct Rewrite6 : IName { public static string Name => NodeNames.Ip6Rewrite; }
    private readonly struct Deliver4 : IName { public static string Name => NodeNames.Ip4Deliver; }
    private readonly struct Deliver6 : IName { public static string Name => NodeNames.Ip6Deliver; }
    private readonly struct Icmp4 : IName { public static string Name => NodeNames.Icmp4Error; }
    private readonly struct Icmp6 : IName { public static string Name => NodeNames.Icmp6Error; }

    [ThreadStatic]
    private static List<Arrived>? _arrivals;

    [ThreadStatic]
    private static int _count;

    private static readonly GraphDefinition _graph = new(
    [
        NodeRegistration.Of<Catch<Input4>>(),
        NodeRegistration.Of<Catch<Input6>>(),
        NodeRegistration.Of<Catch<Lookup4>>(),
        NodeRegistration.Of<Catch<Lookup6>>(),
        NodeRegistration.Of<EspDecrypt<OuterIp4>>(),
        NodeRegistration.Of<EspDecrypt<OuterIp6>>(),
        NodeRegistration.Of<SpdInput<PolicyIp4, uint>>(),
        NodeRegistration.Of<SpdInput<PolicyIp6, UInt128>>(),
        NodeRegistration.Of<SpdOutput<PolicyIp4, uint>>(),
        NodeRegistration.Of<SpdOutput<PolicyIp6, UInt128>>(),
        NodeRegistration.Of<EspEncrypt<InnerIp4>>(),
        NodeRegistration.Of<EspEncrypt<InnerIp6>>(),
        NodeRegistration.Of<Ip4Fragment>(),
        NodeRegistration.Of<Catch<Rewrite4>>(),
        NodeRegistration.Of<Catch<Rewrite6>>(),
        NodeRegistration.Of<Catch<Deliver4>>(),
        NodeRegistration.Of<Catch<Deliver6>>(),
        NodeRegistration.Of<Catch<Icmp4>>(),
        NodeRegistration.Of<Catch<Icmp6>>(),
    ]);

    private readonly Epochs _epochs = new(1);

    public EspLab()
    {
        Tables = new DataplaneTables(_epochs);
        Pool = new PacketPool(1024, hugepages: false);
        Context = new WorkerContext(_graph, Pool, Tables) { Sessions = new SessionTable(64, new SessionLimits(), 0) };
        Control = new SaControl(Tables, new Lock()) { OutboundReady = policy => Context.Held.Release(Context, policy) };
        _arrivals = [];
    }

    public DataplaneTables Tables { get; }

    public PacketPool Pool { get; }

    public WorkerContext Context { get; }

    public SaControl Control { get; }

    /// <summary>Packets that left since the last look, without their bytes when <see cref="Quiet"/>.</summary>
    public static int TakeCount()
    {
        var count = _count;
        _count = 0;
        return count;
    }

    /// <summary>Catching nodes only count.</summary>
    public static void Quiet() => _arrivals = null;

    public static List<Arrived> Take()
    {
        var taken = _arrivals!;
        _arrivals = [];
        return taken;
    }

    /// <summary>An SA from the gateway to the peer and back; parameters as IKE would give them.</summary>
    public static ChildSaParameters Parameters(ulong id, SlowEsp outbound, SlowEsp inbound, string[]? local = null, string[]? remote = null) => new()
    {
        Id = new ChildSaId(id),
        IkeSa = new IkeSaId(1),
        Connection = new ConnectionName("branch"),
        Child = new ChildName("net"),
        InboundSpi = new Spi(inbound.Spi),
        OutboundSpi = new Spi(outbound.Spi),
        LocalAddress = outbound.Source,
        RemoteAddress = outbound.Destination,
        Encapsulation = outbound.Udp is { } udp ? new UdpEncapsulation(udp.Source, udp.Destination) : null,
        Transforms = new EspTransforms((ushort)(outbound.Icv switch { 8 => 18, 12 => 19, _ => 20 }), (ushort)(outbound.Key.Length * 8)),
        InboundKey = default,
        OutboundKey = default,
        LocalSelectors = Select(local ?? ["10.1.0.0/16", "fd01::/64"]),
        RemoteSelectors = Select(remote ?? ["10.2.0.0/16", "fd02::/64"]),
        Esn = outbound.Esn,
    };

    public static ValueList<TrafficSelector> Select(params string[] texts) =>
        texts.Select(t => TrafficSelector.TryParse(t, out var selector) ? selector : throw new FormatException(t)).ToValueList();

    /// <summary>Both directions of an SA with random keys.</summary>
    public static (SlowEsp Outbound, SlowEsp Inbound) Pair(Random random, bool v6 = false, bool udp = false, bool esn = false, int keyBytes = 16, int icv = 16, uint spi = 0x1000)
    {
        byte[] Bytes(int n)
        {
            var bytes = new byte[n];
            random.NextBytes(bytes);
            return bytes;
        }

        var (here, there) = v6 ? (Here6, There6) : (Here4, There4);
        return (
            new SlowEsp { Key = Bytes(keyBytes), Salt = Bytes(4), Spi = spi + 0xA000_0000, Source = here, Destination = there, Esn = esn, Icv = icv, Udp = udp ? (4500, 40000) : null },
            new SlowEsp { Key = Bytes(keyBytes), Salt = Bytes(4), Spi = spi, Source = there, Destination = here, Esn = esn, Icv = icv, Udp = udp ? (40000, 4500) : null });
    }

    public SaInstallResult Install(ChildSaParameters parameters, SlowEsp outbound, SlowEsp inbound, SaHotState* hot = null, bool hold = false, uint onInterface = 0) => Control.InstallSa(new SaInstall
    {
        Parameters = parameters,
        InboundKey = inbound.Keymat,
        OutboundKey = outbound.Keymat,
        HotState = (nint)hot,
        HoldOutbound = hold,
        Interface = onInterface,
    });

    /// <summary>Puts a packet before a node as ip input and ip lookup leave it.</summary>
    public uint Put(string node, byte[] packet, uint nextHop = 0)
    {
        var index = PacketCopy.FromBytes(Pool, packet);
        var meta = Pool.Meta(index);
        var v6 = packet.Length > 0 && packet[0] >> 4 == 6;
        meta->L3 = meta->Offset;
        meta->L4 = (ushort)(meta->Offset + (v6 ? 40 : 20));
        meta->Protocol = packet.Length > 9 ? packet[v6 ? 6 : 9] : (byte)0;
        meta->NextHop = nextHop;
        meta->RxInterface = 3;
        if (!v6 && packet.Length > 8 && ((packet[6] & 0x1F) != 0 || packet[7] != 0)) meta->Flags |= PacketFlags.Fragment | PacketFlags.LaterFragment;
        // What ip-local does with UDP 4500.
        if (node is NodeNames.Esp4Decrypt or NodeNames.Esp6Decrypt && meta->Protocol == 17)
        {
            meta->L4 += 8;
            meta->Flags |= PacketFlags.UdpEncapsulated;
        }
        Context.Enqueue(_graph.Find(node), index);
        return index;
    }

    /// <summary>Runs the graph and returns what came out.</summary>
    public List<Arrived> Run()
    {
        Context.Run();
        return Take();
    }

    public List<Arrived> Decrypt(byte[] outer)
    {
        Put(outer[0] >> 4 == 4 ? NodeNames.Esp4Decrypt : NodeNames.Esp6Decrypt, outer);
        return Run();
    }

    /// <summary>Sends an inner packet through the outbound policy.</summary>
    public List<Arrived> Send(byte[] inner)
    {
        Put(inner[0] >> 4 == 4 ? NodeNames.Spd4Output : NodeNames.Spd6Output, inner);
        return Run();
    }

    public ulong Drops(string node, string reason) => Context.Drops[_graph.FindDrop(node, reason)];

    /// <summary>The drop counters that are not zero, for messages.</summary>
    public string DropsText() => string.Join(", ", _graph.Drops.Index().Where(d => Context.Drops[d.Index] != 0).Select(d => $"{d.Item.Node}/{d.Item.Row.Name} {Context.Drops[d.Index]}"));

    public ulong AllDrops()
    {
        ulong sum = 0;
        for (var i = 0; i < _graph.Drops.Length; i++) sum += Context.Drops[i];
        return sum;
    }

    public List<DataplaneNotice> Notices()
    {
        var notices = new List<DataplaneNotice>();
        while (Context.Notices.TryPop(out var notice))
            if (Control.Decode(notice) is { } decoded) notices.Add(decoded);
        return notices;
    }

    public void Dispose()
    {
        Control.Dispose();
        Context.Dispose();
        Tables.Dispose();
        _epochs.Dispose();
        Pool.Dispose();
    }
}
