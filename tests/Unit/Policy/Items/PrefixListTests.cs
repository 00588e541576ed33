using System.Net;
using System.Text.Json;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Reading;
using Xunit;

namespace Gateway.Unit.Policy.Items;

public sealed class PrefixListTests
{
    [Fact]
    public void A_list_of_prefixes_is_a_sorted_set_of_them()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var v6 = random.Next(2) == 0;
            var (a, b) = (Some(random, v6), Some(random, v6));
            var (first, second) = (PrefixList.Of(a), PrefixList.Of(b));
            Assert.True(Texts(a).SequenceEqual(first.Select(p => p.ToString())), $"seed {seed}, round {round}");
            Assert.Equal(Texts(a).Count, first.Count);
            foreach (var prefix in a.Concat(b)) Assert.True(first.Holds(PrefixList.OctetsOf(prefix)) == a.Contains(prefix), $"seed {seed}, round {round}: {prefix}");
            Assert.Equal(Texts(a).FirstOrDefault(Texts(b).Contains), first.FirstCommon(second)?.ToString());
            Assert.Equal(first, PrefixList.Of(a.AsEnumerable().Reverse().Concat(a)));
            Assert.Equal(first.GetHashCode(), PrefixList.Of(a).GetHashCode());
            var json = JsonSerializer.Serialize(first, PolicyJson.Options);
            Assert.Equal("[" + string.Join(',', Texts(a).Select(t => $"\"{t}\"")) + "]", json);
            Assert.Equal(first, JsonSerializer.Deserialize<PrefixList>(json, PolicyJson.Options));
        }
    }

    [Theory]
    [InlineData("""["10.0.0.1/24"]""", "[0]", "invalid-value")]
    [InlineData("""["10.0.0.0/24","10.0.0.0/33"]""", "[1]", "invalid-value")]
    [InlineData("""["10.0.0.0/24","2001:db8::/32"]""", "[1]", "invalid-value")]
    [InlineData("""["2001:db8::/32","10.0.0.0/24"]""", "[1]", "invalid-value")]
    [InlineData("""["10.0.0.0"]""", "[0]", "invalid-value")]
    [InlineData("""["010.0.0.0/8"]""", "[0]", "invalid-value")]
    [InlineData("""["10.0.0.256/32"]""", "[0]", "invalid-value")]
    [InlineData("""["10.0.0.0/"]""", "[0]", "invalid-value")]
    [InlineData("""["10.0.0.0/8 "]""", "[0]", "invalid-value")]
    [InlineData("""["10.0.0/8"]""", "[0]", "invalid-value")]
    [InlineData("""["2001:db8::1/32"]""", "[0]", "invalid-value")]
    [InlineData("""["10.0.0.0/8",7]""", "[1]", "wrong-type")]
    [InlineData(""" "10.0.0.0/8" """, "", "wrong-type")]
    public void What_is_no_prefix_is_told_by_its_place(string json, string path, string code)
    {
        var errors = new ErrorList(10);
        Assert.Null(StrictJson.Read<PrefixList>(JsonElement.Parse(json), new ErrorScope(errors, "", "$")));
        var error = Assert.Single(errors.ToValueList());
        Assert.Equal(("$" + path, code), (error.Path, error.Code));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<PrefixList>(json, PolicyJson.Options));
    }

    [Fact]
    public void An_escaped_text_is_a_prefix_too() =>
        Assert.Equal("10.0.0.0/8", StrictJson.Read<PrefixList>(JsonElement.Parse("""["\u0031\u0030.0.0.0\/8"]"""), new ErrorScope(new ErrorList(10), "", "$"))!.ToString());

    [Fact]
    public void Every_address_of_both_families_has_room()
    {
        foreach (var text in (string[])["255.255.255.255/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "::ffff:255.255.255.255/128", "::/0", "0.0.0.0/0"])
        {
            Assert.True(IpPrefix.TryParse(text, out var prefix));
            var json = JsonSerializer.Serialize(PrefixList.Of(Enumerable.Repeat(prefix, 3)), PolicyJson.Options);
            Assert.Equal($"[\"{text}\"]", json);
        }
    }

    private static List<IpPrefix> Some(Random random, bool v6) => [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => One(random, v6)).Distinct()];

    private static IpPrefix One(Random random, bool v6)
    {
        var bytes = new byte[v6 ? 16 : 4];
        bytes[0] = 0x20;
        bytes[1] = (byte)(random.Next(4) << 6);
        bytes[2] = (byte)(random.Next(2) << 7);
        return new IpPrefix(new IPAddress(bytes), 17 + random.Next(8));
    }

    private static List<string> Texts(List<IpPrefix> prefixes) =>
        [.. prefixes.OrderBy(p => Convert.ToHexString(p.Address.GetAddressBytes()), StringComparer.Ordinal).ThenBy(p => p.Length).Select(p => p.ToString())];
}
