using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>The gateway and a real strongSwan, in both roles.</summary>
public sealed class GatewayMeetsStrongSwanTests
{
    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    [Trait("set", "quick")]
    public void A_pre_shared_key_brings_a_tunnel_up_that_carries_packets_both_ways(Role role) =>
        Scene.Play(new LabCase(), role, scene => scene.ComesUp());

    [Theory]
    [InlineData(Role.GatewayResponds, "aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384")]
    [InlineData(Role.GatewayInitiates, "aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384")]
    [InlineData(Role.GatewayResponds, "aes256-sha256-modp2048", "aes128gcm16-modp2048")]
    [InlineData(Role.GatewayInitiates, "aes256-sha256-modp2048", "aes128gcm16-modp2048")]
    [InlineData(Role.GatewayResponds, "aes128-sha512-prfsha512-modp3072", "aes192gcm16-modp3072")]
    [InlineData(Role.GatewayInitiates, "aes192gcm16-prfsha256-ecp256", "aes192gcm16")]
    public void Other_cipher_suites_do_too(Role role, string ike, string esp) =>
        Scene.Play(new LabCase { Ike = ike, Esp = esp }, role, scene => scene.ComesUp());

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void Both_families_go_through_one_child(Role role) =>
        Scene.Play(new LabCase { LeftNet = "10.1.0.0/24,fd01::/64", RightNet = "10.2.0.0/24,fd02::/64" }, role, scene =>
        {
            scene.ComesUp();
            scene.Carries(LabNet.LeftHostAddress6, LabNet.RightHostAddress6);
        });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void The_sides_meet_over_IPv6(Role role) => Scene.Play(new LabCase { Over6 = true }, role, scene => scene.ComesUp());

    [Theory]
    [InlineData(Role.GatewayResponds, true)]
    [InlineData(Role.GatewayResponds, false)]
    [InlineData(Role.GatewayInitiates, true)]
    [InlineData(Role.GatewayInitiates, false)]
    public void The_child_is_rekeyed_by_either_side_without_losing_the_tunnel(Role role, bool byGateway) => Scene.Play(new LabCase(), role, scene =>
    {
        scene.ComesUp();
        var (before, ike) = (scene.ChildSpis(), scene.IkeSpis());
        if (byGateway) scene.Gateway.RekeyChild();
        else scene.Peer.RekeyChild();
        Netns.Await(() => scene.ChildSpis() is var now && now != before && now != ("", ""), "the gateway has one child, a new one");
        scene.Agree();
        scene.Carries();
        Assert.Equal(ike, scene.IkeSpis());
    });

    [Fact]
    [Trait("set", "quick")]
    public void The_child_is_rekeyed_by_the_gateway() => The_child_is_rekeyed_by_either_side_without_losing_the_tunnel(Role.GatewayResponds, true);

    [Theory]
    [InlineData(Role.GatewayResponds, true)]
    [InlineData(Role.GatewayResponds, false)]
    [InlineData(Role.GatewayInitiates, true)]
    [InlineData(Role.GatewayInitiates, false)]
    public void The_ike_sa_is_rekeyed_by_either_side_and_keeps_its_child(Role role, bool byGateway) => Scene.Play(new LabCase(), role, scene =>
    {
        scene.ComesUp();
        var (before, child) = (scene.IkeSpis(), scene.ChildSpis());
        if (byGateway) scene.Gateway.RekeyIke();
        else scene.Peer.RekeyIke();
        Netns.Await(() => scene.IkeSpis() is var now && now != before && now != ("", ""), "the gateway has one IKE SA, a new one");
        scene.Agree();
        scene.Carries();
        Assert.Equal(child, scene.ChildSpis());
    });

    [Fact]
    [Trait("set", "quick")]
    public void The_ike_sa_is_rekeyed_by_the_peer() => The_ike_sa_is_rekeyed_by_either_side_and_keeps_its_child(Role.GatewayResponds, false);

    [Fact]
    public void Rekeying_by_time_happens_by_itself() =>
        Scene.Play(new LabCase { ChildLines = "rekey_time = 6s\n        life_time = 60s\n        rand_time = 0s" }, Role.GatewayResponds, scene =>
        {
            scene.ComesUp();
            var before = scene.ChildSpis();
            Netns.Await(() => scene.ChildSpis() is var now && now != before && now != ("", ""), "the child is rekeyed after six seconds", 30);
            scene.Carries();
        });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    [Trait("set", "quick")]
    public void A_vanished_peer_is_noticed_and_its_SAs_are_gone(Role role) => Scene.Play(new LabCase { ConnectionLines = "dpd_delay = 2s" }, role, scene =>
    {
        scene.ComesUp();
        scene.Peer.Vanish();
        Netns.Await(() => scene.Gateway.Sas().Count == 0, "the gateway gives the SA up", 60);
        // Never in clear: the selectors of a configured child protect also without an SA.
        Assert.False(scene.Net.PingsBack(attempts: 1));
    });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void A_living_peer_stays_and_sees_the_checks(Role role) => Scene.Play(new LabCase { ConnectionLines = "dpd_delay = 2s" }, role, scene =>
    {
        scene.ComesUp();
        var before = scene.IkeSpis();
        Netns.Await(() => scene.Peer.Log.Split("parsed INFORMATIONAL re").Length > 2, "liveness is checked twice", 30);
        Assert.Equal(before, scene.IkeSpis());
        scene.Agree();
    });

