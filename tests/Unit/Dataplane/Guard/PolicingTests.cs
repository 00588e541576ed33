using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Guard;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Guard;

/// <summary>The colors of packets, held to a slow policer that goes packet by packet and counts in fractions.</summary>
public sealed unsafe class PolicingTests
{
    private const int MaxFrame = 64;

    [Fact]
    public void Colors_are_those_of_the_slow_policer_whatever_comes()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var spec = Any(random);
            using var lab = new PolicerLab(spec);
            var slow = new SlowPolicer(spec);
            long now = 0;
            var bits = (double)spec.Rate.PerSecond;
            for (var step = 0; step < 40; step++)
            {
                // About as long as a few packets take, sometimes nothing, sometimes for ever.
                now += random.Next(8) switch { 0 => 0, 1 => 1 + random.Next(10), 2 => 1L << random.Next(50), _ => (long)(random.NextDouble() * 2e9 * (spec.Rate.InPackets ? 30 : 30 * 8 * 700) / bits) + 1 };
                var packets = new (int Length, byte Dscp)[random.Next(1, MaxFrame)];
                for (var i = 0; i < packets.Length; i++) packets[i] = (random.Next(4) == 0 ? random.Next(20, 9001) : random.Next(20, 1501), (byte)random.Next(64));
                var expected = packets.Select(p => slow.Judge(now, p.Length, p.Dscp)).ToList();
                var found = lab.Judge(now, packets);
                Assert.True(expected.SequenceEqual(found), $"seed {seed}, round {round}, step {step}: {spec}");
            }
        }
    }

    [Fact]
    public void Several_workers_together_get_what_one_would()
    {
        var spec = new PolicerSpec { Rate = new(1_000_000_000, false), Burst = new(200_000, false) };
        using var lab = new PolicerLab(spec, workers: 4);
        const long duration = 50_000_000;
        long clock = 0;
        var threads = Enumerable.Range(0, 4).Select(worker => new Thread(() =>
        {
            while (true)
            {
                var now = Interlocked.Add(ref clock, 2000);
                if (now > duration) return;
                // Four times what the rate brings in the meantime.
                lab.Judge(now, [(500, 0), (200, 0), (300, 0)], worker);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        var passed = lab.Row.Green.Bytes;
        var brought = 200_000ul + duration / 8;
        Assert.True(passed <= brought, $"{passed} octets passed of {brought}.");
        Assert.True(passed >= brought * 95 / 100, $"{passed} octets passed of {brought}.");
        Assert.Equal(0ul, lab.Row.Yellow.Packets);
    }

    [Fact]
    public void The_peak_rate_makes_red_what_the_committed_one_has_room_for()
    {
        // RFC 2698 §3: the peak bucket is asked first.
        var spec = new PolicerSpec { Mode = PolicerMode.TwoRate, Rate = new(8, false), Burst = new(3000, false), PeakRate = new(8, false), PeakBurst = new(1500, false) };
        using var lab = new PolicerLab(spec);
        Assert.Equal([Color.Green, Color.Red], lab.Judge(0, (1000, 0), (1000, 0)));
    }

    [Fact]
    public void What_the_burst_has_no_room_for_fills_the_excess_burst_of_a_single_rate()
    {
        // RFC 2697 §3.
        var spec = new PolicerSpec { Rate = new(8_000, false), Burst = new(1500, false), ExcessBurst = new(1500, false) };
        using var lab = new PolicerLab(spec);
        Assert.Equal([Color.Green, Color.Yellow, Color.Red], lab.Judge(0, (1500, 0), (1500, 0), (1500, 0)));
        // 1000 octets a second: after a second and a half the first bucket is full, after three the second.
        Assert.Equal([Color.Green, Color.Red], lab.Judge(1_500_000_000, (1500, 0), (100, 0)));
        Assert.Equal([Color.Green, Color.Yellow, Color.Red], lab.Judge(4_500_000_000, (1500, 0), (1500, 0), (1, 0)));
    }

    [Fact]
    public void No_packet_gets_a_better_color_than_it_came_with()
    {
        var spec = new PolicerSpec { Mode = PolicerMode.TwoRateExcess, Rate = new(8, false), Burst = new(9000, false), ExcessRate = new(8, false), ExcessBurst = new(9000, false), ColorAware = true };
        using var lab = new PolicerLab(spec);
        Assert.Equal([Color.Green, Color.Yellow, Color.Red, Color.Yellow], lab.Judge(0, (100, 10), (100, 12), (100, 14), (100, 36)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_mark_leaves_congestion_alone_and_the_checksum_right(bool v6)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var (tos, mark) = ((byte)random.Next(256), (byte)random.Next(64));
            var packet = v6
                ? Build.Ip6("2001:db8::1", "2001:db8::2", 17, [], trafficClass: tos)
                : [0x45, tos, 0, 20, (byte)random.Next(256), (byte)random.Next(256), 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            if (!v6) Build.Put16(packet, 10, SlowChecksum.Of(packet));
            fixed (byte* ip = packet)
            {
                Assert.Equal(tos >> 2, DscpField.Read(ip));
                DscpField.Write(ip, mark);
                Assert.Equal(mark, DscpField.Read(ip));
            }

            var now = v6 ? (packet[0] << 4 | packet[1] >> 4) & 0xFF : packet[1];
            Assert.True(now == (mark << 2 | tos & 3), $"seed {seed}");
            Assert.Equal(v6 ? 6 : 4, packet[0] >> 4);
            if (!v6) Assert.True(SlowChecksum.Of(packet) == 0, $"seed {seed}");
        }
    }

    private static PolicerSpec Any(Random random)
    {
        var inPackets = random.Next(2) == 0;
        var mode = (PolicerMode)random.Next(3);
        var rate = Rate();
        return new PolicerSpec
        {
            Mode = mode,
            Rate = rate,
            Burst = Burst(),
            PeakRate = mode == PolicerMode.TwoRate ? rate with { PerSecond = rate.PerSecond + random.Next(3) * rate.PerSecond } : null,
            PeakBurst = mode == PolicerMode.TwoRate ? Burst() : null,
            ExcessRate = mode == PolicerMode.TwoRateExcess ? Rate() : null,
            ExcessBurst = mode == PolicerMode.TwoRate || random.Next(3) == 0 ? null : Burst(),
            ColorAware = random.Next(2) == 0,
        };

        PolicerRate Rate() => new(1 + (long)Math.Pow(10, random.NextDouble() * (inPackets ? 6 : 11)), inPackets);

        PolicerBurst Burst() => new(inPackets ? random.Next(1, 200) : random.Next(1500, 100_000), inPackets);
    }

    /// <summary>A policer by itself; packets get the mark of their color.</summary>
    private sealed class PolicerLab : IDisposable
    {
        private readonly DataplaneControl _control;
        private readonly Policer* _policer;

        public PolicerLab(PolicerSpec spec, int workers = 1)
        {
            _control = new DataplaneControl(new DataplaneOptions { Buffers = 64, Workers = workers, Hugepages = false });
            _control.Guarding.SetPolicer("p", spec with { Conform = new(false, 1), Exceed = new(false, 2), Violate = new(false, 3) });
            _policer = _control.Tables.Guards.Policer(_control.Guarding.NumberOf("p"));
            _policer->Filled = 0;
        }

        public PolicerRow Row => _control.Guarding.Policers().Single();

        public List<Color> Judge(long now, params (int Length, byte Dscp)[] packets) => Judge(now, packets, 0);

        public List<Color> Judge(long now, (int Length, byte Dscp)[] packets, int worker)
        {
            var judged = stackalloc PolicedPacket[MaxFrame];
            var drops = stackalloc bool[MaxFrame];
            var headers = stackalloc byte[MaxFrame * 20];
            for (var i = 0; i < packets.Length; i++)
            {
                new Span<byte>(headers + i * 20, 20).Clear();
                headers[i * 20] = 0x45;
                headers[i * 20 + 1] = (byte)(packets[i].Dscp << 2);
                judged[i] = new PolicedPacket { Ip = headers + i * 20, Length = (uint)packets[i].Length };
            }

            Policing.Judge(_policer, worker, now, judged, packets.Length, drops);
            var colors = new List<Color>();
            for (var i = 0; i < packets.Length; i++) colors.Add((Color)(DscpField.Read(judged[i].Ip) - 1));
            return colors;
        }

        public void Dispose() => _control.Dispose();
    }

    /// <summary>The RFCs' metering, one packet after the other, in decimal fractions of bits and packets.</summary>
    private sealed class SlowPolicer(PolicerSpec spec)
    {
        private readonly decimal _cap = Amount(spec.BurstOrDefault());
        private readonly decimal _furtherCap = spec.Mode switch
        {
            PolicerMode.TwoRate => Amount(spec.PeakBurst ?? PolicerSpec.DefaultBurst(spec.PeakRate!)),
            PolicerMode.TwoRateExcess => Amount(spec.ExcessBurst ?? PolicerSpec.DefaultBurst(spec.ExcessRate!)),
            _ => spec.ExcessBurst is { } excess ? Amount(excess) : 0,
        };

        private decimal? _committed, _further;
        private long _last;

        public Color Judge(long now, int length, byte dscp)
        {
            var (committed, further) = (_committed ?? _cap, _further ?? _furtherCap);
            var time = (now - _last) / 1_000_000_000m;
            _last = now;
            committed += time * spec.Rate.PerSecond;
            further += spec.Mode switch
            {
                PolicerMode.TwoRate => time * spec.PeakRate!.PerSecond,
                PolicerMode.TwoRateExcess => time * spec.ExcessRate!.PerSecond,
                _ => Math.Max(0, committed - _cap),
            };
            (committed, further) = (Math.Min(committed, _cap), Math.Min(further, _furtherCap));
            var cost = spec.Rate.InPackets ? 1 : length * 8m;
            var came = !spec.ColorAware ? Color.Green : dscp is 12 or 20 or 28 or 36 ? Color.Yellow : dscp is 14 or 22 or 30 or 38 ? Color.Red : Color.Green;
            var color = Color.Red;
            if (spec.Mode == PolicerMode.TwoRate)
            {
                if (came != Color.Red && further >= cost)
                {
                    color = came == Color.Green && committed >= cost ? Color.Green : Color.Yellow;
                    further -= cost;
                    if (color == Color.Green) committed -= cost;
                }
            }
            else if (came == Color.Green && committed >= cost)
            {
                (color, committed) = (Color.Green, committed - cost);
            }
            else if (came != Color.Red && further >= cost)
            {
                (color, further) = (Color.Yellow, further - cost);
            }

            (_committed, _further) = (committed, further);
            return color;
        }

        private static decimal Amount(PolicerBurst burst) => burst.InPackets ? burst.Amount : burst.Amount * 8m;
    }
}
