using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Appliance;
using Gateway.Policy.Commands;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Api;

public sealed class ApiServerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-api-").FullName;
    private readonly FakeFace _face = new();
    private readonly int _port = FreePort();
    private ApiServer _server = null!;
    private HttpClient _unix = null!;
    private HttpClient _tcp = null!;

    private string Socket => Path.Combine(_folder, "gateway.sock");

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(Section(), _face, NullLoggerFactory.Instance, default);
        _unix = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync }) { BaseAddress = new Uri("http://gateway") };
        _tcp = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
    }

    public async ValueTask DisposeAsync()
    {
        _unix.Dispose();
        _tcp.Dispose();
        await _server.DisposeAsync();
        Assert.False(File.Exists(Socket));
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_command_through_the_socket_carries_the_peers_uid()
    {
        var response = await _unix.PostAsync("/v1/commands", Json("""{"id":"c1"}"""));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var (body, principal) = Assert.Single(_face.Commands);
        Assert.Equal("""{"id":"c1"}""", body);
        Assert.Equal("http", principal.Door);
        Assert.Matches("^uid:[0-9]+$", principal.Name);
        Assert.Equal("accepted", (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_rejection_is_422_with_the_outcome()
    {
        _face.Answer = OutcomeStatus.Rejected;
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await _unix.PostAsync("/v1/commands", Json("{}"))).StatusCode);
        _face.Id = "";
        Assert.Equal(HttpStatusCode.BadRequest, (await _unix.PostAsync("/v1/commands", Json("{}"))).StatusCode);
        _face.Errors = [new CommandError("", "$", ErrorCode.Unavailable, "Not now.")];
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _unix.PostAsync("/v1/commands", Json("{}"))).StatusCode);
    }

    [Fact]
    public async Task Over_tcp_nobody_commands()
    {
        var response = await _tcp.PostAsync("/v1/commands", Json("""{"id":"c1"}"""));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await _tcp.PutAsync("/v1/log-levels/ike?level=debug", null)).StatusCode);
        Assert.Empty(_face.Commands);
        Assert.Equal(HttpStatusCode.OK, (await _tcp.GetAsync("/v1/config")).StatusCode);
    }

    [Fact]
    public async Task Ten_megabytes_are_too_much()
    {
        var response = await _unix.PostAsync("/v1/commands", Json(new string(' ', 10_000_000)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Empty(_face.Commands);
    }

    [Fact]
    public async Task A_wrong_question_gets_a_code_and_a_sentence()
    {
        var response = await _unix.GetAsync("/v1/config?at=nonsense");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("invalid-moment", (await response.Content.ReadFromJsonAsync<ApiProblem>())!.Code);
        Assert.Equal(HttpStatusCode.NotFound, (await _unix.GetAsync("/v1/show/spoons")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _unix.GetAsync("/v1/schemas/spoon")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await _unix.PutAsync("/v1/log-levels/spoons?level=debug", null)).StatusCode);
    }

    [Theory]
    [InlineData("/v1/config", "items")]
    [InlineData("/v1/history?item=route/default", "route/default")]
    [InlineData("/v1/diff?a=0&b=1", "route/default")]
    [InlineData("/v1/verify", "intact")]
    [InlineData("/v1/gateway", "gw1")]
    [InlineData("/v1/show/neighbors", "02:00:00:00:00:fe")]
    [InlineData("/v1/show/bridges", "[]")]
    [InlineData("/v1/schemas", "interface")]
    [InlineData("/v1/schemas/route", "\"to\"")]
    [InlineData("/v1/log-levels", "ike")]
    [InlineData("/v1/health", "ok")]
    [InlineData("/v1/key", "fingerprint")]
    [InlineData("/v1/export?since=1&until=2", "a bundle")]
    [InlineData("/v1/show/sas?name=branch&at=7", "\"interface\":\"sas\"")]
    public async Task A_question_is_answered_in_json(string path, string says)
    {
        var response = await _unix.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains(says, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_path_stands_in_the_served_openapi_document()
    {
        var document = await _unix.GetFromJsonAsync<JsonElement>("/openapi/v1.json");
        var paths = document.GetProperty("paths").EnumerateObject().Select(p => p.Name).Order();
        Assert.Equal(
            new[]
            {
                "/v1/archive", "/v1/blame", "/v1/commands", "/v1/config", "/v1/diff", "/v1/explain", "/v1/export", "/v1/gateway", "/v1/health", "/v1/history", "/v1/key", "/v1/log-levels", "/v1/log-levels/{area}", "/v1/nat/who", "/v1/schemas", "/v1/schemas/{kind}",
                "/v1/show/{topic}", "/v1/trace", "/v1/verify",
            },
            paths);
    }

    [Fact]
    public async Task A_living_gateways_socket_is_not_taken()
    {
        await Assert.ThrowsAsync<IOException>(() => ApiServer.StartAsync(Section() with { Listen = null }, _face, NullLoggerFactory.Instance, default));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private ApiSection Section() => new() { Socket = Socket, Listen = $"127.0.0.1:{_port}" };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), stop);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
