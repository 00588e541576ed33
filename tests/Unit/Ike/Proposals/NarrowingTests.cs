using System.Net;
using Gateway.Ike.Proposals;
using Gateway.Policy;
using Gateway.Policy.Sa;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Proposals;

[Rfc("7296", "2.9")]
public sealed class NarrowingTests
{
    [Theory]
    [InlineData("10.1.0.0/24", "10.1.0.0/24", "10.1.0.0/24")]
    [InlineData("10.1.0.0/24", "10.0.0.0/8", "10.1.0.0/24")]
    [InlineData("0.0.0.0/0", "10.1.2.0/24", "10.1.2.0/24")]
    [InlineData("10.1.0.0/24", "10.2.0.0/24", "")]
    [InlineData("10.1.0.0/24 10.3.0.0/24", "0.0.0.0/0", "10.1.0.0/24 10.3.0.0/24")]
    // The selector of the packet that asked for the SA comes first and is taken in by the wider one behind it.
    [InlineData("10.1.0.0/16", "10.1.0.3/32[tcp/80] 10.1.0.0/24", "10.1.0.0/24")]
    [InlineData("10.1.0.3/32", "10.1.0.3/32[tcp/80] 10.1.0.0/24", "10.1.0.3/32")]
    [InlineData("10.1.2.3/32[tcp]", "10.1.2.3/32[tcp/80] 10.9.0.0/24", "10.1.2.3/32[tcp/80]")]
    [InlineData("10.1.0.0/24[udp/53]", "10.1.0.0/24[tcp]", "")]
    [InlineData("10.1.0.0/24[tcp/1-100]", "10.1.0.0/24[tcp/80-200]", "10.1.0.0/24[tcp/80-100]")]
    [InlineData("10.1.0.0-10.1.0.9", "10.1.0.5-10.1.0.20", "10.1.0.5-10.1.0.9")]
    [InlineData("::/0", "10.1.0.0/24", "")]
    [InlineData("fd01::/64 10.1.0.0/24", "::/0 0.0.0.0/0", "fd01::/64 10.1.0.0/24")]
    public void What_both_sides_allow_is_kept(string configured, string offered, string expected) =>
        Assert.Equal(expected, string.Join(' ', Narrowing.Narrow(Parse(configured), Parse(offered))));

    [Fact]
    public void Narrowing_keeps_exactly_the_packets_that_both_lists_select()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var (configured, offered) = (Some(random), Some(random));
            var narrowed = Narrowing.Narrow(configured, offered);
            foreach (var packet in Packets)
            {
                var both = Selects(configured, packet) && Selects(offered, packet);
                Assert.True(both == Selects(narrowed, packet), $"seed {seed}, try {i}: {packet} with {configured} and {offered} became {narrowed}");
            }

            for (var a = 0; a < narrowed.Count; a++)
                for (var b = 0; b < narrowed.Count; b++)
                    Assert.False(a != b && narrowed[a].Contains(narrowed[b]), $"seed {seed}, try {i}: {narrowed} says something twice");
            Assert.True(narrowed.Count == 0 || Narrowing.IsWithin(narrowed, offered), $"seed {seed}, try {i}");
        }
    }

    [Fact]
    public void An_answer_that_widens_the_offer_is_not_within_it()
    {
        Assert.True(Narrowing.IsWithin(Parse("10.1.0.0/25"), Parse("10.1.0.0/24")));
        Assert.False(Narrowing.IsWithin(Parse("10.1.0.0/23"), Parse("10.1.0.0/24")));
        Assert.False(Narrowing.IsWithin(Parse("10.1.0.0/25 10.2.0.0/24"), Parse("10.1.0.0/24")));
        Assert.False(Narrowing.IsWithin([], Parse("10.1.0.0/24")));
    }

    // The slow twin: a small world in which every packet can be asked about.
    private static readonly (bool Six, int Address, int Protocol, int Port)[] Packets =
    [
        .. from six in (bool[])[false, true] from address in Enumerable.Range(0, 6) from protocol in (int[])[6, 17] from port in Enumerable.Range(0, 5)
           select (six, address, protocol, port),
    ];

    private static bool Selects(ValueList<TrafficSelector> selectors, (bool Six, int Address, int Protocol, int Port) packet) => selectors.Any(s =>
        s.Start.GetAddressBytes().Length == (packet.Six ? 16 : 4)
        && s.Start.GetAddressBytes()[^1] <= packet.Address && packet.Address <= s.End.GetAddressBytes()[^1]
        && (s.Protocol == 0 || s.Protocol == packet.Protocol)
        && s.StartPort <= packet.Port && packet.Port <= s.EndPort);

    private static ValueList<TrafficSelector> Some(Random random) => Enumerable.Range(0, random.Next(1, 4)).Select(_ =>
    {
        var six = random.Next(3) == 0;
        var (low, high) = Range(random, 6);
        var (start, end) = random.Next(2) == 0 ? (0, 65535) : Range(random, 5);
        return new TrafficSelector(Address(six, low), Address(six, high), ((byte[])[0, 6, 17])[random.Next(3)], (ushort)start, (ushort)end);
    }).ToValueList();

    private static (int, int) Range(Random random, int below)
    {
        var (a, b) = (random.Next(below), random.Next(below));
        return (Math.Min(a, b), Math.Max(a, b));
    }

    private static IPAddress Address(bool six, int last)
    {
        var bytes = new byte[six ? 16 : 4];
        bytes[^1] = (byte)last;
        return new IPAddress(bytes);
    }

    private static ValueList<TrafficSelector> Parse(string texts) => texts.Split(' ')
        .Select(t => TrafficSelector.TryParse(t, out var selector) ? selector : throw new FormatException(t)).ToValueList();
}
