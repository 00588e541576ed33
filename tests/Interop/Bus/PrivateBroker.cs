using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>
/// A RabbitMQ of the test's own on 127.0.0.1: its own node name, ports, data, plugin list and epmd, nothing system-wide.
/// Everything it started is ended by process id on dispose, and its folder removed.
/// </summary>
public sealed class PrivateBroker : IAsyncDisposable
{
    private const string Server = "/usr/lib/rabbitmq/bin/rabbitmq-server";

    private readonly string _folder;
    private readonly string _node;
    private readonly int _distPort;
    private readonly int _epmdPort;
    private readonly Netns? _ns;
    private Process? _server;

    private PrivateBroker(string folder, int port, int tlsPort, int distPort, int epmdPort, string node, Netns? ns)
    {
        _ns = ns;
        _folder = folder;
        Port = port;
        TlsPort = tlsPort;
        _distPort = distPort;
        _epmdPort = epmdPort;
        _node = node;
    }

    /// <summary>The AMQP port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>A port on 127.0.0.1 that is kept for TLS; served when the settings say so.</summary>
    public int TlsPort { get; }

    /// <summary><c>amqp://guest:guest@127.0.0.1:PORT/</c>.</summary>
    public Uri Uri => new($"amqp://guest:guest@127.0.0.1:{Port}/");

    /// <summary>Why no broker can be started on this machine, or null.</summary>
    public static string? Missing =>
        !File.Exists(Server) ? "RabbitMQ is not installed (Debian package rabbitmq-server)" :
        !Environment.IsPrivilegedProcess ? "Debian's rabbitmq-server starts as root only" : null;

    /// <summary>Starts a broker and waits until it accepts AMQP connections; skips the test where none can be had.</summary>
    public static Task<PrivateBroker> StartAsync(CancellationToken cancel = default) => StartAsync(null, null, "", cancel);

    /// <inheritdoc cref="StartAsync(CancellationToken)"/>
    /// <param name="ns">The namespace on whose loopback it listens; null = that of the tests.</param>
    public static Task<PrivateBroker> StartAsync(Netns? ns, CancellationToken cancel = default) => StartAsync(ns, null, "", cancel);

    /// <summary>Starts a broker with settings of its own.</summary>
    /// <param name="settings">Further lines of rabbitmq.conf, from the TLS port.</param>
    /// <param name="plugins">Plugins to enable.</param>
    public static Task<PrivateBroker> StartAsync(Func<int, string> settings, string plugins, CancellationToken cancel) => StartAsync(null, settings, plugins, cancel);

