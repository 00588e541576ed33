using System.Net;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Projections;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Inner addresses from pools, asked for and given in IKE_AUTH.</summary>
public sealed class VirtualAddresses
{
    private static readonly IPAddress _first = IPAddress.Parse("10.3.0.1");

    [Fact]
    [Rfc("7296", "2.19")]
    public void A_peer_that_asks_gets_an_address_and_what_goes_with_it()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28", Dns = [IPAddress.Parse("10.1.0.53")], Subnet = [Prefix("10.1.0.0/24")] });
        lab.Left.Initiate();
        // A --> B  IKE_AUTH { IDi, AUTH, CP(CFG_REQUEST), SA, TSi = 0.0.0.0/0, TSr }
        // A <-- B  IKE_AUTH { IDr, AUTH, CP(CFG_REPLY), SA, TSi = 10.3.0.1/32, TSr }
        lab.Deliver();
        lab.AssertUp();
        var received = Assert.Single(lab.Left.FactsOf<VirtualAddressesReceived>());
        Assert.Equal([_first], received.Addresses);
        Assert.Equal([IPAddress.Parse("10.1.0.53")], received.Dns);
        Assert.Equal("10.1.0.0/24", Assert.Single(received.Subnets).ToString());
        Assert.Equal([_first], lab.Left.OwnAddresses);
        Assert.Equal("10.3.0.1/32", Assert.Single(Assert.Single(lab.Left.Installed.Values).Parameters.LocalSelectors).ToString());
        Assert.Equal("10.3.0.1/32", Assert.Single(Assert.Single(lab.Right.Installed.Values).Parameters.RemoteSelectors).ToString());
        Assert.Equal([new LeaseEntry("rw", _first, "left.lab", true, DateTimeOffset.UnixEpoch)], lab.Right.Leases());
    }

    [Fact]
    public void Both_families_can_be_had_at_once()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" }, ["0.0.0.0", "::"], pools: ["rw", "rw6"]);
        lab.Right.Lend("rw6", new PoolSpec { Addrs = "fd03::10-fd03::1f", Dns = [IPAddress.Parse("fd01::53")] });
        lab.Left.Initiate();
        lab.Deliver();
        var received = Assert.Single(lab.Left.FactsOf<VirtualAddressesReceived>());
        Assert.Equal([_first, IPAddress.Parse("fd03::10")], received.Addresses);
        Assert.Equal(["10.3.0.1/32", "fd03::10/128"], Assert.Single(lab.Right.Installed.Values).Parameters.RemoteSelectors.Select(t => t.ToString()));
    }

    [Fact]
    public void The_address_that_a_peer_wants_is_given_when_it_is_free()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" }, ["10.3.0.9"]);
        lab.Left.Initiate();
        lab.Deliver();
        Assert.Equal([IPAddress.Parse("10.3.0.9")], Assert.Single(lab.Left.FactsOf<VirtualAddressesReceived>()).Addresses);
    }

    [Fact]
    public void The_same_identity_gets_the_same_address_back()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Left.Terminate();
        lab.Deliver();
        Assert.Empty(lab.Left.OwnAddresses);
        Assert.Equal([new LeaseEntry("rw", _first, "left.lab", false, DateTimeOffset.UnixEpoch)], lab.Right.Leases());

        Stranger(lab);
        Assert.Equal("10.3.0.2", lab.Right.Leases().Single(l => l.Identity == "other.lab").Address.ToString());
        lab.Left.Initiate();
        lab.Deliver();
        Assert.Equal([_first], lab.Left.FactsOf<VirtualAddressesReceived>().Last().Addresses);
    }

    [Fact]
    public void Only_a_pool_without_fresh_addresses_gives_away_what_another_had()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.1-10.3.0.1" });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Left.Terminate();
        lab.Deliver();
        Stranger(lab);
        Assert.Equal([new LeaseEntry("rw", _first, "other.lab", true, DateTimeOffset.UnixEpoch)], lab.Right.Leases());
    }

    [Fact]
    [Rfc("7296", "3.15.4")]
    public void An_exhausted_pool_leaves_an_IKE_SA_without_a_child()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.1-10.3.0.1" });
        Stranger(lab);
        lab.Left.Initiate();
        // A <-- B  IKE_AUTH { IDr, AUTH, N(INTERNAL_ADDRESS_FAILURE) }
        lab.Deliver();
        Assert.Equal("exhausted", Assert.Single(lab.Right.FactsOf<LeaseRefused>()).Reason);
        Assert.Equal("internal-address-failure", Assert.Single(lab.Left.FactsOf<ChildSaFailed>()).Reason);
        Assert.Empty(Assert.Single(lab.Left.Sas, s => s.Connection.Value == "lab").Children);
    }

    [Fact]
    [Rfc("7296", "2.19")]
    public void A_peer_that_must_have_an_address_has_to_ask_for_one()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" }, vips: []);
        lab.Left.Initiate();
        lab.Deliver();
        Assert.Equal("not-asked", Assert.Single(lab.Right.FactsOf<LeaseRefused>()).Reason);
        Assert.Equal("failed-cp-required", Assert.Single(lab.Left.FactsOf<ChildSaFailed>()).Reason);
    }

    [Fact]
    public void A_rekeyed_IKE_SA_keeps_the_address()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Left.Rekey();
        lab.Deliver();
        lab.AssertUp();
        Assert.Empty(lab.Right.FactsOf<LeaseReleased>());
        Assert.Equal([_first], Assert.Single(lab.Right.Sas).RemoteVips);
        Assert.Equal([_first], lab.Left.OwnAddresses);
        lab.Left.Rekey("net");
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal("10.3.0.1/32", Assert.Single(Assert.Single(lab.Right.Installed.Values).Parameters.RemoteSelectors).ToString());
    }

    [Fact]
    public void A_crash_of_either_side_changes_no_lease()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Right.KillAndResume();
        lab.Left.KillAndResume();
        lab.Deliver();
        lab.AssertUp();
        Assert.Empty(lab.Right.FactsOf<LeaseReleased>());
        Assert.Equal([_first], lab.Left.OwnAddresses);
        Stranger(lab);
        Assert.Equal(["10.3.0.1 left.lab", "10.3.0.2 other.lab"], lab.Right.Leases().Select(l => $"{l.Address} {l.Identity}"));
        lab.Left.Terminate();
        lab.Deliver();
        Assert.Equal(_first, Assert.Single(lab.Right.FactsOf<LeaseReleased>()).Address);
    }

    [Fact]
    public void A_peer_that_comes_back_after_a_crash_takes_its_address_over()
    {
        using var lab = Lent(new PoolSpec { Addrs = "10.3.0.0/28" });
        lab.Left.Initiate();
        lab.Deliver();
        lab.Left.Reset();
        lab.Left.Initiate();
        // A --> B  IKE_AUTH { IDi, N(INITIAL_CONTACT), CP(CFG_REQUEST), … }
        lab.Deliver();
        Assert.Equal([_first], Assert.Single(lab.Right.Sas).RemoteVips);
        Assert.Equal([_first], Assert.Single(lab.Left.FactsOf<VirtualAddressesReceived>()).Addresses);
        Assert.True(Assert.Single(lab.Right.Leases()).Online);
    }

    [Fact]
    public void An_address_that_was_not_asked_for_is_not_taken()
    {
        using var lab = Lent(new PoolSpec { Addrs = "fd03::10-fd03::1f" });
        lab.Left.Initiate();
        lab.Deliver();
        Assert.Equal("0.0.0.0", Assert.Single(lab.Right.FactsOf<LeaseRefused>()).Asked!.ToString());
        Assert.Empty(lab.Left.OwnAddresses);
    }

    private static Lab Lent(PoolSpec pool, ValueList<string>? vips = null, ValueList<string>? pools = null)
    {
        var lab = Lab.Configured(
            s => Lab.WithChild(s with { Vips = vips ?? ["0.0.0.0"] }, c => c with { LocalTs = vips is { Count: 0 } ? ["10.1.0.0/24"] : ["dynamic"], RemoteTs = ["0.0.0.0/0", "::/0"] }),
            s => Lab.WithChild(s with { Pools = pools ?? ["rw"], RemoteAddrs = ["%any"], Remote = [new AuthenticationRound { Id = "*.lab" }] }, c => c with { LocalTs = ["10.2.0.0/24", "fd02::/64"], RemoteTs = ["dynamic"] }));
        lab.Right.Lend("rw", pool);
        lab.Right.Share("a very common secret");
        return lab;
    }

    // Another identity asks too, from the same host.
    private static void Stranger(Lab lab)
    {
        var spec = Lab.LeftSpec with { Local = [new AuthenticationRound { Id = "other.lab" }], Vips = ["0.0.0.0"] };
        lab.Left.Share("a very common secret", "other.lab", "right.lab");
        lab.Left.Configure(Lab.WithChild(spec, c => c with { LocalTs = ["dynamic"], RemoteTs = ["0.0.0.0/0"] }), "other");
        Assert.True(lab.Left.Initiate(connection: "other"));
        lab.Deliver();
    }

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);
}
