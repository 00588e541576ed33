using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using Gateway.Bench.Harness;
using Gateway.Interop.Lab;

namespace Gateway.Bench.Control;

/// <summary>A gateway's own process, without any port, on a disk of its own, that takes commands from a broker and over its socket.</summary>
internal sealed class CommandedGateway : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _process;
    private readonly HttpClient _http;
    private readonly string _prefix = Guid.NewGuid().ToString("N")[..8];

    private CommandedGateway(DirectoryInfo folder, Process process, HttpClient http) => (_folder, _process, _http) = (folder, process, http);

    public string Id => "bench";

    /// <summary>What the gateway's process has taken of all processors so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<CommandedGateway> StartAsync(Uri broker)
    {
        var folder = Directory.CreateTempSubdirectory("gwctl-");
        var box = Path.Combine(folder.FullName, "appliance.json");
        await File.WriteAllTextAsync(box, $$$"""{"id":"bench","bus":{"kind":"rabbitmq","uri":"{{{broker}}}"},"dataplane":{"buffers":4096,"hugepages":false},"log":{"level":"warning"}}""");
        var process = Process.Start(new ProcessStartInfo(GatewayProcess.Binary, ["run", "--config", box]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, e) => Console.Error.Write(e.Data is null ? "" : $"gateway: {e.Data}\n");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var socket = Path.Combine(folder.FullName, "var/gateway.sock");
        var http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 256,
            ConnectCallback = async (_, stop) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), stop);
                return new NetworkStream(connection, ownsSocket: true);
            },
        })
        { BaseAddress = new Uri("http://gateway") };
        var gateway = new CommandedGateway(folder, process, http);
        var watch = Stopwatch.StartNew();
        while (await gateway.TryStatusAsync() is not "connected")
        {
            if (process.HasExited || watch.Elapsed > TimeSpan.FromSeconds(60)) throw new NotHereException("The gateway does not reach the broker.");
            await Task.Delay(50);
        }

        return gateway;
    }

    public async Task<long> RevisionAsync() => JsonDocument.Parse(await _http.GetByteArrayAsync("/v1/gateway")).RootElement.GetProperty("revision").GetInt64();

    /// <summary>Sends so many commands over the socket, each connection one after the other. Throws unless every one is accepted.</summary>
    public async Task<TimeSpan> SendAsync(int count, int inFlight)
    {
        var round = Guid.NewGuid().ToString("N")[..8];
        var next = -1;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < count;)
            {
                // Names of its own: what the bus put is the bus's.
                using var body = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes($$$"""{"id":"{{{round}}}-{{{i}}}","put":[{{{ControlSuite.Route(i, "h" + _prefix, 11)}}}]}"""));
                body.Headers.ContentType = new("application/json");
                using var response = await _http.PostAsync("/v1/commands", body);
                if (!response.IsSuccessStatusCode) throw new InvalidOperationException(await response.Content.ReadAsStringAsync());
            }
        })));
        return Stopwatch.GetElapsedTime(start);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task<string?> TryStatusAsync()
    {
        try
        {
            return JsonDocument.Parse(await _http.GetByteArrayAsync("/v1/gateway")).RootElement.GetProperty("bus").GetString();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
