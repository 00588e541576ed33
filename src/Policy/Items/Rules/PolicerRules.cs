using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of policers, and of what names them.</summary>
internal sealed class PolicerRules : ItemRules<PolicerSpec>
{
    /// <summary>A bucket that holds less than a packet lets none pass, however slow the traffic.</summary>
    private const int LeastOctets = 1500;

    /// <summary>Workers keep so many policers.</summary>
    private const int MaxPolicers = 4095;

    protected override void Check(string name, PolicerSpec spec, ValidationContext context, ErrorScope at)
    {
        CheckBurst(spec.Burst, spec.Rate, at["burst"]);
        CheckBurst(spec.PeakBurst, spec.Rate, at["peak_burst"]);
        CheckBurst(spec.ExcessBurst, spec.Rate, at["excess_burst"]);
        CheckRate(spec.PeakRate, spec, PolicerMode.TwoRate, at["peak_rate"]);
        CheckRate(spec.ExcessRate, spec, PolicerMode.TwoRateExcess, at["excess_rate"]);
        // RFC 2698 §1: the peak rate is at least the committed one.
        if (spec is { Mode: PolicerMode.TwoRate, PeakRate: { } peak } && peak.InPackets == spec.Rate.InPackets && peak.PerSecond < spec.Rate.PerSecond) at["peak_rate"].Add(ErrorCode.OutOfRange, "The peak rate is at least the rate.");
        if (spec.PeakBurst is not null && spec.Mode != PolicerMode.TwoRate) at["peak_burst"].Add(ErrorCode.NotApplicable, "This goes with mode two-rate only.");
        if (spec.ExcessBurst is not null && spec.Mode == PolicerMode.TwoRate) at["excess_burst"].Add(ErrorCode.NotApplicable, "Mode two-rate has a peak_burst.");
        CheckColors(spec, at);
    }

    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        if (all.OfKind(ItemCatalog.Policer).Count() <= MaxPolicers) return;
        foreach (var (key, at) in put)
            if (key.Kind == ItemCatalog.Policer)
            {
                at.Add(ErrorCode.TooMany, $"There are at most {MaxPolicers} policers.");
                return;
            }
    }

    private static void CheckBurst(PolicerBurst? burst, PolicerRate rate, ErrorScope at)
    {
        if (burst is null) return;
        if (burst.InPackets != rate.InPackets) at.Add(ErrorCode.Conflict, rate.InPackets ? "The rate is in packets, so this is too." : "The rate is in bits, so this is in octets.");
        else if (!burst.InPackets && burst.Amount < LeastOctets) at.Add(ErrorCode.OutOfRange, $"A burst has at least {LeastOctets}B, or long packets would never pass.");
    }

    private static void CheckRate(PolicerRate? further, PolicerSpec spec, PolicerMode mode, ErrorScope at)
    {
        if (spec.Mode == mode && further is null) at.Add(ErrorCode.MissingField, "The mode needs this second rate.");
        else if (spec.Mode != mode && further is not null) at.Add(ErrorCode.NotApplicable, $"This goes with mode {(mode == PolicerMode.TwoRate ? "two-rate" : "two-rate-excess")} only.");
        else if (further is not null && further.InPackets != spec.Rate.InPackets) at.Add(ErrorCode.Conflict, "Both rates are in bits, or both in packets.");
    }

    private static void CheckColors(PolicerSpec spec, ErrorScope at)
    {
        var seen = new HashSet<int>();
        foreach (var (list, field) in new[] { (spec.YellowDscp, "yellow_dscp"), (spec.RedDscp, "red_dscp") })
        {
            if (list.Count > 0 && !spec.ColorAware) at[field].Add(ErrorCode.NotApplicable, "This goes with color_aware only.");
            if (list.Count > 64) at[field].Add(ErrorCode.TooMany, "There are 64 DSCPs.");
            for (var i = 0; i < list.Count && !at.Errors.IsFull; i++)
            {
                if (list[i] is < 0 or > 63) at[field][i].Add(ErrorCode.OutOfRange, "Must be from 0 to 63.");
                else if (!seen.Add(list[i])) at[field][i].Add(ErrorCode.Conflict, "The DSCP has a color already.");
            }
        }
    }
}
