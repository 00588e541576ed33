using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Gateway.Host.Appliance;
using Gateway.Host.Tls;
using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>Where the broker is and who logs in there. What it prints never holds the password.</summary>
internal sealed class BrokerAddress
{
    /// <summary>
    /// Above the largest message that a RabbitMQ takes from anybody (128 MiB, at most 512). With less, an oversized command would end the connection each
    /// time it is delivered, instead of being refused.
    /// </summary>
    private const uint MaxInbound = 512 * 1024 * 1024;

    private readonly Uri _uri;
    private readonly string? _passwordFile;
    private readonly BusLogin _login;
    private readonly BusTlsSection? _tls;
    private readonly TlsIdentity? _identity;
    private readonly TlsTrust? _trust;
    private string? _password;

    /// <exception cref="ApplianceException">It is no AMQP URI.</exception>
    public BrokerAddress(BusSection section)
    {
        if (!Uri.TryCreate(section.Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps"))
            throw new ApplianceException("bus.uri must be amqp://user@host:port/vhost or amqps://….");
        (_uri, _passwordFile, _login, _tls) = (uri, section.PasswordFile, section.Login, section.Tls);
        if (_tls is { Cert: { } certificate, Key: { } key }) _identity = new TlsIdentity(certificate, key);
        if (_tls is { Ca: { } authorities }) _trust = new TlsTrust(authorities);
    }

    /// <summary>True when whoever is on the way can read along.</summary>
    public bool IsReadable => _uri.Scheme == "amqp" && !_uri.IsLoopback;

    /// <summary>Reads the password file, the certificates and the key anew each time, so that they can be changed without a restart.</summary>
    public ConnectionFactory Factory(string gatewayId)
    {
        ConnectionFactory factory;
        try
        {
            factory = new ConnectionFactory { Uri = _uri };
        }
        catch (ArgumentException)
        {
            // The exception repeats the URI.
            throw new IOException("bus.uri cannot be used: its path must be one virtual host");
        }

        if (_passwordFile is not null) factory.Password = File.ReadAllText(_passwordFile).TrimEnd('\r', '\n');
        _password = factory.Password;
        factory.ClientProvidedName = $"gateway {gatewayId}";
        factory.AutomaticRecoveryEnabled = false;
        factory.TopologyRecoveryEnabled = false;
        factory.RequestedHeartbeat = TimeSpan.FromSeconds(10);
        factory.RequestedConnectionTimeout = TimeSpan.FromSeconds(5);
        factory.ContinuationTimeout = TimeSpan.FromSeconds(10);
        factory.MaxInboundMessageBodySize = MaxInbound;
        // One after the other: that is what keeps commands in order.
        factory.ConsumerDispatchConcurrency = 1;
        if (_uri.Scheme == "amqps") factory.Ssl = Ssl();
        if (_login == BusLogin.Certificate) factory.AuthMechanisms = [new ExternalMechanismFactory()];
        return factory;
    }

    private SslOption Ssl()
    {
        var ssl = new SslOption
        {
            Enabled = true,
            ServerName = _tls?.ServerName ?? _uri.Host,
            Version = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
        if (_identity?.Current() is var (certificate, _)) ssl.Certs = [certificate];
        if (_trust is { } trust)
        {
            ssl.CertificateValidationCallback = (_, certificate, chain, errors) =>
                certificate is X509Certificate2 shown
                && (errors & (SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateNotAvailable)) == 0
                && trust.Vouches(shown, chain?.ChainPolicy.ExtraStore ?? [], TlsTrust.ServerAuthentication);
        }

        return ssl;
    }

    /// <summary>One line for the operator: the innermost reason.</summary>
    public string Describe(Exception e)
    {
        while (e.InnerException is not null) e = e.InnerException;
        var text = e.Message.ReplaceLineEndings(" ");
        return _password is { Length: > 0 } password && password != "guest" ? text.Replace(password, "***", StringComparison.Ordinal) : text;
    }

    public override string ToString() => $"{_uri.Scheme}://{_uri.Host}:{(_uri.Port > 0 ? _uri.Port : _uri.Scheme == "amqps" ? 5671 : 5672)}{_uri.AbsolutePath}";
}
