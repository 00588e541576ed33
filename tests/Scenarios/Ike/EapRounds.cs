using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>EAP within IKE_AUTH, several rounds, and post-quantum pre-shared keys.</summary>
public sealed class EapRounds
{
    private static TestCertificate Root { get; } = TestPki.Root("C=CH, CN=Root", TestKey.Of("p256 root"));

    private static AuthenticationWord Word(string text) => AuthenticationWord.TryParse(text, out var word) ? word : throw new FormatException(text);

    private static AuthenticationRound Round(string auth, string? id, string? eapId = null) => new() { Auth = Word(auth), Id = id, EapId = eapId };

    /// <summary>A road warrior (right) and a gateway (left) that proves itself by a certificate.</summary>
    private static Lab Meet(
        AuthenticationRound remote, AuthenticationRound local, string password = "Passw0rd!", IkeSettings? settings = null, AuthenticationRound? server = null, AuthenticationRound? expected = null)
    {
        var lab = new Lab(settings, settings);
        lab.Left.Credentials.Trust(Root).Own("left", Root.Issue("CN=left.lab", TestKey.Of("p256 left"), new CertificateShape { Dns = ["left.lab"] })).Password("bob@lab", "Passw0rd!");
        lab.Right.Credentials.Trust(Root).Own("right", Root.Issue("CN=right.lab", TestKey.Of("rsa2048 right"), new CertificateShape { Dns = ["right.lab"], Mail = ["bob@lab"] })).Password("bob@lab", password);
        lab.Left.Configure(Lab.LeftSpec with { Local = [server ?? Round("pubkey", "left.lab")], Remote = [remote] });
        lab.Right.Configure(Lab.RightSpec with { Local = [local], Remote = [expected ?? Round("pubkey", "left.lab")] });
        return lab;
    }

    private static void ComesUp(Lab lab)
    {
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        lab.AssertUp();
        lab.AssertNoFault();
        lab.AssertNoNonceTwice();
    }

    private static void IsRefused(Lab lab, string reasonLeft, string? reasonRight = null)
    {
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        lab.Run(60);
        Assert.Empty(lab.Left.Sas);
        Assert.Empty(lab.Right.Sas);
        Assert.Contains(lab.Left.FactsOf<IkeSaFailed>(), f => f.Detail.Contains(reasonLeft, StringComparison.Ordinal));
        if (reasonRight is not null) Assert.Contains(lab.Right.FactsOf<IkeSaFailed>(), f => f.Detail.Contains(reasonRight, StringComparison.Ordinal));
        lab.AssertNoFault();
        lab.AssertDown();
    }

    [Theory]
    [InlineData("eap-mschapv2", "eap")]
    [InlineData("eap-mschapv2", "eap-mschapv2")]
    [InlineData("eap-md5", "eap")]
    [InlineData("eap", "eap-md5")]
    [InlineData("eap", "eap")]
    [InlineData("eap-tls", "eap-tls")]
    [InlineData("eap", "eap-tls")]
    [Rfc("7296", "2.16")]
    [Rfc("3748", "5.3")]
    public void A_road_warrior_proves_itself_by_eap(string server, string client)
    {
        using var lab = Meet(Round(server, "bob@lab", "%any"), Round(client, "bob@lab", "bob@lab"));
        ComesUp(lab);
        var fact = Assert.Single(lab.Left.FactsOf<IkeSaEstablished>());
        var method = client is "eap" ? server is "eap" ? "eap-mschapv2" : server : client;
        Assert.Equal((method, "ecdsa-sha256", "bob@lab"), (fact.Authentication, fact.OwnAuthentication, fact.EapId));
    }

    [Theory]
    [InlineData(0x0303)]
    [InlineData(0x0304)]
    [Rfc("5216", "2.3")]
    [Rfc("9190", "2.3")]
    public void Eap_tls_works_with_either_version_of_tls(int version)
    {
        using var lab = Meet(Round("eap-tls", "right.lab"), Round("eap-tls", "right.lab"), settings: new IkeSettings { TlsVersion = version });
        ComesUp(lab);
    }

