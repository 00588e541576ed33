using Gateway.Host.Journal.EventStore;
using Xunit;

namespace Gateway.Unit.Journal.EventStore;

public sealed class EventStoreUriTests
{
    [Fact]
    public void A_whole_connection_string_is_read()
    {
        Assert.True(EventStoreUri.TryParse(
            "esdb://user:p%40ss%3Aword@a.example:2113,b.example,[2001:db8::1]:99/?tls=true&TLSCAFILE=%2Fetc%2Fca.pem&nodePreference=follower&defaultDeadline=1500&keepAliveInterval=20000&keepAliveTimeout=5000&gossipTimeout=5&maxDiscoverAttempts=4&discoveryInterval=70&stream=gateway-x&connectionName=me",
            out var uri, out _));
        Assert.Equal([new StoreEndpoint("a.example", 2113), new StoreEndpoint("b.example", 2113), new StoreEndpoint("2001:db8::1", 99)], uri.Hosts);
        Assert.Equal("Basic " + Convert.ToBase64String("user:p@ss:word"u8), uri.Authorization());
        Assert.Equal(("/etc/ca.pem", NodePreference.Follower, "gateway-x", 4), (uri.TlsCaFile, uri.NodePreference, uri.Stream, uri.MaxDiscoverAttempts));
        Assert.Equal(TimeSpan.FromMilliseconds(1500), uri.Deadline);
        Assert.Equal(TimeSpan.FromSeconds(5), uri.GossipTimeout);
        Assert.True(uri.IsCluster);
    }

    [Fact]
    public void One_node_is_spoken_with_directly_and_a_name_to_discover_is_not()
    {
        Assert.True(EventStoreUri.TryParse("esdb://localhost?tls=false", out var one, out _));
        Assert.False(one.IsCluster);
        Assert.Null(one.Authorization());
        Assert.True(EventStoreUri.TryParse("kurrentdb+discover://store.example", out var discover, out _));
        Assert.True(discover.IsCluster);
    }

    [Theory]
    [InlineData("http://host")]
    [InlineData("esdb://")]
    [InlineData("esdb://:secret@host")]
    [InlineData("esdb://host:port")]
    [InlineData("esdb://host:70000")]
    [InlineData("esdb://a,,b")]
    [InlineData("esdb+discover://a,b")]
    [InlineData("esdb://host?tls=maybe")]
    [InlineData("esdb://host?tls")]
    [InlineData("esdb://host?colour=red")]
    [InlineData("esdb://host?defaultDeadline=-5")]
    [InlineData("esdb://host?stream=$all")]
    [InlineData("esdb://host?userCertFile=a.pem")]
    [InlineData("esdb://host?tls=false&tlsCAFile=a.pem")]
    [InlineData("esdb://[::1:2113")]
    public void A_mistake_is_an_error(string text)
    {
        Assert.False(EventStoreUri.TryParse(text, out _, out var error));
        Assert.DoesNotContain("secret", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_password_is_never_printed()
    {
        Assert.True(EventStoreUri.TryParse("esdb://user:hunter2@host", out var uri, out _));
        Assert.DoesNotContain("hunter2", $"{uri} {System.Text.Json.JsonSerializer.Serialize(uri)}", StringComparison.Ordinal);
        Assert.Equal("esdb://user@host:2113", uri.ToString());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_text_never_throws(int seed)
    {
        var random = new Random(seed);
        const string Letters = "esdb:/@,?&=%[]$.0129tls+ü";
        for (var i = 0; i < 20_000; i++)
        {
            var text = (random.Next(2) == 0 ? "esdb://" : "") + new string([.. Enumerable.Range(0, random.Next(30)).Select(_ => Letters[random.Next(Letters.Length)])]);
            try
            {
                Assert.NotEqual(EventStoreUri.TryParse(text, out var uri, out var error), uri is null && error is not null);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {text}: {e}");
            }
        }
    }
}
