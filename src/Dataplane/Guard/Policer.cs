using System.Runtime.InteropServices;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Guard;

/// <summary>How a policer judged a packet (RFC 2697 §1).</summary>
internal enum Color : byte
{
    Green,
    Yellow,
    Red,
}

/// <summary>
/// What a policer goes by; never changed, replaced as a whole. Tokens are thousand-millionths of a bit or of a packet: a nanosecond brings as many of them as the rate has bits or packets a second, so nothing is ever rounded.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 192)]
internal unsafe struct PolicerTerms
{
    /// <summary>No mark.</summary>
    public const byte Unmarked = 255;

    /// <summary>Tokens in a bit or a packet.</summary>
    public const long Token = 1_000_000_000;

    /// <summary>Tokens of a nanosecond, most tokens, and the nanoseconds in which the bucket is full whatever it held.</summary>
    public long Rate, Cap, FillTime;

    /// <summary>The same of the second bucket.</summary>
    public long FurtherRate, FurtherCap, FurtherFillTime;

    /// <summary>Tokens of an octet, or of a packet.</summary>
    public long Cost;

    public PolicerMode Mode;
    public bool InPackets;
    public bool ColorAware;

    /// <summary>By color: whether such packets end.</summary>
    public fixed bool Drops[3];

    /// <summary>By color: the DSCP that such packets get; <see cref="Unmarked"/> none.</summary>
    public fixed byte Marks[3];

    /// <summary>By DSCP: the color that a packet comes with.</summary>
    public fixed byte Colors[64];

    public static PolicerTerms Of(PolicerSpec spec)
    {
        var further = spec.Mode switch { PolicerMode.TwoRate => spec.PeakRate, PolicerMode.TwoRateExcess => spec.ExcessRate, _ => null };
        var furtherBurst = spec.Mode == PolicerMode.TwoRate ? spec.PeakBurst : spec.ExcessBurst;
        var unit = spec.Rate.InPackets ? Token : 8 * Token;
        var terms = new PolicerTerms
        {
            Mode = spec.Mode,
            InPackets = spec.Rate.InPackets,
            ColorAware = spec.ColorAware,
            Cost = unit,
            Rate = spec.Rate.PerSecond,
            Cap = spec.BurstOrDefault().Amount * unit,
            FurtherRate = further?.PerSecond ?? 0,
            FurtherCap = (furtherBurst ?? (further is null ? null : PolicerSpec.DefaultBurst(further)))?.Amount * unit ?? 0,
        };
        // RFC 2697 §3: what the first bucket has no room for is the second one's.
        terms.FillTime = (terms.Cap + (spec.Mode == PolicerMode.SingleRate ? terms.FurtherCap : 0)) / terms.Rate + 1;
        terms.FurtherFillTime = terms.FurtherRate == 0 ? 0 : terms.FurtherCap / terms.FurtherRate + 1;
        PolicerAction[] actions = [spec.Conform, spec.Exceed, spec.Violate];
        for (var color = 0; color < actions.Length; color++) (terms.Drops[color], terms.Marks[color]) = (actions[color].Drops, actions[color].Dscp ?? Unmarked);
        foreach (var dscp in spec.YellowDscp.Count > 0 || spec.RedDscp.Count > 0 ? [.. spec.YellowDscp] : (int[])[12, 20, 28, 36]) terms.Colors[dscp & 63] = (byte)Color.Yellow;
        foreach (var dscp in spec.YellowDscp.Count > 0 || spec.RedDscp.Count > 0 ? [.. spec.RedDscp] : (int[])[14, 22, 30, 38]) terms.Colors[dscp & 63] = (byte)Color.Red;
        return terms;
    }
}

/// <summary>A policer as workers share it: two cache lines, the second written by all of them. Stays in its place for ever.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct Policer
{
    /// <summary>Null where there is no policer.</summary>
    [FieldOffset(0)]
    public PolicerTerms* Terms;

    /// <summary>Packets and octets by color, <see cref="CounterStride"/> numbers for each worker.</summary>
    [FieldOffset(8)]
    public ulong* Counters;

    /// <summary>Tokens of the first bucket: the committed one.</summary>
    [FieldOffset(64)]
    public long Committed;

    /// <summary>Tokens of the second bucket: excess or peak.</summary>
    [FieldOffset(72)]
    public long Further;

    /// <summary>Monotonic nanoseconds up to which the buckets were filled.</summary>
    [FieldOffset(80)]
    public long Filled;

    /// <summary>A cache line.</summary>
    public const int CounterStride = 8;
}

/// <summary>A packet to be policed.</summary>
internal unsafe struct PolicedPacket
{
    /// <summary>Its IP header; null for what is not IP, and not counted.</summary>
    public byte* Ip;

    /// <summary>Octets of the IP packet.</summary>
    public uint Length;

    /// <summary>The caller's number of it.</summary>
    public int At;

    /// <summary>The policer's number.</summary>
    public uint Policer;
}
