using System.Net;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Unit.Dataplane.Packets;

public sealed class ConnectedNetworksTests
{
    [Fact]
    public void The_longest_network_of_the_same_vrf_holds_an_address()
    {
        var networks = new ConnectedNetworks();
        var configuration = Of(Interface("wide", null, "10.0.0.1/8"), Interface("narrow", null, "10.1.0.1/16", "2001:db8::1/64"), Interface("blue", "blue", "10.1.2.1/24"));
        Assert.Equal("narrow", networks.Towards(null, IPAddress.Parse("10.1.2.3"), configuration)?.Name);
        Assert.Equal("wide", networks.Towards("default", IPAddress.Parse("10.2.2.3"), configuration)?.Name);
        Assert.Equal("blue", networks.Towards("blue", IPAddress.Parse("10.1.2.3"), configuration)?.Name);
        Assert.Null(networks.Towards("blue", IPAddress.Parse("10.1.3.3"), configuration));
        Assert.Equal("narrow", networks.Towards(null, IPAddress.Parse("2001:db8::9"), configuration)?.Name);
        Assert.Null(networks.Towards(null, IPAddress.Parse("2001:db8:1::9"), configuration));
    }

    [Fact]
    public void Another_configuration_is_looked_at_anew()
    {
        var networks = new ConnectedNetworks();
        var before = Of(Interface("a", null, "10.1.0.1/16"));
        Assert.Equal("a", networks.Towards(null, IPAddress.Parse("10.1.2.3"), before)?.Name);
        var after = before.With([new ItemChange(new ItemKey("interface", "b"), Interface("b", null, "10.1.2.1/24"))], 2);
        Assert.Equal("b", networks.Towards(null, IPAddress.Parse("10.1.2.3"), after)?.Name);
        Assert.Equal("a", networks.Towards(null, IPAddress.Parse("10.1.2.3"), before)?.Name);
    }

    private static RunningConfiguration Of(params Item[] items) => RunningConfiguration.Empty.With([.. items.Select(i => new ItemChange(i.Key, i))], 1);

    private static Item Interface(string name, string? vrf, params string[] addresses) => new(
        new ItemKey("interface", name),
        new InterfaceSpec { Type = InterfaceType.Loopback, Vrf = vrf, Addresses = [.. addresses.Select(a => a.Split('/')).Select(a => new Gateway.Policy.Items.InterfaceAddress(IPAddress.Parse(a[0]), int.Parse(a[1], System.Globalization.CultureInfo.InvariantCulture)))] });
}
