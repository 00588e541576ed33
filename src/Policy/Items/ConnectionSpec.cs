using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>What to do with a child when the configuration is loaded.</summary>
public enum StartAction
{
    None,
    Start,
    Trap,

    /// <summary>Begun at once, and by a packet whenever it is not up.</summary>
    TrapStart,
}

/// <summary>What to do with a child when its peer is dead or closes it.</summary>
public enum LossAction
{
    None,
    Clear,
    Trap,
    Start,
}

/// <summary>What to do about other IKE SAs of the same pair of identities.</summary>
public enum UniquePolicy
{
    No,
    Never,
    Keep,
    Replace,
}

/// <summary>When own certificates are sent.</summary>
public enum SendCertPolicy
{
    /// <summary>When the peer asks for one.</summary>
    Ifasked,
    Always,
    Never,
}

/// <summary>What must be known of a certificate's revocation.</summary>
public enum RevocationPolicy
{
    /// <summary>It must not be known as revoked.</summary>
    Relaxed,

    /// <summary>Where it names a place to ask, the answer must be there and good.</summary>
    Ifuri,

    /// <summary>It must be known as good.</summary>
    Strict,
}

/// <summary>When IKE messages are fragmented (RFC 7383).</summary>
public enum FragmentationPolicy
{
    Yes,
    No,
    Accept,
    Force,
}

/// <summary>Whether IKE SAs are set up without a child at first (RFC 6023).</summary>
public enum ChildlessPolicy
{
    /// <summary>Peers may; the gateway itself sets the first child up with the IKE SA.</summary>
    Allow,

    /// <summary>The gateway too, where the peer takes it.</summary>
    Prefer,

    /// <summary>In both roles always: no child is taken in IKE_AUTH.</summary>
    Force,

    /// <summary>Peers may not.</summary>
    Never,
}

/// <summary>In which directions the DSCP crosses a tunnel (RFC 2983).</summary>
public enum DscpCopy
{
    /// <summary>The outer header takes the inner one's; the inner one stays as its sender wrote it.</summary>
    Out,

    /// <summary>The outer header has DSCP 0; on its way out of the tunnel the inner header takes the outer one's.</summary>
    In,

    /// <summary>Both.</summary>
    Yes,

    /// <summary>Neither.</summary>
    No,
}

/// <summary>An IKE connection (<c>connection</c>), in the words and with the defaults of swanctl.conf's <c>connections.NAME</c>.</summary>
public sealed record ConnectionSpec : ItemSpec
{
    /// <summary>IKE version; only 2.</summary>
    public int Version { get; init; } = 2;

    /// <summary>Own addresses or <c>%any</c>; the first is used to initiate.</summary>
    public ValueList<string> LocalAddrs { get; init; }

    /// <summary>The peer's addresses, prefixes, ranges, names, or <c>%any</c>; the first is dialled.</summary>
    public ValueList<string> RemoteAddrs { get; init; }

    [Range(1, 65535)]
    public int LocalPort { get; init; } = 500;

    [Range(1, 65535)]
    public int RemotePort { get; init; } = 500;

    /// <summary>As strongSwan writes them, for example <c>aes128gcm16-prfsha256-x25519</c>; none = <c>default</c>.</summary>
    public ValueList<string> Proposals { get; init; }

    public required ValueList<AuthenticationRound> Local { get; init; }

    public required ValueList<AuthenticationRound> Remote { get; init; }

    public IReadOnlyDictionary<string, ChildSpec> Children { get; init; } = new Dictionary<string, ChildSpec>();

    /// <summary>Pools from which a peer that asks for addresses gets them, tried in this order.</summary>
    public ValueList<string> Pools { get; init; }

    /// <summary>As initiator, addresses to ask the peer for: one each, or <c>0.0.0.0</c> or <c>::</c> for any. They stand for <c>dynamic</c> in <c>local_ts</c>.</summary>
    public ValueList<string> Vips { get; init; }

    /// <summary>Always encapsulate ESP in UDP.</summary>
    public bool Encap { get; init; }

    public bool Mobike { get; init; } = true;

    /// <summary>DSCP of IKE packets (RFC 2474) as six binary digits, as swanctl writes it; for example <c>101110</c>.</summary>
    public string Dscp { get; init; } = "000000";

    public FragmentationPolicy Fragmentation { get; init; } = FragmentationPolicy.Yes;

    public ChildlessPolicy Childless { get; init; } = ChildlessPolicy.Allow;

    /// <summary>Idle time after which liveness is checked; 0 = never.</summary>
    public SwanDuration DpdDelay { get; init; }

    public SwanDuration RekeyTime { get; init; } = SwanDuration.Hours(4);

    /// <summary>After this long both sides authenticate anew, with a new IKE SA and new children; 0 = never.</summary>
    public SwanDuration ReauthTime { get; init; }

    /// <summary>After this much more than <see cref="RekeyTime"/> or <see cref="ReauthTime"/> the IKE SA is closed; default a tenth of the longer one.</summary>
    public SwanDuration? OverTime { get; init; }

    /// <summary>A random time of at most this is taken off <see cref="RekeyTime"/> and <see cref="ReauthTime"/>; default <see cref="OverTime"/>.</summary>
    public SwanDuration? RandTime { get; init; }

    /// <summary>Attempts to initiate before giving up; 0 = for ever.</summary>
    [Range(0, 1000)]
    public int Keyingtries { get; init; } = 1;

    public UniquePolicy Unique { get; init; } = UniquePolicy.No;