    [Theory]
    [InlineData("eap-tls:ecdsa-256", "weaker than demanded")]
    [InlineData("eap-tls:rsa-4096", "weaker than demanded")]
    public void Certificates_within_eap_tls_hold_up_to_the_demands(string auth, string reason)
    {
        using var lab = Meet(Round(auth, "right.lab"), Round("eap-tls", "right.lab"));
        IsRefused(lab, reason, "refuses us in EAP");
    }

    [Fact]
    public void A_certificate_for_another_name_fails_eap_tls()
    {
        using var lab = Meet(Round("eap-tls", "%any"), Round("eap-tls", "alice@lab") with { Certs = ["right"] });
        IsRefused(lab, "is not for alice@lab");
    }

    [Theory]
    [InlineData("eap-mschapv2")]
    [InlineData("eap-md5")]
    public void A_wrong_password_is_refused_and_told(string method)
    {
        using var lab = Meet(Round(method, "bob@lab", "%any"), Round("eap", "bob@lab", "bob@lab"), "another");
        IsRefused(lab, "the EAP password of bob@lab is wrong", method == "eap-md5" ? "refuses us in EAP" : "does not take our EAP password");
    }

    [Fact]
    public void An_unknown_user_is_refused_like_a_wrong_password()
    {
        using var lab = Meet(Round("eap-mschapv2", "%any", "%any"), Round("eap", "eve@lab", "eve@lab"));
        lab.Right.Credentials.Password("eve@lab", "x");
        lab.Right.Load();
        IsRefused(lab, "there is no EAP secret of eve@lab", "does not take our EAP password");
    }

    [Fact]
    public void An_eap_identity_that_is_not_expected_is_refused()
    {
        using var lab = Meet(Round("eap-mschapv2", "%any", "*@elsewhere"), Round("eap", "bob@lab", "bob@lab"));
        IsRefused(lab, "expected is *@elsewhere");
    }

    [Fact]
    [Rfc("3748", "5.3.1")]
    public void Methods_that_the_two_do_not_share_end_the_attempt()
    {
        using var lab = Meet(Round("eap-mschapv2", "bob@lab", "%any"), Round("eap-md5", "bob@lab", "bob@lab"));
        IsRefused(lab, "the peer declines EAP method 26");
    }

    [Fact]
    [Rfc("5998", "3")]
    public void Eap_alone_proves_both_sides()
    {
        using var lab = Meet(Round("eap-tls", "right.lab"), Round("eap-tls", "right.lab"), server: Round("eap-tls", "left.lab") with { Certs = ["left"] }, expected: Round("eap-tls", "left.lab"));
        ComesUp(lab);
        Assert.Equal("eap-tls", Assert.Single(lab.Right.FactsOf<IkeSaEstablished>()).Authentication);
    }

    [Fact]
    [Rfc("5998", "4")]
    public void Eap_alone_must_be_mutual()
    {
        using var lab = Meet(Round("eap-md5", "bob@lab"), Round("eap-md5", "bob@lab"), server: Round("eap", "left.lab"), expected: Round("eap", "left.lab"));
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        lab.Run(60);
        Assert.Empty(lab.Right.Installed);
        Assert.Contains(lab.Right.FactsOf<IkeSaFailed>(), f => f.Detail.Contains("not mutual", StringComparison.Ordinal));
    }

    [Fact]
    public void A_responder_does_not_prove_itself_by_eap_when_the_peer_does_not_take_it()
    {
        using var lab = Meet(Round("eap-tls", "right.lab"), Round("eap-tls", "right.lab"), server: Round("eap-tls", "left.lab"));
        IsRefused(lab, "does not let us prove ourselves by EAP alone");
    }

    [Theory]
    [InlineData(20, 7)]
    [InlineData(40, 8)]
    public void Lost_messages_delay_eap_and_no_more(int loss, int seed)
    {
        var random = new Random(seed);
        using var lab = Meet(Round("eap-tls", "right.lab"), Round("eap-tls", "right.lab"), settings: new IkeSettings { RetransmitTries = 12, HalfOpenTimeout = TimeSpan.FromHours(5) });
        lab.Path = p => random.Next(100) < loss ? [] : [p];
        Assert.True(lab.Right.Initiate());
        lab.Run(TimeSpan.FromHours(1));
        lab.Path = p => [p];
        lab.Run(100);
        lab.AssertUp();
    }

