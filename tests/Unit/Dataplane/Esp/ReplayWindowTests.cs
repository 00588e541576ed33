using System.Runtime.CompilerServices;
using Gateway.Dataplane.Esp;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

public sealed unsafe class ReplayWindowTests
{
    /// <summary>The slow twin: remembers every number.</summary>
    private sealed class SlowWindow(uint window)
    {
        private readonly HashSet<ulong> _seen = [];
        private ulong _highest;

        public ulong Highest => _highest;

        public ReplayVerdict Check(ulong sequence)
        {
            if (sequence == 0) return ReplayVerdict.Impossible;
            if (sequence + window <= _highest) return ReplayVerdict.TooOld;
            return _seen.Contains(sequence) ? ReplayVerdict.Repeated : ReplayVerdict.Fresh;
        }

        public void Record(ulong sequence)
        {
            _seen.Add(sequence);
            _highest = Math.Max(_highest, sequence);
        }
    }

    [Fact]
    public void Hot_state_has_the_size_and_the_places_that_the_vault_stores()
    {
        Assert.Equal(SaHotState.Bytes, Unsafe.SizeOf<SaHotState>());
        SaHotState state = default;
        Assert.Equal(0, (byte*)&state.OutboundMark - (byte*)&state);
        Assert.Equal(64, (byte*)&state.HighestInbound - (byte*)&state);
        Assert.Equal(80, (byte*)state.Seen - (byte*)&state);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(128)]
    [InlineData(1000)]
    [InlineData(1024)]
    [InlineData(4095)]
    [InlineData(4096)]
    public void Window_says_what_its_slow_twin_says(int window)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        SaHotState state = default;
        state.HighestInbound = (1UL << 32) - 500;
        var mask = ReplayWindow.RingMask(window);
        var slow = new SlowWindow((uint)window);
        slow.Record(state.HighestInbound);
        ReplayWindow.Record(&state, mask, state.HighestInbound);
        for (var i = 0; i < 50_000; i++)
        {
            var reach = random.Next(20) switch { 0 => 3L * window, < 5 => window, _ => 8 };
            var sequence = (ulong)Math.Max(0, (long)slow.Highest + random.NextInt64(-reach, reach / (random.Next(8) + 1) + 2));
            var said = ReplayWindow.Check(&state, (uint)window, mask, sequence);
            Assert.True(slow.Check(sequence) == said, $"seed {seed}, step {i}, number {sequence}: {said}");
            // Now and then a fresh packet turns out forged and is not recorded.
            if (said != ReplayVerdict.Fresh || random.Next(10) == 0) continue;
            slow.Record(sequence);
            ReplayWindow.Record(&state, mask, sequence);
            Assert.True(slow.Highest == state.HighestInbound, $"seed {seed}, step {i}");
        }
    }

    [Fact]
    public void First_numbers_of_a_new_SA_are_fresh_and_zero_never_is()
    {
        SaHotState state = default;
        var mask = ReplayWindow.RingMask(64);
        Assert.Equal(ReplayVerdict.Impossible, ReplayWindow.Check(&state, 64, mask, 0));
        for (ulong n = 1; n <= 200; n++)
        {
            Assert.Equal(ReplayVerdict.Fresh, ReplayWindow.Check(&state, 64, mask, n));
            ReplayWindow.Record(&state, mask, n);
            Assert.Equal(ReplayVerdict.Repeated, ReplayWindow.Check(&state, 64, mask, n));
        }
        Assert.Equal(ReplayVerdict.Impossible, ReplayWindow.Check(&state, 64, mask, 0));
    }

    // RFC 4303 Appendix A2.2, the two cases and their borders.
    [Theory]
    [InlineData(0x0000_0005_0000_1000UL, 64u, 0x0000_1001u, 0x0000_0005_0000_1001UL)]
    [InlineData(0x0000_0005_0000_1000UL, 64u, 0x0000_0FC1u, 0x0000_0005_0000_0FC1UL)]
    [InlineData(0x0000_0005_0000_1000UL, 64u, 0x0000_0FC0u, 0x0000_0006_0000_0FC0UL)]
    [InlineData(0x0000_0005_0000_1000UL, 64u, 0xFFFF_FFFFu, 0x0000_0005_FFFF_FFFFUL)]
    [InlineData(0x0000_0005_0000_0010UL, 64u, 0xFFFF_FFFFu, 0x0000_0004_FFFF_FFFFUL)]
    [InlineData(0x0000_0005_0000_0010UL, 64u, 0xFFFF_FFD1u, 0x0000_0004_FFFF_FFD1UL)]
    [InlineData(0x0000_0005_0000_0010UL, 64u, 0xFFFF_FFD0u, 0x0000_0005_FFFF_FFD0UL)]
    [InlineData(0x0000_0005_0000_0010UL, 64u, 0x0000_0000u, 0x0000_0005_0000_0000UL)]
    [InlineData(0x0000_0005_0000_003FUL, 64u, 0x0000_0000u, 0x0000_0005_0000_0000UL)]
    [InlineData(0x0000_0005_0000_0040UL, 64u, 0x0000_0000u, 0x0000_0006_0000_0000UL)]
    public void High_half_of_an_extended_number_is_inferred_as_the_RFC_says(ulong highest, uint window, uint low, ulong expected)
    {
        Assert.True(ReplayWindow.TryInfer(highest, window, low, out var sequence));
        Assert.Equal(expected, sequence);
    }

    [Fact]
    public void Numbers_before_the_first_and_beyond_the_last_subspace_cannot_be_inferred()
    {
        Assert.False(ReplayWindow.TryInfer(0x10, 64, 0xFFFF_FFFF, out _));
        Assert.False(ReplayWindow.TryInfer(ulong.MaxValue - 1, 64, 5, out _));
        Assert.True(ReplayWindow.TryInfer(0x10, 64, 0x50, out var sequence));
        Assert.Equal(0x50UL, sequence);
    }

    [Fact]
    public void Extended_numbers_are_followed_over_many_wraps()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        SaHotState state = default;
        var mask = ReplayWindow.RingMask(128);
        var sequence = 1UL;
        while (sequence < 40UL << 32)
        {
            // A sender jumps ahead (lost packets) by less than 2^31, and reorders within the window.
            sequence += (ulong)random.NextInt64(1, 1L << 31);
            var late = sequence - (ulong)random.Next(1, 100);
            foreach (var sent in (ulong[])[sequence, late])
            {
                Assert.True(ReplayWindow.TryInfer(state.HighestInbound, 128, (uint)sent, out var inferred), $"seed {seed}");
                Assert.True(sent == inferred, $"seed {seed}: {sent:x} became {inferred:x}");
                Assert.True(ReplayVerdict.Fresh == ReplayWindow.Check(&state, 128, mask, inferred), $"seed {seed}: {sent:x}");
                ReplayWindow.Record(&state, mask, inferred);
            }
        }
    }

    /// <summary>Ends the process after every single store of an advance, as a kill would, and looks whether the state that is left would accept a number twice.</summary>
    [Fact]
    public void State_cut_off_between_any_two_stores_accepts_nothing_twice()
    {
        const int window = 256;
        var mask = ReplayWindow.RingMask(window);
        foreach (var jump in (ulong[])[1, 2, 63, 64, 65, 130, 255, 256, 257, 1000])
        {
            SaHotState before = default;
            for (ulong n = 1; n <= 1000; n++) ReplayWindow.Record(&before, mask, n);
            var after = before;
            ReplayWindow.Record(&after, mask, 1000 + jump);
            // The order of stores: the edge, then the words. A cut leaves the new edge with a mix of old and new words.
            for (var cut = 0; cut <= window / 64; cut++)
            {
                var left = before;
                left.HighestInbound = after.HighestInbound;
                for (var word = 0; word < cut; word++)
                {
                    var at = (int)(((1001 >> 6) + (ulong)word) & (mask >> 6));
                    left.Seen[at] = after.Seen[at];
                }
                for (ulong n = 1; n <= 1000; n++) Assert.NotEqual(ReplayVerdict.Fresh, ReplayWindow.Check(&left, window, mask, n));
            }
        }
    }
}
