using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>Which place of <see cref="LabNet"/> a gateway takes.</summary>
public enum Place
{
    Left,
    Right,
}

/// <summary>
/// The built <c>gateway</c> in a namespace of its own, as an operator runs it: started on an appliance.json made for the test, told what to do
/// through its own CLI and HTTP over its Unix socket.
/// </summary>
public sealed class GatewayProcess : ILabSide
{
    private readonly string _folder;
    private readonly Netns _ns;
    private readonly Place _place;
    private readonly HttpClient _http;
    private BackgroundProcess _process;

    /// <param name="ns">Its namespace, with ports <c>wan</c> and <c>lan</c> that have no kernel addresses.</param>
    /// <param name="place">Whose addresses it has.</param>
    /// <param name="conf">A swanctl.conf to import; empty = no connections.</param>
    /// <param name="withKeyLog">Write the keys of its SAs in Wireshark's formats to <see cref="KeyLog"/>.</param>
    /// <param name="appliance">Changes appliance.json before the start.</param>
    public GatewayProcess(Netns ns, Place place, string conf, bool withKeyLog = false, Action<JsonObject>? appliance = null)
    {
        Assert.SkipUnless(File.Exists(Binary), $"The gateway is not built at {Binary}");
        (_ns, _place) = (ns, place);
        _folder = Directory.CreateTempSubdirectory("gwbox-").FullName;
        Directory.CreateDirectory(KeyLog);
        var box = Appliance(place, Path.GetFileName(_folder), withKeyLog);
        appliance?.Invoke(box);
        File.WriteAllText(In("appliance.json"), box.ToJsonString());
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = Connect }) { BaseAddress = new Uri("http://gateway"), Timeout = TimeSpan.FromSeconds(20) };
        _process = Start(withKeyLog);
        try
        {
            AwaitReady();
            if (conf.Length == 0) return;
            File.WriteAllText(In("swanctl.conf"), conf);
            MustCli("import", "swanctl", In("swanctl.conf"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The binary that <c>dotnet build -c Release</c> made, or the one that the environment variable GATEWAY_BINARY names.</summary>
    public static string Binary { get; } =
        Environment.GetEnvironmentVariable("GATEWAY_BINARY") is { Length: > 0 } named ? named : Path.Combine(RepositoryRoot(), "src/Gateway.Host/bin/Release/net10.0/gateway");

    /// <summary>Packet workers of every gateway, from the environment variable GATEWAY_LAB_WORKERS; one without it.</summary>
    public static int Workers { get; } = int.TryParse(Environment.GetEnvironmentVariable("GATEWAY_LAB_WORKERS"), System.Globalization.CultureInfo.InvariantCulture, out var workers) ? workers : 1;

    public string Log => _process.Output;

    /// <summary>For a failed case: its log and what it counted.</summary>
    public string Account() => $"{Log}\n{Cli("show", "counters").Output}\n{Cli("show", "plan").Output}";

    public string Socket => In("gateway.sock");

    /// <summary>Folder with <c>ikev2_decryption_table</c> and <c>esp_sa</c>.</summary>
    public string KeyLog => In("keys");

    /// <summary>Runs a verb of the CLI against it.</summary>
    public ShellResult Cli(params string[] arguments) => Shell.Try(Binary, [.. arguments, "--socket", Socket], 60);

    /// <summary>Runs a verb that must succeed, and gives what it printed.</summary>
    public string MustCli(params string[] arguments)
    {
        var result = Cli(arguments);
        return result.Ok ? result.Output : throw new InvalidOperationException($"gateway {string.Join(' ', arguments)}: exit {result.Code}\n{result.Output}\n{Log}");
    }

    /// <summary>A GET of its HTTP interface, as JSON.</summary>
    public JsonElement Get(string path)
    {
        using var response = _http.GetAsync(new Uri(path, UriKind.Relative)).GetAwaiter().GetResult();
        var text = response.Content.ReadAsStringAsync().GetAwaiter().GetResult();
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"GET {path}: {(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Puts items in one transaction, given as a JSON list.</summary>
    public void Apply(string items)
    {
        File.WriteAllText(In("items.json"), items);
        MustCli("apply", In("items.json"));
    }

    public IReadOnlyList<LabIkeSa> Sas() => GatewaySas.Read(Get("/v1/show/sas"));

    public bool Initiate(out string said)
    {
        var earlier = LastFailure();
        var result = Cli("initiate", $"{LabCase.Connection}/{LabCase.Child}");
        said = result.Output;
        if (!result.Ok) return false;
        try
        {
            Netns.Await(() => Sas().Any(s => s.Established && s.Children.Any(c => c.Installed)) || LastFailure() != earlier, "the SA comes up or fails", 30);
        }
        catch (TimeoutException e)
        {
            said += e.Message;
        }

        said += Get("/v1/show/connections").GetRawText();
        return Sas().Any(s => s.Established && s.Children.Any(c => c.Installed));
    }

    public void RekeyIke() => MustCli("rekey", LabCase.Connection);

    public void RekeyChild() => MustCli("rekey", $"{LabCase.Connection}/{LabCase.Child}");

    public void Terminate() => MustCli("terminate", LabCase.Connection);

    public void Vanish() => _process.Kill();

    /// <summary>Starts it again on the same files after <see cref="Vanish"/>.</summary>
    public void StartAgain()
    {
        Launch();
        AwaitReady();
    }

    /// <summary>Starts it again after <see cref="Vanish"/> and does not wait.</summary>
    public void Launch()
    {
        _process.Dispose();
        _process = Start(withKeyLog: false);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Terminate();
            _process.WaitForExit(15);
        }

        _process.Dispose();
        _http.Dispose();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static JsonObject Appliance(Place place, string name, bool withKeyLog)
    {
        var (wan, wan6, via, via6) = place == Place.Left
            ? ($"{LabNet.LeftAddress}/24", "2001:db8:1::1/64", LabNet.LeftNextHop, "2001:db8:1::fe")
            : ($"{LabNet.RightAddress}/24", "2001:db8:2::2/64", LabNet.RightNextHop, "2001:db8:2::fe");
        var (lan, lan6) = place == Place.Left ? ("10.1.0.1/24", "fd01::1/64") : ("10.2.0.1/24", "fd02::1/64");
        var box = new JsonObject
        {
            ["id"] = $"lab-{place}-{name}".ToLowerInvariant(),
            ["journal"] = new JsonObject { ["path"] = "journal.db" },
            ["vault"] = new JsonObject { ["path"] = "vault", ["key"] = "vault.key" },
            ["api"] = new JsonObject { ["socket"] = "gateway.sock" },
            ["dataplane"] = new JsonObject { ["workers"] = Workers, ["buffers"] = 8192, ["hugepages"] = false },
            ["ike"] = new JsonObject { ["retransmit_timeout"] = 1.0, ["retransmit_base"] = 1.4, ["retransmit_tries"] = 4 },
            ["log"] = new JsonObject { ["level"] = "debug" },
            ["config"] = new JsonArray(
                Item("interface", "wan", new JsonObject { ["type"] = "af-packet", ["device"] = "wan", ["addresses"] = new JsonArray(wan, wan6) }),
                Item("interface", "lan", new JsonObject { ["type"] = "af-packet", ["device"] = "lan", ["addresses"] = new JsonArray(lan, lan6) }),
                Item("route", "default", new JsonObject { ["to"] = "0.0.0.0/0", ["via"] = via }),
                Item("route", "default6", new JsonObject { ["to"] = "::/0", ["via"] = via6 })),
        };
        if (withKeyLog) box["debug"] = new JsonObject { ["key_log"] = true };
        return box;
    }

    private static JsonObject Item(string kind, string name, JsonObject spec) => new() { ["kind"] = kind, ["name"] = name, ["spec"] = spec };

    internal static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Gateway.sln"))) return folder.FullName;
        throw new InvalidOperationException("The tests must run inside the working tree that holds Gateway.sln.");
    }

    private BackgroundProcess Start(bool withKeyLog) => _ns.Start(
        $"{Binary} run --config {In("appliance.json")}",
        withKeyLog ? new Dictionary<string, string> { ["GATEWAY_KEYLOG"] = KeyLog } : null);

    /// <summary>Ready is: it answers, and both ports carry packets.</summary>
    public void AwaitReady()
    {
        try
        {
            Netns.Await(() => _process.HasExited || Answers(), "the gateway answers on its socket", 120);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{Log}", e);
        }

        if (_process.HasExited) throw new InvalidOperationException($"the gateway ended at once:\n{Log}");
    }

    private bool Answers()
    {
        try
        {
            Get("/v1/health");
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or InvalidOperationException or TaskCanceledException)
        {
            return false;
        }
    }

    private string? LastFailure() => GatewaySas.Failure(Get("/v1/show/connections"));

    /// <summary>A file in its folder: <c>vault</c>, <c>vault.key</c>, <c>journal.db</c>.</summary>
    public string In(string name) => Path.Combine(_folder, name);

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    private async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
