using System.Net;
using Gateway.Crypto;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Ike.Engine;

public sealed class EnginePartsTests
{
    private static readonly IPAddress _peer = IPAddress.Parse("198.51.100.2");

    [Fact]
    public void Deadlines_behave_like_a_sorted_list()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            var random = new Random(seed);
            var deadlines = new Deadlines();
            var twin = new Dictionary<(IkeSaId, TimerId), Timestamp>();
            var now = new Timestamp(0);
            for (var i = 0; i < 3000; i++)
            {
                var (sa, timer) = (new IkeSaId((ulong)random.Next(30)), new TimerId((TimerKind)random.Next(1, 8), (ulong)random.Next(3)));
                switch (random.Next(4))
                {
                    case 0 or 1:
                        var at = now + TimeSpan.FromMilliseconds(random.Next(1, 500));
                        deadlines.Set(sa, timer, at);
                        twin[(sa, timer)] = at;
                        break;
                    case 2:
                        deadlines.Cancel(sa, timer);
                        twin.Remove((sa, timer));
                        break;
                    default:
                        now += TimeSpan.FromMilliseconds(random.Next(0, 50));
                        while (deadlines.TryTake(now, out var due, out var which))
                        {
                            Assert.True(twin.Remove((due, which), out var when) && when <= now, $"seed {seed}");
                            Assert.True(twin.Values.All(t => t >= when), $"seed {seed}");
                        }

                        Assert.True(twin.Values.All(t => t > now), $"seed {seed}");
                        break;
                }

                Assert.Equal(twin.Count, deadlines.Count);
                Assert.Equal(twin.Count == 0 ? null : twin.Values.Min(), deadlines.Next);
            }
        }
    }

    [Fact]
    public void A_cookie_holds_for_its_sender_and_two_lives_of_the_secret()
    {
        using var jar = new CookieJar(new Counting());
        Gateway.Policy.Octets nonce = new byte[32];
        var (spi, start) = (new IkeSpi(7), new Timestamp(0));
        var cookie = jar.Bake(nonce, _peer, spi, start);
        Assert.True(jar.IsOurs(cookie, nonce, _peer, spi, start));
        Assert.False(jar.IsOurs(cookie, nonce, IPAddress.Loopback, spi, start));
        Assert.False(jar.IsOurs(cookie, nonce, _peer, new IkeSpi(8), start));
        Assert.False(jar.IsOurs(cookie, new byte[33], _peer, spi, start));
        Assert.False(jar.IsOurs(default, nonce, _peer, spi, start));
        Assert.True(jar.IsOurs(cookie, nonce, _peer, spi, start + TimeSpan.FromMinutes(2.5)));
        Assert.False(jar.IsOurs(cookie, nonce, _peer, spi, start + TimeSpan.FromMinutes(5)));
    }

    [Fact]
    public void A_secret_named_for_both_sides_comes_before_one_for_anybody()
    {
        var (left, right, other) = (Id("left.lab"), Id("right.lab"), Id("other.lab"));
        var both = new SharedSecret([left, right], new KeyHandle(1));
        var one = new SharedSecret([right], new KeyHandle(2));
        var any = new SharedSecret([], new KeyHandle(3));
        Assert.True(both.Match(left, right) > one.Match(left, right));
        Assert.True(one.Match(left, right) > any.Match(left, right));
        Assert.True(any.Match(left, right) > 0);
        Assert.Equal(0, one.Match(left, other));
        Assert.True(new SharedSecret([Id("*.lab")], new KeyHandle(4)).Match(left, other) > 0);
    }

    [Fact]
    public void Failures_of_one_peer_are_told_now_and_then_and_counted()
    {
        var limiter = new FailureLimiter(TimeSpan.FromSeconds(10));
        var failure = new IkeSaFailed(null, false, _peer, null, "timeout", "");
        var start = new Timestamp(1_000_000);
        Assert.NotNull(limiter.Pass(failure, start));
        for (var i = 0; i < 5; i++) Assert.Null(limiter.Pass(failure, start + TimeSpan.FromSeconds(i)));
        Assert.NotNull(limiter.Pass(failure with { Reason = "authentication-failed" }, start));
        Assert.Equal(5, limiter.Pass(failure, start + TimeSpan.FromSeconds(11))!.Suppressed);
    }

    [Fact]
    public void Many_sources_cannot_fill_the_journal()
    {
        var limiter = new FailureLimiter(TimeSpan.FromSeconds(10));
        var told = 0;
        for (var i = 0; i < 20_000; i++)
            if (limiter.Pass(new IkeSaFailed(null, false, new IPAddress(i), null, "timeout", ""), new Timestamp(1_000_000 + i)) is not null) told++;
        Assert.InRange(told, 100, 300);
    }

    [Fact]
    public void Every_reason_has_a_sentence() => Assert.All(Enum.GetValues<IkeDrop>(), r => Assert.EndsWith(".", r.Sentence(), StringComparison.Ordinal));

    private static Identity Id(string text) => Identity.TryParse(text, out var id) ? id : throw new FormatException(text);

    private sealed class Counting : IEntropy
    {
        private byte _next;

        public void Fill(Span<byte> destination)
        {
            foreach (ref var b in destination) b = _next++;
        }
    }
}
