using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>What one IKE SA waits for, no other waits for.</summary>
public sealed class Isolation
{
    private static readonly string[] _other = ["left2.lab", "right2.lab"];

    // A second connection between the same two, with other identities.
    private static void AddOther(Lab lab)
    {
        foreach (var peer in new[] { lab.Left, lab.Right }) peer.Share("another very common secret", _other);
        lab.Left.Configure(Lab.Spec(_other[0], _other[1], "192.0.2.1", "198.51.100.2", "10.3.0.0/24", "10.4.0.0/24"), "other");
        lab.Right.Configure(Lab.Spec(_other[1], _other[0], "198.51.100.2", "192.0.2.1", "10.4.0.0/24", "10.3.0.0/24"), "other");
    }

    private static void AssertOtherComesUpAtOnce(Lab lab, Peer initiator)
    {
        var before = lab.Now;
        Assert.True(initiator.Initiate("net", "other"));
        lab.Deliver();
        Assert.Equal(before, lab.Now);
        foreach (var peer in new[] { lab.Left, lab.Right })
        {
            var sa = Assert.Single(peer.Sas, s => s.Connection.Value == "other");
            Assert.Equal("ESTABLISHED", sa.State);
            Assert.Single(sa.Children);
        }
    }

    [Fact]
    public void A_name_that_nobody_resolves_delays_no_other_set_up()
    {
        using var lab = Lab.Configured(left: s => s with { RemoteAddrs = ["slow.example"] });
        AddOther(lab);
        Assert.True(lab.Left.Initiate());
        Assert.IsType<IkeOutput.Ask.Resolve>(Assert.Single(lab.Left.Questions));
        lab.Deliver();
        AssertOtherComesUpAtOnce(lab, lab.Left);
        Assert.Contains(lab.Left.Sas, s => s.Connection.Value == "lab" && s.State == "CONNECTING");
        lab.AssertNoFault();
    }

    [Fact]
    public void An_ocsp_server_that_is_silent_delays_no_other_set_up()
    {
        using var lab = new Lab();
        var root = TestPki.Root("C=CH, CN=Root", TestKey.Of("p256 root"));
        lab.Left.Credentials.Trust(root).Own("left", root.Issue("CN=left.lab", TestKey.Of("p256 left"), new CertificateShape { Dns = ["left.lab"] }));
        lab.Right.Credentials.Trust(root).Own("right", root.Issue("CN=right.lab", TestKey.Of("p256 r"), new CertificateShape { Dns = ["right.lab"], OcspUri = "http://ocsp.lab/" }));
        AuthenticationRound Pubkey(string id) => new() { Auth = AuthenticationWord.Pubkey, Id = id, Revocation = RevocationPolicy.Strict };
        lab.Left.Configure(Lab.LeftSpec with { Local = [Pubkey("left.lab")], Remote = [Pubkey("right.lab")] });
        lab.Right.Configure(Lab.RightSpec with { Local = [Pubkey("right.lab")], Remote = [Pubkey("left.lab") with { Revocation = RevocationPolicy.Relaxed }] });
        AddOther(lab);
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        Assert.IsType<IkeOutput.Ask.Fetch>(Assert.Single(lab.Left.Questions));
        AssertOtherComesUpAtOnce(lab, lab.Right);
        AssertStillWaits(lab.Left);
        // Nor does it for ever delay the one that asked.
        lab.Run(60);
        Assert.DoesNotContain(lab.Left.Sas, s => s.Connection.Value == "lab");
        lab.AssertNoFault();
    }

    [Fact]
    public void A_peer_that_stalls_delays_no_other_rekey_nor_set_up()
    {
        using var lab = Lab.Up(s => s with { DpdDelay = new SwanDuration(5) });
        AddOther(lab);
        var stalled = lab.Left.Sas[0].InitiatorSpi;
        // Everything of the first IKE SA is lost from now on.
        lab.Path = p => p.Header is { } h && h.InitiatorSpi.ToString() == stalled ? [] : [p];
        lab.Run(6);
        AssertOtherComesUpAtOnce(lab, lab.Left);
        var before = lab.Now;
        Assert.True(lab.Left.Rekey("net", "other"));
        lab.Deliver();
        Assert.Equal(before, lab.Now);
        Assert.Equal(2, lab.Left.FactsOf<Gateway.Policy.Events.ChildSaInstalled>().Count(f => f.Parameters.Connection.Value == "other"));
        Assert.Contains(lab.Left.Sas, s => s.InitiatorSpi == stalled);
        lab.AssertNoFault();
    }

    private static void AssertStillWaits(Peer peer) => Assert.Contains(peer.Sas, s => s.State == "CONNECTING");
}
