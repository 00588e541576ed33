using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>strongSwan on both sides: what holds here is the lab's and the peer's doing, so that a failure elsewhere is the gateway's.</summary>
public sealed class StrongSwanAloneTests
{
    [Fact]
    [Trait("set", "quick")]
    public void Two_strongSwans_reach_each_other_rekey_and_close()
    {
        var lab = new LabCase();
        using var net = new LabNet();
        using var left = new StrongSwanPeer(net.Left, lab.LeftConf());
        using var right = new StrongSwanPeer(net.Right, lab.RightConf());
        Assert.True(right.Initiate(out var said), said + right.Log);
        Assert.True(net.Pings());

        var before = Assert.Single(Assert.Single(left.Sas()).Children);
        Assert.True(before.Installed && before.Encapsulated && before.PacketsIn > 0);
        Assert.Equal(["10.1.0.0/24"], before.Local);
        right.RekeyChild();
        Net.Netns.Await(() => left.Sas()[0].Children.Any(c => c.Installed && c.SpiIn != before.SpiIn), "the child is rekeyed");
        right.Terminate();
        Net.Netns.Await(() => left.Sas().Count == 0, "the SA is gone on the other side");
        Assert.False(net.Pings(attempts: 1));
    }

    [Fact]
    public void Behind_a_translator_the_sides_see_it()
    {
        var lab = new LabCase { RightRoams = true };
        using var net = new LabNet(Underlay.Nat);
        using var left = new StrongSwanPeer(net.Left, lab.LeftConf());
        using var right = new StrongSwanPeer(net.Right, lab.RightConf());
        Assert.True(right.Initiate(out var said), said + right.Log);
        Assert.True(net.Pings());
        Assert.Contains("local host is behind NAT", right.Log, StringComparison.Ordinal);
        Assert.Equal(LabNet.LeftNextHop, left.Sas()[0].RemoteAddress);
    }

    [Fact]
    public void A_wrong_key_is_told_to_the_initiator()
    {
        var lab = new LabCase { RightPsk = "another" };
        using var net = new LabNet();
        using var left = new StrongSwanPeer(net.Left, lab.LeftConf());
        using var right = new StrongSwanPeer(net.Right, lab.RightConf());
        Assert.False(right.Initiate(out var said));
        Assert.Contains("AUTHENTICATION_FAILED", said + right.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void The_witness_decrypts_a_conversation_with_its_keys_and_not_without()
    {
        var vectors = Environment.GetEnvironmentVariable("GATEWAY_VECTORS");
        Assert.SkipWhen(string.IsNullOrEmpty(vectors), "GATEWAY_VECTORS does not name a folder with recorded conversations.");
        var capture = Path.Combine(vectors, "ikev2-traces/nat-psk.pcap");
        var keys = Path.Combine(vectors, "ikev2-traces/nat-psk.keys/left/keys");
        Assert.NotEmpty(Tshark.Fields(capture, keys, "esp && icmp", "esp.spi", "icmp.type"));
        Assert.Empty(Tshark.Fields(capture, null, "esp && icmp", "esp.spi"));
        Assert.NotEmpty(Tshark.Fields(capture, keys, "isakmp.auth.method", "isakmp.auth.method"));
    }
}
