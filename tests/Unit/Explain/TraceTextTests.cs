using Gateway.Dataplane.Graph;
using Gateway.Host.Explain;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Explain;

public sealed unsafe class TraceTextTests
{
    private static readonly byte[] _here = Build.Mac("02:00:00:00:00:01"), _there = Build.Mac("02:00:00:00:00:02");

    [Theory]
    [InlineData("tcp 10.1.0.0/24 192.0.2.1:443", false)]
    [InlineData("udp", true)]
    [InlineData("any 10.1.0.5", true)]
    [InlineData("udp 192.0.2.1:53 10.1.0.0/16", true)]
    [InlineData("udp 192.0.2.1:54", false)]
    [InlineData("udp any:53", true)]
    [InlineData("17 10.1.0.5:5000 192.0.2.1:53", true)]
    [InlineData("udp 10.1.0.5:53 192.0.2.1:5000", false)]
    [InlineData("any 2001:db8::/32", false)]
    [InlineData("any 0.0.0.0/0", true)]
    public void A_filter_takes_packets_of_its_flow_either_way(string text, bool takes)
    {
        Assert.True(TraceText.TryParse(text, out var filter, out var error), error);
        var packet = Build.Ip4("10.1.0.5", "192.0.2.1", 17, Build.Udp("10.1.0.5", "192.0.2.1", 5000, 53, [1, 2, 3]));
        Assert.Equal(takes, Matches(filter, Build.Ethernet(_here, _there, 0x0800, packet)));
        var back = Build.Ip4("192.0.2.1", "10.1.0.5", 17, Build.Udp("192.0.2.1", "10.1.0.5", 53, 5000, [1, 2, 3]));
        Assert.Equal(takes, Matches(filter, Build.Ethernet(_here, _there, 0x8100, [0, 20, 8, 0, .. back])));
    }

    [Fact]
    public void A_filter_of_ipv6_looks_at_ports_too()
    {
        Assert.True(TraceText.TryParse("udp [2001:db8::/32]:53", out var filter, out _));
        var packet = Build.Ip6("2001:db8::1", "2001:db9::1", 17, Build.Udp("2001:db8::1", "2001:db9::1", 53, 99, []));
        Assert.True(Matches(filter, Build.Ethernet(_here, _there, 0x86DD, packet)));
        Assert.False(Matches(filter, Build.Ethernet(_here, _there, 0x86DD, Build.Ip6("2001:db8::1", "2001:db9::1", 17, Build.Udp("2001:db8::1", "2001:db9::1", 99, 53, [])))));
    }

    [Fact]
    public void Short_and_damaged_frames_are_no_flow_and_end_nothing()
    {
        Assert.True(TraceText.TryParse("any", out var filter, out _));
        Assert.True(TraceText.TryParse("udp any:53", out var ports, out _));
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 5_000; i++)
        {
            var frame = new byte[random.Next(80)];
            random.NextBytes(frame);
            if (frame.Length > 13 && random.Next(2) == 0) (frame[12], frame[13]) = random.Next(2) == 0 ? ((byte)0x08, (byte)0) : ((byte)0x86, (byte)0xDD);
            Assert.True(!Matches(filter, frame) || frame.Length >= 34, $"seed {seed}");
            Matches(ports, frame);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("tpc")]
    [InlineData("tcp 10.0.0.1 10.0.0.2 10.0.0.3")]
    [InlineData("tcp 10.0.0.1:99999")]
    [InlineData("tcp 10.0.0.1/40")]
    [InlineData("tcp [2001:db8::1")]
    [InlineData("tcp :")]
    public void What_is_no_flow_gets_a_sentence(string? text)
    {
        Assert.False(TraceText.TryParse(text, out _, out var error));
        Assert.NotEmpty(error);
    }

    private static bool Matches(TraceFilter filter, byte[] frame)
    {
        // Behind a short frame lies nothing that may be read.
        fixed (byte* at = (byte[])[.. frame, 0]) return filter.Matches(at, frame.Length);
    }
}