    /// <summary>Ask the peer for certificates of the authorities that are trusted.</summary>
    public bool SendCertreq { get; init; } = true;

    public SendCertPolicy SendCert { get; init; } = SendCertPolicy.Ifasked;

    /// <summary>The post-quantum pre-shared key to offer (RFC 8784), by the id of its secret.</summary>
    public string? PpkId { get; init; }

    /// <summary>No IKE SA without a post-quantum pre-shared key.</summary>
    public bool PpkRequired { get; init; }

    /// <summary>For children that do not say it themselves: the <c>if_id</c> of the ipsec interface that what they decrypt arrives on; 0 = none.</summary>
    [Range(0, 4_294_967_295)]
    public long IfIdIn { get; init; }

    /// <summary>For children that do not say it themselves: they protect only what is routed into the ipsec interface with this <c>if_id</c>; 0 = whatever their selectors take.</summary>
    [Range(0, 4_294_967_295)]
    public long IfIdOut { get; init; }

    public bool Equals(ConnectionSpec? other) =>
        other is not null && ToString() == other.ToString();

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    public override string ToString() => System.Text.Json.JsonSerializer.Serialize(this, PolicyJson.Options);
}

/// <summary>One authentication round of a side.</summary>
public sealed record AuthenticationRound
{
    public AuthenticationWord Auth { get; init; } = AuthenticationWord.Psk;

    /// <summary>IKE identity; default the subject of the certificate or the IKE address, for a remote round <c>%any</c>.</summary>
    public string? Id { get; init; }

    /// <summary>Own certificates to choose from, or the peer's that alone are taken; names of certificate items.</summary>
    public ValueList<string> Certs { get; init; }

    /// <summary>Raw public keys: the own one to use, or the peer's that are taken; names of certificate items.</summary>
    public ValueList<string> Pubkeys { get; init; }

    /// <summary>Remote: authorities of which one must be in the peer's chain; names of certificate items.</summary>
    public ValueList<string> Cacerts { get; init; }

    /// <summary>Remote: the identity that an authority in the peer's chain must have.</summary>
    public string? CaId { get; init; }

    /// <summary>Remote: policies (object identifiers) of which the peer's certificate must have one.</summary>
    public ValueList<string> CertPolicy { get; init; }

    /// <summary>Remote: what must be known of the revocation of the peer's certificates.</summary>
    public RevocationPolicy Revocation { get; init; } = RevocationPolicy.Relaxed;

    /// <summary>EAP identity: the own one, or what the peer's must be; for a remote round <c>%any</c> asks for it and takes all.</summary>
    public string? EapId { get; init; }

    /// <summary>Local: the identity of the EAP server, where it is another than the peer's.</summary>
    public string? AaaId { get; init; }
}

/// <summary>A CHILD SA's configuration, as swanctl.conf's <c>connections.NAME.children.NAME</c>.</summary>
public sealed record ChildSpec
{
    /// <summary>Selectors of our side, or <c>dynamic</c> for the IKE address.</summary>
    public ValueList<string> LocalTs { get; init; } = ["dynamic"];

    public ValueList<string> RemoteTs { get; init; } = ["dynamic"];

    public ValueList<string> EspProposals { get; init; }

    public Sa.SaMode Mode { get; init; } = Sa.SaMode.Tunnel;

    public StartAction StartAction { get; init; }

    public LossAction DpdAction { get; init; } = LossAction.Clear;

    public LossAction CloseAction { get; init; }

    public SwanDuration RekeyTime { get; init; } = SwanDuration.Hours(1);

    /// <summary>Hard end; default a tenth more than <see cref="RekeyTime"/>.</summary>
    public SwanDuration? LifeTime { get; init; }

    public SwanDuration? RandTime { get; init; }

    /// <summary>Closed when it carried no packet for so long, in either direction; 0 = never.</summary>
    public SwanDuration Inactivity { get; init; }

    [Range(0, long.MaxValue)]
    public long RekeyBytes { get; init; }

    [Range(0, long.MaxValue)]
    public long? LifeBytes { get; init; }

    /// <summary>A random number of at most this is taken off <see cref="RekeyBytes"/>; default what lies between it and <see cref="LifeBytes"/>.</summary>
    [Range(0, long.MaxValue)]
    public long? RandBytes { get; init; }

    [Range(0, long.MaxValue)]
    public long RekeyPackets { get; init; }

    [Range(0, long.MaxValue)]
    public long? LifePackets { get; init; }

    /// <summary>A random number of at most this is taken off <see cref="RekeyPackets"/>; default what lies between it and <see cref="LifePackets"/>.</summary>
    [Range(0, long.MaxValue)]
    public long? RandPackets { get; init; }

    /// <summary>Packets, 0–4096.</summary>
    [Range(0, 4096)]
    public int ReplayWindow { get; init; } = 64;

    public bool CopyDf { get; init; } = true;

    public bool CopyEcn { get; init; } = true;

    public DscpCopy CopyDscp { get; init; } = DscpCopy.Out;

    /// <summary>The <c>if_id</c> of the ipsec interface that decrypted packets arrive on; 0 = none. Default: the connection's.</summary>
    [Range(0, 4_294_967_295)]
    public long? IfIdIn { get; init; }

    /// <summary>Only what is routed into the ipsec interface with this <c>if_id</c> is protected; 0 = whatever the selectors take. Default: the connection's.</summary>
    [Range(0, 4_294_967_295)]
    public long? IfIdOut { get; init; }
}
