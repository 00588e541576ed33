namespace Gateway.Ike.Sa;

/// <summary>What holds for all connections, with strongSwan's defaults (charon.*).</summary>
public sealed record IkeSettings
{
    public int IkePort { get; init; } = 500;

    /// <summary>Whether steps tell what was in messages; changes nothing else.</summary>
    public TraceSwitch Trace { get; init; } = new();

    public int NattPort { get; init; } = 4500;

    /// <summary>Wait for an answer before the first retransmission; each further wait is <see cref="RetransmitBase"/> times longer.</summary>
    public TimeSpan RetransmitTimeout { get; init; } = TimeSpan.FromSeconds(4);

    public double RetransmitBase { get; init; } = 1.8;

    /// <summary>Retransmissions before the peer counts as dead.</summary>
    public int RetransmitTries { get; init; } = 5;

    /// <summary>RFC 3948 §4: between packets that keep a NAT's mapping alive; zero = none.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a set-up that a peer began may take.</summary>
    public TimeSpan HalfOpenTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Half-open IKE SAs from which on a cookie is asked for (RFC 7296 §2.6).</summary>
    public int CookieThreshold { get; init; } = 30;

    /// <summary>Half-open IKE SAs that one source address may have.</summary>
    public int HalfOpenPerSource { get; init; } = 5;

    /// <summary>Half-open IKE SAs in all, beyond which nothing new is taken.</summary>
    public int HalfOpenLimit { get; init; } = 10_000;

    /// <summary>Octets of the largest IP packet that an IKE message may make before it is fragmented (RFC 7383 §2.5.1).</summary>
    public int FragmentSize { get; init; } = 1280;

    /// <summary>Authenticating anew, the new IKE SA stands before the old one is closed.</summary>
    public bool MakeBeforeBreak { get; init; }

    /// <summary>Announce digital signatures (RFC 7427); without it peers use the methods that came before.</summary>
    public bool SignatureAuthentication { get; init; } = true;

    /// <summary>How long a question about revocation may take before a set-up goes on without its answer.</summary>
    public TimeSpan LookupPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The highest version of TLS for EAP-TLS, 0x0303 or 0x0304; 0 = the highest there is.</summary>
    public int TlsVersion { get; init; }

    /// <summary>CHILD SAs of one IKE SA; beyond it the answer is NO_ADDITIONAL_SAS.</summary>
    public int MaxChildren { get; init; } = 1000;

    /// <summary>How often the peer may refuse our key exchange method before we give up.</summary>
    public int MaxKeyExchangeRetries { get; init; } = 3;

    /// <summary>Shortest wait after TEMPORARY_FAILURE; up to twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Journalled failures of one peer and reason are at least so far apart.</summary>
    public TimeSpan FailureInterval { get; init; } = TimeSpan.FromSeconds(10);
}
