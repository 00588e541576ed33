using System.Net;
using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Ike.Sa;

public sealed class ConnectionCompilerTests
{
    private static readonly ConnectionSpec _spec = new()
    {
        LocalAddrs = ["192.0.2.1"],
        RemoteAddrs = ["198.51.100.0/24", "203.0.113.1-203.0.113.9", "gate.example"],
        Proposals = ["aes128gcm16-prfsha256-x25519"],
        Local = [new AuthenticationRound { Id = "left.lab" }],
        Remote = [new AuthenticationRound()],
        Children = new Dictionary<string, ChildSpec> { ["net"] = new() { LocalTs = ["10.1.0.0/24", "dynamic"] } },
    };

    [Fact]
    public void A_connection_is_parsed_once_and_filled_with_defaults()
    {
        var connection = Compile(_spec);
        Assert.Equal("left.lab", connection.Local[0].Id.ToString());
        Assert.True(connection.Remote[0].Id.IsAny);
        Assert.Equal(TimeSpan.FromMinutes(24), connection.OverTime);
        Assert.Equal(connection.OverTime, connection.RandTime);
        var child = Assert.Single(connection.Children);
        Assert.Equal((TimeSpan.FromMinutes(66), TimeSpan.FromMinutes(6)), (child.LifeTime, child.RandTime));
        Assert.Equal(["10.1.0.0/24", "192.0.2.1/32"], child.LocalSelectors([new TrafficSelector(IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.1"))]).Select(t => t.ToString()));
    }

    [Theory]
    [InlineData("dynamic", "192.0.2.1/32")]
    [InlineData("dynamic[tcp/80]", "192.0.2.1/32[tcp/80]")]
    [InlineData("10.1.0.0/24[udp]", "10.1.0.0/24[udp]")]
    public void A_dynamic_selector_keeps_its_protocol_and_ports(string text, string filled)
    {
        Assert.True(SelectorPattern.TryParse(text, out var pattern));
        Assert.Equal(filled, Assert.Single(pattern.Fill([new TrafficSelector(IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.1"))])).ToString());
        Assert.False(SelectorPattern.TryParse(text + "x]", out _));
    }

    [Theory]
    [InlineData("192.0.2.1", "198.51.100.7", true)]
    [InlineData("192.0.2.1", "203.0.113.9", true)]
    [InlineData("192.0.2.2", "198.51.100.7", false)]
    public void Addresses_decide_which_connections_fit(string local, string remote, bool fits) =>
        Assert.Equal(fits, Compile(_spec with { RemoteAddrs = ["198.51.100.0/24", "203.0.113.1-203.0.113.9"] }).Match(IPAddress.Parse(local), IPAddress.Parse(remote)) > 0);

    [Fact]
    public void The_narrower_address_fits_better()
    {
        var (local, remote) = (IPAddress.Parse("192.0.2.1"), IPAddress.Parse("198.51.100.7"));
        var any = Compile(_spec with { RemoteAddrs = ["%any"] }).Match(local, remote);
        var prefix = Compile(_spec with { RemoteAddrs = ["198.51.100.0/24"] }).Match(local, remote);
        var exact = Compile(_spec with { RemoteAddrs = ["198.51.100.7"] }).Match(local, remote);
        Assert.True(0 < any && any < prefix && prefix < exact);
    }

    public static TheoryData<string, ConnectionSpec> Wrong => new()
    {
        { "no address", _spec with { RemoteAddrs = ["300.1.2.3.4 5"] } },
        { "no identity", _spec with { Local = [new AuthenticationRound { Id = "XX=CH" }] } },
        { "wildcards", _spec with { Local = [new AuthenticationRound { Id = "*.lab" }] } },
        { "no authentication round", _spec with { Remote = [] } },
        { "names no algorithm", _spec with { Proposals = ["aes128gcm16-rot13"] } },
        { "no traffic selector", _spec with { Children = new Dictionary<string, ChildSpec> { ["net"] = new() { RemoteTs = ["10.1.0.0/33"] } } } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_cannot_be_used_is_named(string part, ConnectionSpec spec)
    {
        Assert.False(ConnectionCompiler.TryCompile(new ConnectionName("x"), spec, out _, out var error));
        Assert.Contains(part, error, StringComparison.Ordinal);
    }

    private static Connection Compile(ConnectionSpec spec)
    {
        Assert.True(ConnectionCompiler.TryCompile(new ConnectionName("x"), spec, out var connection, out var error), error);
        return connection;
    }
}
