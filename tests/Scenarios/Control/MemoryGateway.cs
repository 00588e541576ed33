using System.Text;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Host.Appliance;
using Gateway.Host.Runtime;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;

namespace Gateway.Scenarios.Control;

/// <summary>
/// The whole gateway, as its process composes it, with a journal and a vault on a real disk; the devices under its tap interfaces are wires of memory. It can end and start again on what it stored.
/// </summary>
internal sealed class MemoryGateway : IAsyncDisposable
{
    /// <summary>Who commands it.</summary>
    public static readonly Principal Operator = new("http", "uid:0");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gwmem-");
    private readonly ApplianceConfig _appliance;
    private readonly Dictionary<string, InMemoryPort> _wires = [];
    private Logs? _logs;
    private GatewayRuntime? _runtime;
    private long _commands;

    private MemoryGateway(string sections)
    {
        var box = Path.Combine(_folder.FullName, "appliance.json");
        File.WriteAllText(box, $$"""{"id":"memory","log":{"level":"error"},{{sections}}}""");
        _appliance = ApplianceFile.Load(box);
    }

    public DataplaneControl Dataplane => _runtime!.Dataplane;

    public GatewayRuntime Runtime => _runtime!;

    /// <summary>Octets of the journal's files.</summary>
    public long JournalBytes => _folder.EnumerateFiles("journal.db*", SearchOption.AllDirectories).Sum(f => f.Length);

    /// <param name="dataplane">Members of the section <c>dataplane</c>.</param>
    /// <param name="ring">Packets that a wire holds in each direction.</param>
    public static async Task<MemoryGateway> StartAsync(string dataplane = "\"workers\":1,\"buffers\":8192", int ring = 4096)
    {
        var gateway = new MemoryGateway($$"""
            "dataplane":{{{dataplane}},"hugepages":false}
            """)
        { Ring = ring };
        await gateway.StartAgainAsync();
        return gateway;
    }

    private int Ring { get; init; }

    /// <summary>The wire under the tap interface of that name; a new one after the interface was made anew.</summary>
    public InMemoryPort Wire(string name)
    {
        lock (_wires) return _wires[name];
    }

    /// <summary>Sends a transaction whose body but for its id is given, as UTF-8 JSON.</summary>
    public Task<Outcome> SendAsync(string members) => SendAsync(Encoding.UTF8.GetBytes($$"""{"id":"{{++_commands}}-{{Guid.NewGuid():N}}",{{members}}}"""));

    public Task<Outcome> SendAsync(ReadOnlyMemory<byte> command) => _runtime!.HandleAsync(command, Operator, CancellationToken.None);

    public async Task StopAsync()
    {
        if (_runtime is { } runtime) await runtime.DisposeAsync();
        _runtime = null;
        _logs?.Dispose();
        _logs = null;
    }

    public async Task StartAgainAsync()
    {
        _logs = new Logs(_appliance.Log);
        _runtime = await GatewayRuntime.StartAsync(_appliance, _logs, _ => { }, CancellationToken.None, Plug);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _folder.Delete(recursive: true);
    }

    private InMemoryPort? Plug(PortSpec spec, PacketPool pool)
    {
        if (spec is not PortSpec.Tap tap) return null;
        var port = new InMemoryPort(pool, Ring);
        lock (_wires) _wires[tap.Device] = port;
        return port;
    }
}