    [Fact]
    [Rfc("4739", "3")]
    public void Several_rounds_one_after_the_other()
    {
        using var lab = Meet(Round("pubkey", "right.lab"), Round("pubkey", "right.lab"));
        lab.Left.Configure(Lab.LeftSpec with { Local = [Round("pubkey", "left.lab")], Remote = [Round("pubkey", "right.lab"), Round("eap-mschapv2", "bob@lab", "%any")] });
        lab.Right.Configure(Lab.RightSpec with { Local = [Round("pubkey", "right.lab"), Round("eap", "bob@lab", "bob@lab")], Remote = [Round("pubkey", "left.lab")] });
        ComesUp(lab);
        var fact = Assert.Single(lab.Left.FactsOf<IkeSaEstablished>());
        Assert.Equal(("rsa-sha256+eap-mschapv2", "right.lab", "bob@lab"), (fact.Authentication, fact.RemoteId, fact.EapId));
    }

    [Fact]
    [Rfc("4739", "3")]
    public void Eap_first_and_a_pre_shared_key_after_it()
    {
        using var lab = Meet(Round("pubkey", "right.lab"), Round("pubkey", "right.lab"));
        foreach (var peer in new[] { lab.Left, lab.Right }) peer.Share("a very common secret", "left.lab", "right.lab");
        lab.Left.Configure(Lab.LeftSpec with { Local = [Round("pubkey", "left.lab")], Remote = [Round("eap-mschapv2", "bob@lab", "%any"), Round("psk", "right.lab")] });
        lab.Right.Configure(Lab.RightSpec with { Local = [Round("eap", "bob@lab", "bob@lab"), Round("psk", "right.lab")], Remote = [Round("pubkey", "left.lab")] });
        ComesUp(lab);
        Assert.Equal("eap-mschapv2+psk", Assert.Single(lab.Left.FactsOf<IkeSaEstablished>()).Authentication);
    }

    [Fact]
    [Rfc("4739", "3")]
    public void The_responder_too_may_have_two_rounds()
    {
        using var lab = Meet(Round("pubkey", "right.lab"), Round("pubkey", "right.lab"));
        foreach (var peer in new[] { lab.Left, lab.Right }) peer.Share("a very common secret", "left.lab", "right.lab");
        lab.Left.Configure(Lab.LeftSpec with { Local = [Round("pubkey", "left.lab"), Round("psk", "left.lab")], Remote = [Round("pubkey", "right.lab"), Round("psk", "right.lab")] });
        lab.Right.Configure(Lab.RightSpec with { Local = [Round("pubkey", "right.lab"), Round("psk", "right.lab")], Remote = [Round("pubkey", "left.lab"), Round("psk", "left.lab")] });
        ComesUp(lab);
        Assert.Equal(("rsa-sha256+psk", "ecdsa-sha256+psk"), (lab.Left.FactsOf<IkeSaEstablished>().Single().Authentication, lab.Right.FactsOf<IkeSaEstablished>().Single().Authentication));
    }

