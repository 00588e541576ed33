using System.Globalization;
using System.Net;
using System.Text.Json;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Resume;

/// <summary>The gateway is killed (SIGKILL) while it gives blocks of outside ports to hosts: what a server saw is held to what the journal says.</summary>
public sealed class NatBlocksTests : IDisposable
{
    private const int Hosts = 200;

    /// <summary>Every host sends, again and again from the same port, its own address; new hosts join all the time. One TCP connection stays open and counts.</summary>
    private const string Sender = """
        import random, socket, sys, time
        server = sys.argv[1]
        hosts = ['10.1.0.%d' % i for i in range(2, 2 + int(sys.argv[2]))]
        random.shuffle(hosts)
        tcp = socket.create_connection((server, 7000), source_address=('10.1.0.2', 0))
        tcp.settimeout(60)
        echoed = 0
        sockets = []
        began = time.time()
        while time.time() - began < float(sys.argv[3]):
            if hosts:
                host = hosts.pop()
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind((host, 5353))
                sockets.append((s, host))
            for s, host in random.sample(sockets, min(len(sockets), 10)):
                try: s.sendto(host.encode(), (server, 7000))
                except OSError: pass
            tcp.sendall(b'%08d' % echoed)
            got = b''
            while len(got) < 8: got += tcp.recv(8 - len(got))
            assert int(got) == echoed
            echoed += 1
            time.sleep(0.02)
        print('echoed', echoed)
        """;

    /// <summary>Prints when, from where and what; echoes what comes by TCP.</summary>
    private const string Receiver = """
        import socket, threading, time
        listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(('', 7000)); listener.listen()
        def serve(c):
            while True:
                d = c.recv(100)
                if not d: return
                c.sendall(d)
        def accept():
            while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 7000))
        print('ready')
        while True:
            d, a = s.recvfrom(100)
            print('saw', time.time(), a[0], a[1], d.decode())
        """;

    private readonly Namespaces _net = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("gwblocks-").FullName;

    public void Dispose()
    {
        _net.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Whose_a_port_was_is_known_of_every_packet_whenever_the_gateway_was_killed()
    {
        var (box, host, server) = (_net.Add("box"), _net.Add("host"), _net.Add("server"));
        _net.Link(host, "eth0", box, "lan");
        _net.Link(box, "wan", server, "eth0");
        for (var i = 2; i < 2 + Hosts; i++) host.Address("eth0", $"10.1.0.{i}/24");
        host.Route("default", "10.1.0.1");
        server.Address("eth0", $"{LabNet.LeftNextHop}/24");
        using var gateway = new GatewayProcess(box, Place.Left, "");
        gateway.Apply("""[{"kind":"nat","name":"out","spec":{"type":"source","from":["10.1.0.0/24"],"out_interface":"wan","addresses":["198.51.100.48/30"],"block_size":64}}]""");

        File.WriteAllText(Path.Combine(_folder, "receiver.py"), Receiver);
        File.WriteAllText(Path.Combine(_folder, "sender.py"), Sender);
        using var receiver = server.Start($"python3 -u {_folder}/receiver.py");
        Netns.Await(() => receiver.Output.Contains("ready", StringComparison.Ordinal), "the server listens");
        using var sender = host.Start(string.Create(CultureInfo.InvariantCulture, $"python3 -u {_folder}/sender.py {LabNet.LeftNextHop} {Hosts} 12"));
        for (var death = 0; death < 3; death++)
        {
            Netns.Await(() => Seen(receiver).Count > (death + 1) * 100 || sender.HasExited, "packets arrive", 60);
            gateway.Vanish();
            gateway.StartAgain();
        }

        Netns.Await(() => sender.HasExited, "the hosts have sent all", 180);
        Assert.True(sender.Output.Contains("echoed", StringComparison.Ordinal), sender.Output + gateway.Account());
        var seen = Seen(receiver);
        Assert.True(seen.Select(s => s.Host).Distinct().Count() > Hosts / 2, $"{seen.Count} packets of {seen.Select(s => s.Host).Distinct().Count()} hosts");
        // A flow keeps its outside address and port.
        Assert.All(seen.GroupBy(s => s.Host), g => Assert.Single(g.Select(s => (s.Outside, s.Port)).Distinct()));

        var blocks = Events(gateway, "nat.block-assigned.v1");
        Assert.Empty(Events(gateway, "nat.block-released.v1"));
        Assert.Equal(blocks.Count, blocks.Select(b => (b.Outside, b.First)).Distinct().Count());
        Assert.Equal(blocks.Count, blocks.Select(b => b.Host).Distinct().Count());
        foreach (var packet in seen)
        {
            var block = Assert.Single(blocks, b => b.Outside == packet.Outside && b.First <= packet.Port && packet.Port <= b.Last);
            Assert.Equal(packet.Host, block.Host);
            // It was written first.
            Assert.True(block.Time <= packet.Time, $"{block} was written behind {packet}");
        }

        // The auditor's question, asked of the running gateway and of the files of a dead one.
        var last = seen[^1];
        var question = string.Create(CultureInfo.InvariantCulture, $"{last.Outside}:{last.Port}");
        Assert.Contains(last.Host, gateway.MustCli("nat", "who", question), StringComparison.Ordinal);
        gateway.Vanish();
        var offline = Shell.Must(GatewayProcess.Binary, ["nat", "who", question, "--json", "--config", gateway.In("appliance.json")]);
        Assert.Equal(last.Host, JsonDocument.Parse(offline).RootElement[0].GetProperty("host").GetString());
        Assert.Equal(1, Shell.Try(GatewayProcess.Binary, ["nat", "who", question, "--at", "1", "--config", gateway.In("appliance.json")]).Code);
    }

    private static List<(DateTimeOffset Time, string Outside, int Port, string Host)> Seen(BackgroundProcess receiver) =>
    [
        .. receiver.Output.Split('\n').Select(l => l.Trim().Split(' ')).Where(w => w is ["saw", _, _, _, _]).Select(w => (
            DateTimeOffset.UnixEpoch.AddSeconds(double.Parse(w[1], CultureInfo.InvariantCulture)), w[2], int.Parse(w[3], CultureInfo.InvariantCulture), w[4])),
    ];

    private static List<(DateTimeOffset Time, string Host, string Outside, int First, int Last)> Events(GatewayProcess gateway, string name) =>
    [
        .. gateway.Get("/v1/history?limit=100000").EnumerateArray().Where(e => e.GetProperty("event").GetString() == name).Select(e => (
            e.GetProperty("time").GetDateTimeOffset(), e.GetProperty("data").GetProperty("host").GetString()!, e.GetProperty("data").GetProperty("outside").GetString()!,
            e.GetProperty("data").GetProperty("first_port").GetInt32(), e.GetProperty("data").GetProperty("last_port").GetInt32())),
    ];
}
