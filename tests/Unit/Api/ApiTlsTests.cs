using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gateway.Host.Api;
using Gateway.Host.Appliance;
using Gateway.Policy.Commands;
using Gateway.Unit.Tls;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Api;

/// <summary>HTTP for clients with a certificate: who has none of the right authority does not get in, and the others are who their certificate says.</summary>
public sealed class ApiTlsTests : IAsyncLifetime
{
    private readonly TestAuthority _authority = new("clients");
    private readonly TestAuthority _foreign = new("others");
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-tls-").FullName;
    private readonly FakeFace _face = new();
    private readonly int _port = ApiServerTests.FreePort();
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        var (cert, key) = _authority.WriteServer(_folder, "gateway", "localhost");
        var section = new ApiSection { Socket = Path.Combine(_folder, "s"), Listen = $"127.0.0.1:{_port}", Tls = new ApiTlsSection { Cert = cert, Key = key, ClientCa = _authority.WriteRoot(_folder) } };
        _server = await ApiServer.StartAsync(section, _face, NullLoggerFactory.Instance, default);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _authority.Dispose();
        _foreign.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_client_is_who_its_certificate_says_and_may_command()
    {
        using var client = Client(_authority.Client("orchestrator"));
        var response = await client.PostAsync("/v1/commands", new StringContent("{}", Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("http:cn:orchestrator", Assert.Single(_face.Commands).Principal.ToString());
        Assert.Equal(HttpStatusCode.NoContent, (await client.PostAsync("/v1/trace?count=1", null)).StatusCode);
    }

    [Fact]
    public async Task Without_a_certificate_of_the_authority_for_clients_nobody_gets_in()
    {
        foreach (var certificate in new[] { null, _foreign.Client("orchestrator"), _authority.Server("orchestrator", "localhost") })
        {
            using var client = Client(certificate);
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync("/v1/gateway"));
        }

        Assert.Empty(_face.Commands);
    }

    [Fact]
    public async Task A_certificate_without_one_plain_name_is_nobody()
    {
        foreach (var name in new[] { "CN=two, CN=names", "O=no name", "CN=two words", "CN=ümlaut" })
        {
            using var client = Client(_authority.Client(name, isSubject: true));
            Assert.Equal(HttpStatusCode.Forbidden, (await client.PostAsync("/v1/commands", new StringContent("{}", Encoding.UTF8, "application/json"))).StatusCode);
        }

        Assert.Empty(_face.Commands);
    }

    [Fact]
    public async Task Who_may_not_read_or_operate_is_told_so_and_a_probe_is_answered_all_the_same()
    {
        _face.Rights = Rights.None;
        using var client = Client(_authority.Client("probe"));
        Assert.Equal(HttpStatusCode.Forbidden, (await client.GetAsync("/v1/config")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/health")).StatusCode);
        _face.Rights = Rights.None with { Read = true };
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/config")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.PostAsync("/v1/trace", null)).StatusCode);
    }

    [Fact]
    public async Task Old_versions_of_TLS_are_refused()
    {
        using var tcp = new System.Net.Sockets.TcpClient("127.0.0.1", _port);
        await using var ssl = new SslStream(tcp.GetStream());
#pragma warning disable CA5359, CA5397, SYSLIB0039 // That it is refused is the point.
        var options = new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = SslProtocols.Tls11, RemoteCertificateValidationCallback = (_, _, _, _) => true };
#pragma warning restore CA5359, CA5397, SYSLIB0039
        await Assert.ThrowsAnyAsync<Exception>(() => ssl.AuthenticateAsClientAsync(options));
    }

    private HttpClient Client(X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is X509Certificate2 server && server.Issuer == _authority.Root.Subject;
        if (certificate is not null) handler.SslOptions.ClientCertificates = [certificate];
        if (certificate is not null) handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        return new HttpClient(handler) { BaseAddress = new Uri($"https://localhost:{_port}") };
    }
}
