using System.Net;
using Gateway.Ike.Certificates;
using Gateway.Ike.Proposals;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>A connection item made ready for use: everything parsed, every default filled in. An SA keeps the one it was set up with.</summary>
public sealed class Connection
{
    public required ConnectionName Name { get; init; }

    public required ConnectionSpec Spec { get; init; }

    public required ValueList<AddressPattern> LocalAddresses { get; init; }

    public required ValueList<AddressPattern> RemoteAddresses { get; init; }

    public required ValueList<Proposal> Proposals { get; init; }

    public required ValueList<Round> Local { get; init; }

    public required ValueList<Round> Remote { get; init; }

    /// <summary>In the order of the configuration.</summary>
    public required ValueList<ChildConfig> Children { get; init; }

    public TimeSpan RekeyTime => Spec.RekeyTime.ToTimeSpan();

    public TimeSpan ReauthTime => Spec.ReauthTime.ToTimeSpan();

    public TimeSpan OverTime => Spec.OverTime?.ToTimeSpan() ?? (RekeyTime > ReauthTime ? RekeyTime : ReauthTime) / 10;

    public TimeSpan RandTime => Spec.RandTime?.ToTimeSpan() ?? OverTime;

    /// <summary>Of IKE packets, 0–63.</summary>
    public byte Dscp { get; init; }

    public TimeSpan DpdDelay => Spec.DpdDelay.ToTimeSpan();

    public ChildConfig? Child(ChildName name)
    {
        foreach (var child in Children.AsSpan())
            if (child.Name == name) return child;
        return null;
    }

    /// <summary>How well it fits an IKE SA between two addresses; 0 = not at all. The remote address weighs more.</summary>
    public int Match(IPAddress local, IPAddress remote)
    {
        var (here, there) = (Best(LocalAddresses, local), Best(RemoteAddresses, remote));
        return here == 0 || there == 0 ? 0 : (there * 1000) + here;
    }

    /// <summary>Whether the connection may speak from an address of ours.</summary>
    public bool IsOwn(IPAddress local) => Best(LocalAddresses, local) > 0;

    private static int Best(ValueList<AddressPattern> patterns, IPAddress address)
    {
        var best = patterns.Count == 0 ? 1 : 0;
        foreach (var pattern in patterns.AsSpan()) best = Math.Max(best, pattern.Match(address));
        return best;
    }

    public override string ToString() => Name.Value;
}

/// <summary>One authentication round of a side. The identity is <c>%any</c> where none is configured.</summary>
public sealed record Round(AuthenticationMethod Method, Identity Id)
{
    /// <summary>The method with its constraints.</summary>
    public AuthenticationWord Word { get; init; } = AuthenticationWord.Psk;

    /// <summary>Names of certificate items: own ones to choose from.</summary>
    public ValueList<string> Certs { get; init; }

    /// <summary>Names of raw public keys.</summary>
    public ValueList<string> Pubkeys { get; init; }

    /// <summary>The own EAP identity, or what the peer's must match.</summary>
    public Identity? EapId { get; init; }

    /// <summary>The identity of the EAP server where it is another than the peer's.</summary>
    public Identity? AaaId { get; init; }

    /// <summary>What the peer's certificates must hold up to.</summary>
    public ChainDemands Demands { get; init; } = ChainDemands.Default;
}

/// <summary>A child of a connection made ready for use.</summary>
public sealed class ChildConfig
{
    public required ChildName Name { get; init; }

    public required ChildSpec Spec { get; init; }

    public required ValueList<Proposal> Proposals { get; init; }

    public required ValueList<SelectorPattern> Local { get; init; }

    public required ValueList<SelectorPattern> Remote { get; init; }

    public TimeSpan RekeyTime => Spec.RekeyTime.ToTimeSpan();

    public TimeSpan LifeTime => Spec.LifeTime?.ToTimeSpan() ?? RekeyTime * 1.1;

    public TimeSpan RandTime => Spec.RandTime?.ToTimeSpan() ?? (LifeTime > RekeyTime ? LifeTime - RekeyTime : TimeSpan.Zero);

    public TimeSpan Inactivity => Spec.Inactivity.ToTimeSpan();

    /// <summary>The selectors of our side, with what <c>dynamic</c> stands for.</summary>
    public ValueList<TrafficSelector> LocalSelectors(ValueList<TrafficSelector> dynamic) => Fill(Local, dynamic);

    /// <inheritdoc cref="LocalSelectors"/>
    public ValueList<TrafficSelector> RemoteSelectors(ValueList<TrafficSelector> dynamic) => Fill(Remote, dynamic);

    private static ValueList<TrafficSelector> Fill(ValueList<SelectorPattern> selectors, ValueList<TrafficSelector> dynamic) =>
        selectors.SelectMany(s => s.Fill(dynamic)).ToValueList();

    public override string ToString() => Name.Value;
}