    [Fact]
    [Rfc("4739", "3.1")]
    public void A_round_too_few_or_too_many_is_refused()
    {
        using (var lab = Meet(Round("pubkey", "right.lab"), Round("pubkey", "right.lab")))
        {
            lab.Left.Configure(Lab.LeftSpec with { Local = [Round("pubkey", "left.lab")], Remote = [Round("pubkey", "right.lab"), Round("eap-mschapv2", "bob@lab", "%any")] });
            IsRefused(lab, "fewer authentication rounds");
        }

        using (var lab = Meet(Round("pubkey", "right.lab"), Round("pubkey", "right.lab")))
        {
            lab.Right.Configure(Lab.RightSpec with { Local = [Round("pubkey", "right.lab"), Round("eap", "bob@lab", "bob@lab")], Remote = [Round("pubkey", "left.lab")] });
            IsRefused(lab, "more authentication rounds");
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [Rfc("8784", "3")]
    public void A_post_quantum_pre_shared_key_goes_into_the_keys(bool required, bool rightBegins)
    {
        using var lab = Lab.Configured(s => s with { PpkId = "ppk1.lab", PpkRequired = required }, s => s with { PpkId = "ppk1.lab", PpkRequired = required });
        foreach (var peer in new[] { lab.Left, lab.Right }) peer.Credentials.Ppk("ppk1.lab", "a key that no quantum computer finds");
        lab.Left.Load();
        lab.Right.Load();
        Assert.True(rightBegins ? lab.Right.Initiate() : lab.Left.Initiate());
        lab.Deliver();
        lab.AssertUp();
        Assert.All(new[] { lab.Left, lab.Right }, p => Assert.Equal("ppk1.lab", p.FactsOf<IkeSaEstablished>().Single().PpkId));
        Assert.True(lab.Left.Rekey());
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal("ppk1.lab", lab.Left.FactsOf<IkeSaEstablished>().Last().PpkId);
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [Rfc("8784", "3")]
    public void A_responder_without_the_key_does_without_where_it_may(bool required, bool comesUp)
    {
        using var lab = Lab.Configured(right: s => s with { PpkId = "ppk1.lab", PpkRequired = required });
        lab.Right.Credentials.Ppk("ppk1.lab", "a key");
        // It has another one, so that it speaks of such keys at all.
        lab.Left.Credentials.Ppk("other", "another key");
        lab.Left.Load();
        lab.Right.Load();
        lab.Right.Initiate();
        lab.Deliver();
        if (comesUp) lab.AssertUp();
        else Assert.Contains("there is no post-quantum pre-shared key ppk1.lab", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
        if (comesUp) Assert.Null(lab.Left.FactsOf<IkeSaEstablished>().Single().PpkId);
    }

    [Fact]
    [Rfc("8784", "3")]
    public void A_peer_that_knows_nothing_of_such_keys_is_refused_where_one_is_required()
    {
        using (var lab = Lab.Configured(right: s => s with { PpkId = "ppk1.lab", PpkRequired = true }))
        {
            lab.Right.Credentials.Ppk("ppk1.lab", "a key");
            lab.Right.Load();
            lab.Right.Initiate();
            lab.Deliver();
            Assert.Contains("requires one", Assert.Single(lab.Right.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
        }

        using (var lab = Lab.Configured(left: s => s with { PpkRequired = true }))
        {
            lab.Right.Initiate();
            lab.Deliver();
            Assert.Contains("requires one", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Rfc("8784", "3")]
    public void Different_keys_under_one_name_do_not_match()
    {
        using var lab = Lab.Configured(right: s => s with { PpkId = "ppk1.lab" });
        lab.Right.Credentials.Ppk("ppk1.lab", "a key");
        lab.Left.Credentials.Ppk("ppk1.lab", "another key");
        lab.Left.Load();
        lab.Right.Load();
        lab.Right.Initiate();
        lab.Deliver();
        Assert.Empty(lab.Left.Installed);
        Assert.Contains("do not match", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
    }

    [Fact]
    [Rfc("8784", "3")]
    public void Eap_mixes_the_key_in_at_its_end()
    {
        using var lab = Meet(Round("eap-mschapv2", "bob@lab", "%any"), Round("eap", "bob@lab", "bob@lab"));
        foreach (var peer in new[] { lab.Left, lab.Right }) peer.Credentials.Ppk("ppk1.lab", "a key");
        lab.Left.Configure(lab.Left.Connections[0].Spec with { PpkRequired = true });
        lab.Right.Configure(lab.Right.Connections[0].Spec with { PpkId = "ppk1.lab", PpkRequired = true });
        ComesUp(lab);
        Assert.Equal("ppk1.lab", lab.Left.FactsOf<IkeSaEstablished>().Single().PpkId);
    }
}
