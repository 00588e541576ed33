using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Bench.Lab;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;

namespace Gateway.Bench.Restart;

/// <summary>Two gateways with a thousand tunnels between them; the left one dies.</summary>
internal sealed class ResumedSas : IDisposable
{
    private const int _batch = 100;

    private readonly LabNet _net = new(leftIsBare: true, rightIsBare: true);
    private readonly GatewayProcess _right;

    internal ResumedSas(int sas, Action<JsonObject> appliance)
    {
        Left = new GatewayProcess(_net.Left, Place.Left, "", appliance: box => Many(box, appliance));
        _right = new GatewayProcess(_net.Right, Place.Right, "", appliance: box => Many(box, appliance));
        for (var first = 0; first < sas; first += _batch)
        {
            var numbers = Enumerable.Range(first, Math.Min(_batch, sas - first)).ToList();
            RestartSuite.Command(_right, [.. numbers.SelectMany(i => Tunnel(i, left: false))]);
            RestartSuite.Command(Left, [.. numbers.SelectMany(i => Tunnel(i, left: true))]);
            var wanted = first + numbers.Count;
            Netns.Await(() => Up(Left) >= wanted && Up(_right) >= wanted, $"{wanted} tunnels come up", 120);
        }

        Path = new UdpPath(_net.LeftHost, _net.RightHost, LabNet.RightHostAddress, 128);
        // The hosts do not have to find their routers again: what is measured is the gateway.
        _net.LeftHost.Must($"ip neigh replace 10.1.0.1 lladdr {_net.Left.Mac("lan")} dev eth0 nud permanent");
        Path.SendUntilOneArrives(TimeSpan.FromSeconds(30));
    }

    internal GatewayProcess Left { get; }

    /// <summary>From a host behind the left gateway to one behind the right.</summary>
    internal UdpPath Path { get; }

    /// <summary>Kills the left gateway, starts it again, and gives the seconds from there to the first packet that came through a tunnel.</summary>
    internal double Restart()
    {
        var before = Spis(Left);
        Left.Vanish();
        Thread.Sleep(200);
        var arrival = Task.Run(() => Path.SendUntilOneArrives(TimeSpan.FromSeconds(60)));
        var start = Stopwatch.GetTimestamp();
        Left.StartAgain();
        var taken = Stopwatch.GetElapsedTime(start, arrival.GetAwaiter().GetResult()).TotalSeconds;
        if (!Spis(Left).SetEquals(before)) throw new InvalidOperationException("The gateway did not go on with the same SAs.");
        return taken;
    }

    public void Dispose()
    {
        Path?.Dispose();
        Left?.Dispose();
        _right?.Dispose();
        _net.Dispose();
    }

    private static void Many(JsonObject box, Action<JsonObject> appliance)
    {
        appliance(box);
        // All peers come from one address, which a gateway takes for a flood as a rule.
        box["ike"] = new JsonObject { ["retransmit_timeout"] = 2.0, ["cookie_threshold"] = 100_000, ["block_threshold"] = 100_000 };
    }

    private static IEnumerable<JsonObject> Tunnel(int i, bool left)
    {
        var (local, remote) = left ? ("left.lab", $"peer{i}.example") : ($"peer{i}.example", "left.lab");
        var net = i == 0 ? "10.2.0.0/24" : $"10.{100 + (i / 250)}.{i % 250}.0/24";
        yield return RestartSuite.Item("secret", $"ike-{i}", new JsonObject { ["type"] = "ike", ["ids"] = new JsonArray("left.lab", $"peer{i}.example"), ["secret"] = $"not so secret {i}" });
        yield return RestartSuite.Item("connection", $"c{i}", new JsonObject
        {
            ["local_addrs"] = new JsonArray(left ? LabNet.LeftAddress : LabNet.RightAddress),
            ["remote_addrs"] = new JsonArray(left ? LabNet.RightAddress : LabNet.LeftAddress),
            ["proposals"] = new JsonArray("aes128gcm16-prfsha256-x25519"),
            ["local"] = new JsonArray(new JsonObject { ["auth"] = "psk", ["id"] = local }),
            ["remote"] = new JsonArray(new JsonObject { ["auth"] = "psk", ["id"] = remote }),
            ["children"] = new JsonObject
            {
                ["net"] = new JsonObject
                {
                    ["local_ts"] = new JsonArray(left ? "10.1.0.0/24" : net),
                    ["remote_ts"] = new JsonArray(left ? net : "10.1.0.0/24"),
                    ["esp_proposals"] = new JsonArray("aes128gcm16-x25519"),
                    ["start_action"] = left ? "start" : "none",
                },
            },
        });
    }

    private static int Up(GatewayProcess gateway) => Rows(gateway).Count(s => s.State == "established" && s.Children.Any());

    private static HashSet<string> Spis(GatewayProcess gateway) => [.. Rows(gateway).SelectMany(s => s.Children).Select(c => c.SpiIn)];

    private static SaRow[] Rows(GatewayProcess gateway) => gateway.Get("/v1/show/sas").Deserialize<SaRow[]>(ApiJson.Options)!;
}
