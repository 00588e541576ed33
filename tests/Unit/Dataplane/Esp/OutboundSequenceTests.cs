using Gateway.Dataplane.Esp;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

public sealed unsafe class OutboundSequenceTests
{
    [Fact]
    public void New_SA_starts_at_one_and_stores_the_mark_before_it_uses_a_number()
    {
        SaHotState hot = default;
        SaEntry sa = default;
        sa.Hot = &hot;
        OutboundSequence.Start(&sa);
        for (ulong expected = 1; expected < 3 * OutboundSequence.Block; expected++)
        {
            Assert.True(OutboundSequence.TryNext(&sa, out var sequence));
            Assert.Equal(expected, sequence);
            Assert.True(hot.OutboundMark > sequence);
            Assert.True(hot.OutboundMark <= sequence + OutboundSequence.Block);
        }
    }

    [Fact]
    public void Resumed_SA_uses_no_number_that_may_have_been_used()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        SaHotState hot = default;
        var used = new HashSet<ulong>();
        for (var life = 0; life < 50; life++)
        {
            SaEntry sa = default;
            sa.Hot = &hot;
            OutboundSequence.Start(&sa);
            for (var i = random.Next(10_000); i >= 0; i--)
            {
                Assert.True(OutboundSequence.TryNext(&sa, out var sequence));
                Assert.True(used.Add(sequence), $"seed {seed}: {sequence} was used twice");
            }
        }
    }

    // RFC 4303 §3.3.3.
    [Fact]
    public void Without_ESN_the_last_number_is_two_to_the_32_minus_one_also_after_a_resume()
    {
        var hot = new SaHotState { OutboundMark = (1UL << 32) - 10 };
        SaEntry sa = default;
        sa.Hot = &hot;
        OutboundSequence.Start(&sa);
        ulong last = 0;
        while (OutboundSequence.TryNext(&sa, out var sequence)) last = sequence;
        Assert.Equal(uint.MaxValue, last);
        Assert.Equal(1UL << 32, hot.OutboundMark);
        OutboundSequence.Start(&sa);
        Assert.False(OutboundSequence.TryNext(&sa, out _));
    }

    [Fact]
    public void With_ESN_numbers_go_on_beyond_32_bits_and_stop_at_the_64_bit_end()
    {
        var hot = new SaHotState { OutboundMark = (1UL << 32) - 2 };
        var sa = new SaEntry { Hot = &hot, Flags = SaFlags.Esn };
        OutboundSequence.Start(&sa);
        for (var i = 0; i < 10; i++) Assert.True(OutboundSequence.TryNext(&sa, out _));
        Assert.Equal((1UL << 32) + 8, sa.Out.Next);

        hot.OutboundMark = ulong.MaxValue - 3;
        OutboundSequence.Start(&sa);
        var left = 0;
        while (OutboundSequence.TryNext(&sa, out _)) left++;
        Assert.Equal(3, left);
    }
}