    private static async Task<PrivateBroker> StartAsync(Netns? ns, Func<int, string>? settings, string plugins, CancellationToken cancel)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        for (var attempt = 1; ; attempt++)
        {
            // Another process may take one of the ports between choosing and using them: then once more with others.
            var broker = Prepare(ns, settings, plugins);
            try
            {
                await broker.StartAgainAsync(cancel);
                return broker;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await broker.DisposeAsync();
            }
            catch
            {
                await broker.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Ends the broker at once (SIGKILL), as a crash would; its data stays for <see cref="StartAgainAsync"/>.</summary>
    public async Task KillAsync()
    {
        foreach (var id in Members().Where(p => !IsEpmd(p))) Signal(id, "KILL");
        await WaitUntilAsync(() => !Members().Any(p => !IsEpmd(p)), TimeSpan.FromSeconds(20), CancellationToken.None);
        _server?.Dispose();
        _server = null;
    }

    /// <summary>Starts the broker on the same ports and data after <see cref="KillAsync"/> (queues and messages are there again).</summary>
    public async Task StartAgainAsync(CancellationToken cancel = default)
    {
        var (program, arguments) = _ns is null ? (Server, Array.Empty<string>()) : ("ip", ["netns", "exec", _ns.Name, Server]);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in ServerEnvironment()) start.Environment[name] = value;
        _server = Process.Start(start)!;
        var output = new StringBuilder();
        _server.OutputDataReceived += (_, e) => { lock (output) output.AppendLine(e.Data); };
        _server.ErrorDataReceived += (_, e) => { lock (output) output.AppendLine(e.Data); };
        _server.BeginOutputReadLine();
        _server.BeginErrorReadLine();
        var ready = await WaitUntilAsync(() => _server.HasExited || Answers(), TimeSpan.FromSeconds(90), cancel);
        if (!ready || _server.HasExited)
            lock (output) throw new InvalidOperationException($"The private RabbitMQ did not start:\n{output}");
    }

    /// <summary>Runs <c>rabbitmqctl</c> against this broker and gives its output; throws when it fails.</summary>
    public async Task<string> CtlAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("/usr/lib/rabbitmq/bin/rabbitmqctl") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in ServerEnvironment()) start.Environment[name] = value;
        foreach (var argument in (string[])["-q", "-n", _node, .. arguments]) start.ArgumentList.Add(argument);
        using var ctl = Process.Start(start)!;
        var errors = ctl.StandardError.ReadToEndAsync();
        var text = await ctl.StandardOutput.ReadToEndAsync();
        await ctl.WaitForExitAsync();
        return ctl.ExitCode == 0 ? text : throw new InvalidOperationException($"rabbitmqctl {string.Join(' ', arguments)}: {text}{await errors}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var id in Members().Where(p => !IsEpmd(p))) Signal(id, "TERM");
        await WaitUntilAsync(() => !Members().Any(p => !IsEpmd(p)), TimeSpan.FromSeconds(10), CancellationToken.None);
        await WaitUntilAsync(
            () =>
            {
                var left = Members();
                foreach (var id in left) Signal(id, "KILL");
                return left.Count == 0;
            },
            TimeSpan.FromSeconds(10),
            CancellationToken.None);
        _server?.Dispose();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static PrivateBroker Prepare(Netns? ns, Func<int, string>? settings, string plugins)
    {
        var folder = Directory.CreateTempSubdirectory("gwmq-").FullName;
        var ports = FreePorts(4);
        File.WriteAllText(Path.Combine(folder, "rabbitmq.conf"), $"""
            listeners.tcp.1 = 127.0.0.1:{ports[0]}
            loopback_users.guest = true
            log.console = false
            {settings?.Invoke(ports[3])}

            """);
        File.WriteAllText(Path.Combine(folder, "enabled_plugins"), $"[{plugins}].\n");
        return new PrivateBroker(folder, ports[0], ports[3], ports[1], ports[2], $"{Path.GetFileName(folder).ToLowerInvariant()}@localhost", ns);
    }

    private IEnumerable<(string Name, string Value)> ServerEnvironment() =>
    [
        ("HOME", _folder),
        ("ERL_EPMD_ADDRESS", "127.0.0.1"),
        ("ERL_EPMD_PORT", $"{_epmdPort}"),
        ("RABBITMQ_NODENAME", _node),
        ("RABBITMQ_MNESIA_BASE", Path.Combine(_folder, "mnesia")),
        ("RABBITMQ_LOG_BASE", Path.Combine(_folder, "log")),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"),
        ("RABBITMQ_NODE_PORT", $"{Port}"),
        ("RABBITMQ_DIST_PORT", $"{_distPort}"),
        ("RABBITMQ_CONFIG_FILE", Path.Combine(_folder, "rabbitmq.conf")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", Path.Combine(_folder, "enabled_plugins")),
        ("RABBITMQ_PID_FILE", Path.Combine(_folder, "pid")),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}"),
    ];

    /// <summary>The processes of this broker: those that inherited its HOME, epmd among them (it daemonises itself).</summary>
    private List<int> Members()
    {
        var home = Encoding.UTF8.GetBytes($"HOME={_folder}\0");
        var found = new List<int>();
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), out var id) || id == Environment.ProcessId) continue;
            try
            {
                if (File.ReadAllBytes(Path.Combine(process, "environ")).AsSpan().IndexOf(home) >= 0) found.Add(id);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile, or belongs to somebody else.
            }
        }
        return found;
    }

    private static bool IsEpmd(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/comm").Trim() == "epmd";
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Signal(int id, string signal)
    {
        using var kill = Process.Start(new ProcessStartInfo("/bin/kill", [$"-{signal}", $"{id}"]) { RedirectStandardError = true });
        kill?.WaitForExit();
    }

    /// <summary>A complete AMQP greeting: the port alone is open before the broker serves connections.</summary>
    private bool Answers()
    {
        try
        {
            using var socket = _ns is null ? Tcp() : _ns.Run(Tcp);
            socket.Connect(IPAddress.Loopback, Port);
            socket.ReceiveTimeout = 2000;
            using var stream = new NetworkStream(socket);
            stream.Write("AMQP\0\0\u0009\u0001"u8);
            return stream.ReadByte() == 1;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    private static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners) listener.Start();
        var ports = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners) listener.Stop();
        return ports;
    }

    private static async Task<bool> WaitUntilAsync(Func<bool> done, TimeSpan limit, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        while (!done())
        {
            if (watch.Elapsed > limit) return false;
            await Task.Delay(100, cancel);
        }
        return true;
    }
}
