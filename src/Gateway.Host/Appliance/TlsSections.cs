namespace Gateway.Host.Appliance;

/// <summary>How the broker is known, and how the gateway shows who it is. At least TLS 1.2.</summary>
public sealed record BusTlsSection
{
    /// <summary>PEM file of the authorities that may vouch for the broker; left out: those of the system.</summary>
    public string? Ca { get; init; }

    /// <summary>PEM file of the gateway's own certificate, signed by an authority that the broker knows.</summary>
    public string? Cert { get; init; }

    /// <summary>PEM file of its key, unencrypted, readable by the gateway alone.</summary>
    public string? Key { get; init; }

    /// <summary>The name that the broker's certificate must have; left out: the host of the URI.</summary>
    public string? ServerName { get; init; }
}

/// <summary>Who the gateway is at the broker.</summary>
public enum BusLogin
{
    /// <summary>User and password.</summary>
    Password,

    /// <summary>The user that the broker takes from the client certificate (SASL EXTERNAL; RabbitMQ's plugin <c>rabbitmq_auth_mechanism_ssl</c>).</summary>
    Certificate,
}

/// <summary>TLS of the HTTP interface. Clients need a certificate; its common name is who they are.</summary>
public sealed record ApiTlsSection
{
    /// <summary>PEM file of the server's certificate, with its chain.</summary>
    public required string Cert { get; init; }

    /// <summary>PEM file of its key, unencrypted, readable by the gateway alone.</summary>
    public required string Key { get; init; }

    /// <summary>PEM file of the authorities that may vouch for clients.</summary>
    public required string ClientCa { get; init; }
}
