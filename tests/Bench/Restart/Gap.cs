using System.Text.Json.Nodes;
using Gateway.Bench.Lab;
using Gateway.Interop.Lab;

namespace Gateway.Bench.Restart;

/// <summary>A steady flow through a tunnel to a strongSwan while the gateway is killed and started again at once, as a supervisor does.</summary>
internal static class Gap
{
    private const int _rate = 1000;

    private static readonly TimeSpan _before = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _whole = TimeSpan.FromSeconds(6);

    /// <summary>What strongSwan's log would hold if the SA had been touched.</summary>
    private static readonly string[] _disturbances = ["IKE_SA_INIT", "IKE_AUTH", "CREATE_CHILD_SA", "rekeying", "received DELETE", "deleting", "giving up"];

    /// <summary>The longest time without a packet, in seconds, one per kill.</summary>
    internal static double[] Measure(int rounds, Action<JsonObject> appliance)
    {
        var lab = new LabCase();
        using var net = new LabNet(leftIsBare: true);
        using var gateway = new GatewayProcess(net.Left, Place.Left, lab.LeftConf(), appliance: appliance);
        using var peer = new StrongSwanPeer(net.Right, lab.RightConf());
        if (!gateway.Initiate(out var said)) throw new InvalidOperationException($"The tunnel did not come up: {said}");
        net.LeftHost.Must($"ip neigh replace 10.1.0.1 lladdr {net.Left.Mac("lan")} dev eth0 nud permanent");
        using var path = new UdpPath(net.LeftHost, net.RightHost, LabNet.RightHostAddress, 128);
        path.SendUntilOneArrives(TimeSpan.FromSeconds(30));
        // Neighbors are saved every second.
        Thread.Sleep(2000);
        var gaps = new double[rounds];
        for (var round = -1; round < rounds; round++)
        {
            var quiet = peer.Log.Length;
            var death = Task.Run(() =>
            {
                Thread.Sleep(_before);
                gateway.Vanish();
                gateway.StartAgain();
            });
            path.Send(_rate, _whole);
            death.GetAwaiter().GetResult();
            if (round >= 0) gaps[round] = path.LongestGap.TotalSeconds;
            var log = peer.Log[quiet..];
            if (_disturbances.FirstOrDefault(word => log.Contains(word, StringComparison.Ordinal)) is { } word) throw new InvalidOperationException($"The peer logged {word}:\n{log}");
        }

        return gaps;
    }
}
