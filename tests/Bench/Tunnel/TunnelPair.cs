using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Bench.Harness;
using Gateway.Bench.Lab;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;

namespace Gateway.Bench.Tunnel;

/// <summary>Two gateways of one make with a tunnel between them, a router in the middle and a host behind each.</summary>
internal sealed class TunnelPair : IDisposable
{
    private readonly LabNet _net;
    private readonly ILabSide _left = null!;
    private readonly ILabSide _right = null!;
    private readonly UdpPath _udp = null!;
    private readonly int[] _processes = [];

    private TunnelPair(string name, string program, bool bare, int size, Func<LabNet, LabCase, ILabSide> left, Func<LabNet, LabCase, ILabSide> right)
    {
        Name = name;
        _net = new LabNet(leftIsBare: bare, rightIsBare: bare);
        try
        {
            // The same inner packets for both, whatever each would do about the tunnel's MTU.
            foreach (var host in new[] { _net.LeftHost, _net.RightHost }) host.Must($"ip link set dev eth0 mtu {size}");
            var lab = new LabCase();
            _left = left(_net, lab);
            _right = right(_net, lab);
            if (!_left.Initiate(out var said)) throw new InvalidOperationException($"{name}: the tunnel does not come up.\n{said}\n--- left\n{_left.Log}\n--- right\n{_right.Log}");
            Netns.Await(() => _net.PingsBack() && _net.Pings(), $"{name}: the tunnel carries packets both ways");
            _processes = [Needs.Process(_net.Left, program), Needs.Process(_net.Right, program)];
            _udp = new UdpPath(_net.LeftHost, _net.RightHost, LabNet.RightHostAddress, size);
            _net.RightHost.Start("iperf3 -s");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string Name { get; }

    internal UdpPath Udp => _udp;

    internal static TunnelPair OfGateways(int size) => new(
        Contest.Gateway, "gateway", bare: true, size,
        (net, lab) => new GatewayProcess(net.Left, Place.Left, lab.LeftConf(), appliance: Quiet), (net, lab) => new GatewayProcess(net.Right, Place.Right, lab.RightConf(), appliance: Quiet));

    internal static TunnelPair OfStrongSwans(int size) => new(
        "strongswan", "charon", bare: false, size,
        (net, lab) => new StrongSwanPeer(net.Left, lab.LeftConf()), (net, lab) => new StrongSwanPeer(net.Right, lab.RightConf()));

    /// <summary>Gbit/s that one TCP connection from the left host to the right one carries, after a second to get going.</summary>
    internal double Tcp(int seconds)
    {
        ShellResult result = new(-1, "");
        for (var tries = 0; tries < 3; tries++)
        {
            result = _net.LeftHost.Try($"iperf3 -J -O 1 -t {seconds} -c {LabNet.RightHostAddress} 2>&1", seconds + 20);
            if (result.Ok) return JsonDocument.Parse(result.Output).RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e9;
            Thread.Sleep(500);
        }

        throw new InvalidOperationException($"{Name}: iperf3 failed.\n{result.Output}");
    }

    /// <summary>Processor time that both gateways together have used so far.</summary>
    internal TimeSpan ProcessorTime() => _processes.Aggregate(TimeSpan.Zero, (sum, id) => sum + Machine.ProcessorTime(id));

    public void Dispose()
    {
        _udp?.Dispose();
        _left?.Dispose();
        _right?.Dispose();
        _net.Dispose();
    }

    private static void Quiet(JsonObject appliance)
    {
        appliance["log"] = new JsonObject { ["level"] = "information" };
        appliance["dataplane"] = new JsonObject { ["buffers"] = 16384 };
    }
}
