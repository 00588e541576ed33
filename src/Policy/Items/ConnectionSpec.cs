using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>How a side proves who it is.</summary>
public enum AuthenticationMethod
{
    Psk,
}

/// <summary>What to do with a child when the configuration is loaded.</summary>
public enum StartAction
{
    None,
    Start,
    Trap,
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

/// <summary>When IKE messages are fragmented (RFC 7383).</summary>
public enum FragmentationPolicy
{
    Yes,
    No,
    Accept,
    Force,
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

    public FragmentationPolicy Fragmentation { get; init; } = FragmentationPolicy.Yes;

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

    public bool Equals(ConnectionSpec? other) =>
        other is not null && ToString() == other.ToString();

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    public override string ToString() => System.Text.Json.JsonSerializer.Serialize(this, PolicyJson.Options);
}

/// <summary>One authentication round of a side.</summary>
public sealed record AuthenticationRound
{
    public AuthenticationMethod Auth { get; init; } = AuthenticationMethod.Psk;

    /// <summary>IKE identity; default the IKE address, for a remote round <c>%any</c>.</summary>
    public string? Id { get; init; }
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

    [Range(0, long.MaxValue)]
    public long RekeyBytes { get; init; }

    [Range(0, long.MaxValue)]
    public long? LifeBytes { get; init; }

    [Range(0, long.MaxValue)]
    public long RekeyPackets { get; init; }

    [Range(0, long.MaxValue)]
    public long? LifePackets { get; init; }

    /// <summary>Packets, 0–4096.</summary>
    [Range(0, 4096)]
    public int ReplayWindow { get; init; } = 64;

    public bool CopyDf { get; init; } = true;

    public bool CopyEcn { get; init; } = true;
}
