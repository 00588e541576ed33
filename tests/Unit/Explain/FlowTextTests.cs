using System.Net;
using Gateway.Host.Explain;
using Xunit;

namespace Gateway.Unit.Explain;

public sealed class FlowTextTests
{
    [Fact]
    public void A_flow_is_read()
    {
        Assert.True(FlowText.TryParse("in wan tcp 203.0.113.9:40000 10.2.0.10:443 flags syn,ack size 1400 df ttl 3 dscp 46 mac 02:00:00:00:00:01 02:00:00:00:00:02 new", out var q, out _));
        Assert.Equal(new FlowBegin.In("wan"), q.Begin);
        Assert.Equal((IPAddress.Parse("203.0.113.9"), (ushort)40000, (ushort)443, (byte)6, (byte)0x12), (q.Flow.Source, q.Flow.SourcePort, q.Flow.DestinationPort, q.Flow.Protocol, q.Flow.TcpFlags));
        Assert.Equal((1400, true, (byte)3, (byte)(46 << 2)), (q.Flow.Size, q.Flow.DontFragment, q.Flow.Ttl, q.Flow.TrafficClass));
        Assert.True(q.IsNew && q.HasFlags);
    }

    [Theory]
    [InlineData("from branch/net udp [2001:db8::9]:53 [2001:db8:1::1]:53")]
    [InlineData("from gateway icmp 10.0.0.1 10.0.0.2 type 3/1")]
    [InlineData("in wan icmpv6 2001:db8::1 2001:db8::2")]
    [InlineData("in wan esp 10.0.0.1 10.0.0.2 spi 0xc0ffee00")]
    [InlineData("in wan proto 89 10.0.0.1 224.0.0.5")]
    [InlineData("in wan 47 10.0.0.1 10.0.0.2")]
    [InlineData("in wan tcp 10.0.0.1 10.0.0.2:80")]
    [InlineData("  in\twan  udp 10.0.0.1:0 10.0.0.2:65535 ")]
    public void Odd_but_right_flows_are_read(string text) => Assert.True(FlowText.TryParse(text, out _, out var error), error);

    [Theory]
    [InlineData(null, "at most")]
    [InlineData("", "begins with in or from")]
    [InlineData("in", "begins with in or from")]
    [InlineData("out wan tcp 10.0.0.1:1 10.0.0.2:2", "begins with in or from")]
    [InlineData("in wan", "protocol is missing")]
    [InlineData("in wan tpc 10.0.0.1:1 10.0.0.2:2", "tpc is no protocol")]
    [InlineData("in wan 256 10.0.0.1 10.0.0.2", "256 is no protocol")]
    [InlineData("in wan tcp", "address is missing")]
    [InlineData("in wan tcp 10.0.0.1:1", "The destination")]
    [InlineData("in wan tcp 10.1:1 10.0.0.2:2", "no address")]
    [InlineData("in wan tcp 010.0.0.1:1 10.0.0.2:2", "no address")]
    [InlineData("in wan tcp 10.0.0.1:65536 10.0.0.2:2", "no port")]
    [InlineData("in wan tcp 10.0.0.1:-1 10.0.0.2:2", "no port")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2", "port is missing")]
    [InlineData("in wan tcp [2001:db8::1:1 10.0.0.2:2", "no address")]
    [InlineData("in wan tcp [2001:db8::1]x 10.0.0.2:2", "no address")]
    [InlineData("in wan tcp fe80::1%eth0 10.0.0.2:2", "no address")]
    [InlineData("in wan tcp [::ffff:10.0.0.1]:1 10.0.0.2:2", "no address")]
    [InlineData("in wan tcp 2001:db8::1 10.0.0.2:2", "different families")]
    [InlineData("in wan icmp 10.0.0.1:1 10.0.0.2", "no ports")]
    [InlineData("in wan icmp 2001:db8::1 2001:db8::2", "icmpv6")]
    [InlineData("in wan icmpv6 10.0.0.1 10.0.0.2", "icmpv6")]
    [InlineData("in wan udp 10.0.0.1:1 10.0.0.2:2 flags syn", "flags are of tcp")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 flags sny", "flags are words")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 flags", "flags are words")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 size 99999", "28 to 9000")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 ttl 256", "0 to 255")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 type 3", "icmp")]
    [InlineData("in wan icmp 10.0.0.1 10.0.0.2 type 3/1/2", "number from 0")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 mac 02:00 03:00", "two MAC addresses")]
    [InlineData("in wan tcp 10.0.0.1:1 10.0.0.2:2 please", "please is not known")]
    [InlineData("in wan udp [2001:db8::1]:1 [2001:db8::2]:2 df", "IPv4")]
    [InlineData("from branch tcp 10.0.0.1:1 10.0.0.2:2", "no child")]
    [InlineData("from /net tcp 10.0.0.1:1 10.0.0.2:2", "no child")]
    public void Wrong_flows_get_a_sentence(string? text, string part)
    {
        Assert.False(FlowText.TryParse(text, out _, out var error));
        Assert.Contains(part, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_throws()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        string[] words = ["in", "from", "gateway", "wan", "a/b", "/", "tcp", "udp", "icmp", "proto", "6", "999", "10.0.0.1", "10.0.0.2:80", "[", "[]", "[::]:", "[::1]:5", ":", "::", ":5", "flags", "syn", ",", "type", "3/", "/3", "size", "df", "ttl", "mac", "02:00:00:00:00:01", "new", "spi", "0x", "\0", "é", new string('x', 400)];
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Join(' ', Enumerable.Range(0, random.Next(14)).Select(_ => words[random.Next(words.Length)]));
            if (random.Next(3) == 0 && text.Length > 0) text = text.Remove(random.Next(text.Length), 1);
            var isRead = FlowText.TryParse(text, out var question, out var error);
            Assert.True(isRead ? question is not null : error is { Length: > 0 and < 600 } && question is null, $"seed {seed}: {text}");
        }
    }
}