    [Theory]
    [InlineData(Role.GatewayResponds, true)]
    [InlineData(Role.GatewayResponds, false)]
    [InlineData(Role.GatewayInitiates, true)]
    [InlineData(Role.GatewayInitiates, false)]
    public void Either_side_closes_and_the_other_follows(Role role, bool byGateway) => Scene.Play(new LabCase(), role, scene =>
    {
        scene.ComesUp();
        if (byGateway) scene.Gateway.Terminate();
        else scene.Peer.Terminate();
        Netns.Await(() => scene.Gateway.Sas().Count == 0 && scene.Peer.Sas().Count == 0, "both sides have no SA any more");
        Assert.False(scene.Net.PingsBack(attempts: 1));
        scene.ComesUp();
    });

    [Fact]
    [Trait("set", "quick")]
    public void A_packet_that_needs_a_trapped_child_sets_it_up() =>
        Scene.Play(new LabCase { LeftChildLines = "start_action = trap" }, Role.GatewayInitiates, scene =>
        {
            Assert.Empty(scene.Gateway.Sas());
            Assert.True(scene.Net.PingsBack(), "the left host reaches the right one");
            scene.Agree();
        });

    [Fact]
    public void A_packet_that_needs_a_child_without_a_trap_is_dropped_and_that_is_all() =>
        Scene.Play(new LabCase(), Role.GatewayInitiates, scene =>
        {
            Assert.False(scene.Net.PingsBack(attempts: 2));
            Assert.Empty(scene.Gateway.Sas());
        });

    [Fact]
    [Trait("set", "quick")]
    public void The_gateway_closes_and_the_peer_follows() => Either_side_closes_and_the_other_follows(Role.GatewayResponds, true);

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiatesFromTheRight)]
    [Trait("set", "quick")]
    public void A_translator_between_the_two_is_seen_and_crossed(Role role) => Scene.Play(new LabCase { RightRoams = true }, role, scene =>
    {
        scene.ComesUp();
        Assert.True(Assert.Single(Assert.Single(scene.Gateway.Sas()).Children).Encapsulated);
        if (role == Role.GatewayResponds) Assert.Equal(LabNet.LeftNextHop, scene.Gateway.Sas()[0].RemoteAddress);
        else Assert.Contains("remote host is behind NAT", scene.Peer.Log, StringComparison.Ordinal);
    }, Underlay.Nat);

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    [Trait("set", "quick")]
    public void Selectors_are_narrowed_to_what_both_allow(Role role) =>
        Scene.Play(new LabCase { RightNetAtRight = "10.2.0.0/16", LeftNetAtRight = "10.1.0.0/16" }, role, scene =>
        {
            scene.ComesUp();
            var child = Assert.Single(Assert.Single(scene.Gateway.Sas()).Children);
            Assert.Equal(["10.1.0.0/24"], child.Local);
            Assert.Equal(["10.2.0.0/24"], child.Remote);
        });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    [Trait("set", "quick")]
    public void A_wrong_pre_shared_key_is_refused(Role role) => Scene.Play(new LabCase { RightPsk = "another" }, role, scene =>
    {
        Assert.False(scene.Initiator.Initiate(out _));
        Netns.Await(() => scene.Gateway.Sas().Count == 0, "no SA stays");
        Assert.Contains("AUTH_FAILED", scene.Peer.Log, StringComparison.Ordinal);
        Assert.False(scene.Net.Pings(attempts: 1));
    });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    [Trait("set", "quick")]
    public void No_proposal_in_common_is_told(Role role) => Scene.Play(new LabCase { RightIke = "aes256gcm16-prfsha384-ecp384" }, role, scene =>
    {
        Assert.False(scene.Initiator.Initiate(out _));
        Assert.Contains("NO_PROP", scene.Peer.Log, StringComparison.Ordinal);
        Netns.Await(() => scene.Gateway.Sas().Count == 0, "no SA stays");
    });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void No_child_proposal_in_common_is_told(Role role) => Scene.Play(new LabCase { RightEsp = "aes256gcm16-ecp384" }, role, scene =>
    {
        scene.Initiator.Initiate(out _);
        Assert.DoesNotContain(scene.Gateway.Sas(), s => s.Children.Any(c => c.Installed));
        Assert.Contains("NO_PROP", scene.Peer.Log, StringComparison.Ordinal);
        Assert.False(scene.Net.Pings(attempts: 1));
    });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void No_selector_in_common_is_told(Role role) => Scene.Play(new LabCase { LeftNetAtRight = "10.99.0.0/24" }, role, scene =>
    {
        scene.Initiator.Initiate(out _);
        Assert.DoesNotContain(scene.Gateway.Sas(), s => s.Children.Any(c => c.Installed));
        Assert.Contains("TS_UNACCEPT", scene.Peer.Log, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void A_group_that_the_responder_does_not_take_is_tried_again_with_another(Role role) =>
        Scene.Play(new LabCase { Ike = "aes128gcm16-prfsha256-ecp256-x25519", RightIke = "aes128gcm16-prfsha256-x25519-ecp256" }, role, scene => scene.ComesUp());

    [Theory]
    [InlineData(Role.GatewayResponds)]
    [InlineData(Role.GatewayInitiates)]
    public void Lost_packets_delay_but_do_not_prevent(Role role) => Scene.Play(new LabCase(), role, scene =>
    {
        scene.Net.Lose(20);
        Assert.True(scene.Initiator.Initiate(out var said), said);
        scene.Net.Lose(0);
        scene.Carries();
        scene.Agree();
    });
}
