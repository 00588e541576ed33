using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Gateway.Host.Appliance;
using Gateway.Unit.Tls;
using RabbitMQ.Client;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>amqps with a real broker that wants certificates: the gateway shows its own, and speaks with nobody whose it cannot check.</summary>
public sealed class BusTlsTests : IAsyncLifetime
{
    private readonly TestAuthority _authority = new("fleet");
    private readonly TestAuthority _foreign = new("foreign");
    private readonly string _folder = Directory.CreateTempSubdirectory("gwtls-").FullName;
    private PrivateBroker? _broker;

    private PrivateBroker Broker
    {
        get
        {
            Assert.SkipWhen(_broker is null, PrivateBroker.Missing ?? "");
            return _broker!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (PrivateBroker.Missing is not null) return;
        var (cert, key) = _authority.WriteServer(_folder, "broker", "localhost");
        var root = _authority.WriteRoot(_folder);
        File.Copy(DefinitionsFile, Path.Combine(_folder, "definitions.json"));
        _broker = await PrivateBroker.StartAsync(
            port => $"""
                listeners.ssl.1 = 127.0.0.1:{port}
                ssl_options.cacertfile = {root}
                ssl_options.certfile = {cert}
                ssl_options.keyfile = {key}
                ssl_options.verify = verify_peer
                ssl_options.fail_if_no_peer_cert = true
                ssl_cert_login_from = common_name
                auth_mechanisms.1 = EXTERNAL
                auth_mechanisms.2 = PLAIN
                load_definitions = {_folder}/definitions.json
                """,
            "rabbitmq_auth_mechanism_ssl",
            CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null) await _broker.DisposeAsync();
        _authority.Dispose();
        _foreign.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string DefinitionsFile => Path.Combine(ClientTests.RepositoryRoot(), "deploy/rabbitmq/definitions.json");

    /// <summary>With the users, permissions and policies of deploy/rabbitmq: nobody has more than it needs, and that is enough.</summary>
    [Fact]
    public async Task A_gateway_and_an_orchestrator_that_log_in_by_their_certificates_need_no_more_than_the_definitions_give()
    {
        await using var gateway = await StartAsync("edge1", Section(_authority.WriteClient(_folder, "edge1"), login: BusLogin.Certificate));
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(Factory("onap"), "onap");
        var outcome = await sender.AskAsync(gateway.Id, """{"id":"1","put":[{"kind":"interface","name":"lo0","spec":{"type":"loopback"}}]}""", p => p.UserId = "onap");
        Assert.Equal("accepted", outcome.GetProperty("status").GetString());
        Assert.Equal("bus:user:onap", gateway.Handler.Running[new Gateway.Policy.Items.ItemKey("interface", "lo0")].Owner?.ToString());
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Events >= 2));
        await using var follower = await Orchestrator.ConnectAsync(Factory("onap"), "onap");
        var events = await follower.FollowAsync("gateway.events", "event.edge1.#");
        await gateway.ByHandAsync("""{"id":"2","put":[{"kind":"interface","name":"lo1","spec":{"type":"loopback"}}]}""");
        Assert.True(await BusWorld.Eventually(() => events.Count >= 2));
        await sender.SendAsync(gateway.Id, "no command"u8.ToArray(), p => p.UserId = "onap");
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Notes == 1));

        // More than that nobody gets: a sender does not read a gateway's commands, with their secrets, nor does another gateway.
        foreach (var (user, queue) in new[] { ("onap", "gateway.edge1.commands"), ("edge2", "gateway.edge1.commands"), ("edge2", "gateway.edge1.replays") })
        {
            await using var connection = await Factory(user).CreateConnectionAsync();
            await using var channel = await connection.CreateChannelAsync();
            var refused = await Assert.ThrowsAsync<RabbitMQ.Client.Exceptions.OperationInterruptedException>(() => channel.BasicGetAsync(queue, autoAck: false));
            Assert.Equal(403, refused.ShutdownReason!.ReplyCode);
        }

        await using var other = await StartAsync("edge1", Section(_authority.WriteClient(_folder, "edge2"), login: BusLogin.Certificate));
        Assert.True(await BusWorld.Eventually(() => other.Bus.Status.Contains("access to", StringComparison.Ordinal)), other.Bus.Status);
    }

    [Fact]
    public async Task A_broker_whose_certificate_does_not_hold_gets_no_command_and_no_password()
    {
        var own = _authority.WriteClient(_folder, "edge1");
        var cases = new (BusTlsSection Tls, string Says)[]
        {
            (Section(own).Tls! with { Ca = _foreign.WriteRoot(_folder) }, "certificate"),
            (Section(own).Tls! with { Ca = null }, "certificate"),
            (Section(own).Tls! with { ServerName = "another.example" }, "certificate"),
        };
        foreach (var (tls, says) in cases)
        {
            await using var gateway = await StartAsync("edge1", Section(own) with { Tls = tls });
            Assert.True(await BusWorld.Eventually(() => gateway.Bus.Status.StartsWith("not connected since ", StringComparison.Ordinal)), gateway.Bus.Status);
            Assert.Contains(says, gateway.Bus.Status, StringComparison.OrdinalIgnoreCase);
        }

        // Nobody but the one that listed them is connected.
        Assert.DoesNotContain("gateway edge1", await Broker.CtlAsync("list_connections", "client_properties"));
    }

    [Fact]
    public async Task A_gateway_whose_own_certificate_does_not_hold_stays_out_and_comes_in_when_the_files_are_renewed()
    {
        var own = _foreign.WriteClient(_folder, "edge1");
        await using var gateway = await StartAsync("edge1", Section(own, login: BusLogin.Certificate));
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Status.StartsWith("not connected since ", StringComparison.Ordinal)), gateway.Bus.Status);
        _authority.WriteClient(_folder, "edge1");
        await gateway.ConnectedAsync();
    }

    private async Task<BusWorld> StartAsync(string id, BusSection section)
    {
        var uri = new Uri($"amqps://localhost:{Broker.TlsPort}/");
        return await BusWorld.StartAsync(uri, w => w.Section = s => section with { Kind = s.Kind, Uri = section.Login == BusLogin.Certificate ? s.Uri : $"amqps://guest:guest@localhost:{Broker.TlsPort}/" }, id: id);
    }

    private BusSection Section((string Certificate, string Key) own, BusLogin login = BusLogin.Password) => new()
    {
        Login = login,
        Tls = new BusTlsSection { Ca = _authority.WriteRoot(_folder), Cert = own.Certificate, Key = own.Key, ServerName = "localhost" },
    };

    private ConnectionFactory Factory(string user) => new()
    {
        Uri = new Uri($"amqps://localhost:{Broker.TlsPort}/"),
        AutomaticRecoveryEnabled = false,
        AuthMechanisms = [new ExternalMechanismFactory()],
        Ssl = new SslOption
        {
            Enabled = true,
            ServerName = "localhost",
            Certs = [_authority.Client(user)],
            CertificateValidationCallback = (_, shown, _, errors) => (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0 && shown is X509Certificate2 c && c.Issuer == _authority.Root.Subject,
        },
    };
}
