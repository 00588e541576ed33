namespace Gateway.Policy.Items;

/// <summary>How a policer colors packets.</summary>
public enum PolicerMode
{
    /// <summary>One rate; its burst is green, a further burst yellow, the rest red (RFC 2697). Without an excess burst there is no yellow.</summary>
    SingleRate,

    /// <summary>Up to the rate green, up to the peak rate yellow, the rest red (RFC 2698).</summary>
    TwoRate,

    /// <summary>Up to the rate green, up to the excess rate beside it yellow, the rest red (RFC 4115).</summary>
    TwoRateExcess,
}

/// <summary>A policer (<c>policer</c>): how much may pass a second: <c>{"rate":"100Mbit/s","burst":"256kB"}</c>. Interfaces and rules of ACLs name it; all that name one share it.</summary>
public sealed record PolicerSpec : ItemSpec
{
    public PolicerMode Mode { get; init; }

    /// <summary>What is green: the committed rate, as 10Mbit/s (of IP packets, headers included) or 500packets/s.</summary>
    public required PolicerRate Rate { get; init; }

    /// <summary>How much of it may come at once, as 64kB or 100packets. Default: what the rate gives in 100 ms, and at least 16kB or 10packets.</summary>
    public PolicerBurst? Burst { get; init; }

    /// <summary>two-rate: what is not red, at least the rate.</summary>
    public PolicerRate? PeakRate { get; init; }

    /// <summary>two-rate: how much of the peak rate may come at once. Default as for burst.</summary>
    public PolicerBurst? PeakBurst { get; init; }

    /// <summary>two-rate-excess: what is yellow, beside the rate.</summary>
    public PolicerRate? ExcessRate { get; init; }

    /// <summary>single-rate: how much more is yellow at once, filled with what the rate gives while the burst is full; default none. two-rate-excess: how much of the excess rate may come at once.</summary>
    public PolicerBurst? ExcessBurst { get; init; }

    /// <summary>What becomes of green packets: transmit, drop, or dscp:10 to mark them and let them pass.</summary>
    public PolicerAction Conform { get; init; } = PolicerAction.Transmit;

    /// <summary>What becomes of yellow packets.</summary>
    public PolicerAction Exceed { get; init; } = PolicerAction.Transmit;

    /// <summary>What becomes of red packets.</summary>
    public PolicerAction Violate { get; init; } = PolicerAction.Drop;

    /// <summary>Packets come with a color, which their DSCP tells, and none gets a better one. Otherwise all come green.</summary>
    public bool ColorAware { get; init; }

    /// <summary>color_aware: DSCPs of packets that come yellow. Default: those of the middle drop precedence (RFC 2597): 12, 20, 28, 36.</summary>
    public ValueList<int> YellowDscp { get; init; }

    /// <summary>color_aware: DSCPs of packets that come red. Default: those of the high drop precedence (RFC 2597): 14, 22, 30, 38.</summary>
    public ValueList<int> RedDscp { get; init; }

    /// <summary>The burst, given or not.</summary>
    public PolicerBurst BurstOrDefault() => Burst ?? DefaultBurst(Rate);

    /// <summary>What a rate gives in 100 ms.</summary>
    public static PolicerBurst DefaultBurst(PolicerRate rate) =>
        new(Math.Min(PolicerBurst.Most, rate.InPackets ? Math.Max(10, rate.PerSecond / 10) : Math.Max(16_000, rate.PerSecond / 80)), rate.InPackets);
}
