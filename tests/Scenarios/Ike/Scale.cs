using System.Net;
using System.Text;
using Gateway.Crypto;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Ten thousand peers of one gateway, each an initiator of its own behind one address, on a virtual clock.</summary>
public sealed class Scale
{
    private const int Peers = 10_000;
    private const int DpdDelay = 20; // seconds

    private static readonly IPEndPoint _gatewayAt = new(IPAddress.Parse("192.0.2.1"), 500);
    private static readonly IPEndPoint _peersAt = new(IPAddress.Parse("198.51.100.2"), 500);

    [Fact]
    [Rfc("7296", "2.4")]
    public void Every_one_of_ten_thousand_peers_is_asked_in_time_and_only_the_one_that_is_silent_is_given_up()
    {
        using var net = new Net();
        for (var i = 0; i < Peers; i++)
        {
            net.Initiate(i);
            net.Deliver();
        }

        Assert.Equal(Peers, net.Gateway.Count);
        Assert.All(net.Gateway.Sas(net.Now), sa => Assert.Equal("ESTABLISHED", sa.State));

        // Two questions for each, none late, in time for the next: the gateway asks nobody twice for it.
        net.Run(seconds: (2 * DpdDelay) + 3);
        Assert.Equal(Peers, net.Asked.Count);
        Assert.All(net.Asked.Values, times => Assert.Equal(2, times.Count));
        Assert.Equal(Peers, net.Gateway.Count);

        // One is silent from here on. It alone is given up, and nobody else's question comes later for it.
        var silent = net.Gateway.Sas(net.Now)[Peers / 2];
        net.Silent = silent.InitiatorSpi;
        net.Asked.Clear();
        net.Run(seconds: DpdDelay + 15);
        Assert.Equal(Peers - 1, net.Gateway.Count);
        var given = Assert.Single(net.Facts.OfType<IkeSaClosed>());
        Assert.Equal(silent.Id, given.Id);
        net.Asked.Remove(silent.InitiatorSpi);
        Assert.Equal(Peers - 1, net.Asked.Count);
        Assert.All(net.Asked.Values, times => Assert.InRange(times.Count, 1, 2));
        Assert.Equal(0, net.Gateway.Drops(IkeDrop.Fault));
    }

    /// <summary>Two engines and the datagrams between them.</summary>
    private sealed class Net : ISecretSource, IDisposable
    {
        private readonly IkeEngine _peers;
        private readonly Queue<(bool ToGateway, byte[] Payload)> _wire = new();
        private readonly OutputList _outputs = new();

        public Net()
        {
            var secrets = new[] { new SharedSecret([], new KeyHandle(1)) };
            Gateway = Engine();
            _peers = Engine();
            Do(Gateway, (now, outputs) => Gateway.LoadConnections([Compile("all", Lab.Spec("gateway.lab", "*.lab", "192.0.2.1", "%any", "10.1.0.0/24", "10.128.0.0/9") with
            {
                DpdDelay = new SwanDuration(DpdDelay), Unique = UniquePolicy.Never,
            })], secrets, now, outputs));
            var each = Enumerable.Range(0, Peers).Select(i => Compile($"c{i}", Lab.Spec($"c{i}.lab", "gateway.lab", "198.51.100.2", "192.0.2.1", $"10.{128 + (i >> 8)}.{i & 255}.1/32", "10.1.0.0/24"))).ToList();
            Do(_peers, (now, outputs) => _peers.LoadConnections(each, secrets, now, outputs));
        }

        public IkeEngine Gateway { get; }

        public Timestamp Now { get; private set; } = new(1_000_000);

        /// <summary>When the gateway asked, by the initiator's SPI.</summary>
        public Dictionary<string, List<Timestamp>> Asked { get; } = [];

        public List<GatewayEvent> Facts { get; } = [];

        /// <summary>Whose datagrams are lost.</summary>
        public string? Silent { get; set; }

        public Secret? Open(KeyHandle handle) => Secret.FromBytes(Encoding.ASCII.GetBytes("one secret for all of them"));

        public void Initiate(int peer) => Do(_peers, (now, outputs) => _peers.Initiate(new ConnectionName($"c{peer}"), new ChildName("net"), now, outputs));

        public void Deliver()
        {
            while (_wire.TryDequeue(out var next))
            {
                var (to, from, engine) = next.ToGateway ? (_gatewayAt, _peersAt, Gateway) : (_peersAt, _gatewayAt, _peers);
                Do(engine, (now, outputs) => engine.Receive(to, from, next.Payload, natt: false, now, outputs));
            }
        }

        /// <summary>From timer to timer; what they cause arrives at once.</summary>
        public void Run(int seconds)
        {
            var end = Now + TimeSpan.FromSeconds(seconds);
            while (true)
            {
                var next = new[] { Gateway.NextDeadline, _peers.NextDeadline }.Where(d => d <= end).Min();
                if (next is not { } at) break;
                if (at > Now) Now = at;
                foreach (var engine in new[] { Gateway, _peers }) Do(engine, engine.Advance);
                Deliver();
            }

            Now = end;
        }

        public void Dispose()
        {
            Gateway.Dispose();
            _peers.Dispose();
        }

        private static Connection Compile(string name, ConnectionSpec spec)
        {
            Assert.True(ConnectionCompiler.TryCompile(new ConnectionName(name), spec with { Mobike = false }, out var connection, out var error), error);
            return connection;
        }

        private IkeEngine Engine() => new(new IkeEngineOptions
        {
            Secrets = this,
            Numbers = new SaNumbers(0, 0),
            // No limits of a flood: all of them have one address.
            Settings = new IkeSettings { RetransmitTimeout = TimeSpan.FromSeconds(1), RetransmitTries = 3, CookieThreshold = int.MaxValue, HalfOpenPerSource = int.MaxValue, Keepalive = TimeSpan.Zero },
        });

        private void Do(IkeEngine engine, Action<Timestamp, OutputList> call)
        {
            call(Now, _outputs);
            foreach (var output in _outputs)
            {
                switch (output)
                {
                    case IkeOutput.Store store: store.Content.Dispose(); break;
                    case IkeOutput.Fact fact when engine == Gateway: Facts.Add(fact.Event); break;
                    case IkeOutput.Send send: Send(engine == Gateway, send.Payload.ToArray()); break;
                }
            }

            _outputs.Clear();
        }

        private void Send(bool fromGateway, byte[] payload)
        {
            var packet = new Packet(fromGateway ? _gatewayAt : _peersAt, fromGateway ? _peersAt : _gatewayAt, payload);
            var header = packet.Header!;
            var spi = header.InitiatorSpi.ToString();
            if (fromGateway && header is { Exchange: ExchangeType.Informational, IsRequest: true })
            {
                if (!Asked.TryGetValue(spi, out var times)) Asked.Add(spi, times = []);
                times.Add(Now);
            }

            if (spi != Silent) _wire.Enqueue((!fromGateway, payload));
        }
    }
}
