using System.Globalization;
using System.Text.Json.Nodes;
using Gateway.Bench.Harness;
using Gateway.Bench.Lab;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;

namespace Gateway.Bench.Ike;

/// <summary>One make as responder on the left of a network of its own, with the initiators on the right. It has a processor to itself, and so have they.</summary>
internal sealed class Responder : IDisposable
{
    /// <summary>A packet of the gateway's pool: its chunk and its description.</summary>
    private const int _bufferBytes = 4096 + 64;

    private readonly LabNet _net;
    private readonly IDisposable _side = null!;
    private readonly int _process;

    private Responder(string name, string program, bool bare, LoadProfile profile, int initiators, Func<LabNet, LoadProfile, IDisposable> start)
    {
        Name = name;
        _net = new LabNet(leftIsBare: bare);
        try
        {
            _side = start(_net, profile);
            _process = Needs.Process(_net.Left, program);
            Shell.Must("taskset", ["-a", "-c", "-p", "0", _process.ToString(CultureInfo.InvariantCulture)]);
            Load = new Initiators(_net.Right, profile, initiators);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string Name { get; }

    internal Initiators Load { get; } = null!;

    /// <summary>The router between, where a stranger may send from.</summary>
    internal Netns Middle => _net.Net;

    internal IDisposable Side => _side;

    /// <param name="guarded">With the thresholds of an operator's; else no number of half-open IKE SAs is too many, as all initiators have one address.</param>
    internal static Responder Gateway(LoadProfile profile, int initiators, bool guarded = false) => new(
        Contest.Gateway, "gateway", bare: true, profile, initiators,
        (net, load) =>
        {
            var gateway = new GatewayProcess(net.Left, Place.Left, "", appliance: box => Appliance(box, guarded));
            load.WriteFiles(Path.GetDirectoryName(gateway.Socket)!);
            var conf = gateway.In("swanctl.conf");
            File.WriteAllText(conf, load.ResponderConf());
            gateway.MustCli("import", "swanctl", conf);
            return gateway;
        });

    /// <inheritdoc cref="Gateway"/>
    internal static Responder StrongSwan(LoadProfile profile, int initiators, bool guarded = false) => new(
        "strongswan", "charon", bare: false, profile, initiators,
        (net, load) => new StrongSwanPeer(net.Left, load.ResponderConf(), Charon(guarded), load.WriteFiles, logLevel: 0));

    internal TimeSpan ProcessorTime() => Machine.ProcessorTime(_process);

    /// <summary>Resident memory in bytes.</summary>
    internal double Resident()
    {
        var line = File.ReadLines($"/proc/{_process}/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }

    public void Dispose()
    {
        Load?.Dispose();
        _side?.Dispose();
        _net.Dispose();
    }

    private static void Appliance(JsonObject box, bool guarded)
    {
        box["log"] = new JsonObject { ["level"] = "information" };
        box["dataplane"] = new JsonObject { ["buffers"] = 8192, ["hugepages"] = false };
        box["ike"] = guarded ? new JsonObject() : new JsonObject { ["cookie_threshold"] = 0, ["block_threshold"] = 0 };
    }

    // The table of IKE SAs is sized as its manual advises for many; both write one line for each SA to their log.
    private static string Charon(bool guarded) => $"""
        ikesa_table_size = 4096
          ikesa_table_segments = 16
          {(guarded ? "" : "dos_protection = no\n  cookie_threshold = 0\n  block_threshold = 0\n  init_limit_half_open = 0")}
        """;
}
