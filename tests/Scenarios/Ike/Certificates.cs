using Gateway.Crypto.Signatures;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Authentication by signatures: with certificates and with raw public keys.</summary>
public sealed class Certificates
{
    private static TestCertificate Root { get; } = TestPki.Root("C=CH, O=Lab, CN=Root", TestKey.Of("p256 root"));

    private static CertificateShape For(string dns) => new() { Dns = [dns] };

    private static AuthenticationRound Pubkey(string id, string auth = "pubkey") => new() { Auth = Word(auth), Id = id };

    private static AuthenticationWord Word(string text) => AuthenticationWord.TryParse(text, out var word) ? word : throw new FormatException(text);

    private static ConnectionSpec With(ConnectionSpec spec, AuthenticationRound local, AuthenticationRound remote) => spec with { Local = [local], Remote = [remote] };

    /// <summary>Both sides by certificates; the left one's is always good.</summary>
    private static Lab Meet(
        TestCertificate right, Func<AuthenticationRound, AuthenticationRound>? demands = null, string rightId = "right.lab", IkeSettings? leftSettings = null, IkeSettings? rightSettings = null,
        Action<Lab>? prepare = null, TestCertificate? left = null)
    {
        var lab = new Lab(leftSettings, rightSettings);
        lab.Left.Credentials.Trust(Root).Own("left", left ?? Root.Issue("C=CH, O=Lab, CN=left.lab", TestKey.Of("p256 left"), For("left.lab")));
        lab.Right.Credentials.Trust(Root).Own("right", right);
        prepare?.Invoke(lab);
        var remote = Pubkey(rightId) with { Id = rightId };
        lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab"), demands?.Invoke(remote) ?? remote));
        lab.Right.Configure(With(Lab.RightSpec, Pubkey(rightId) with { Certs = ["right"] }, Pubkey("left.lab")));
        return lab;
    }

    private static void ComesUp(Lab lab)
    {
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        lab.AssertUp();
        lab.AssertNoFault();
    }

    /// <summary>The left side refuses, says so to the peer, and writes down why.</summary>
    private static void IsRefused(Lab lab, string reason)
    {
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        Assert.Empty(lab.Left.Sas);
        lab.Run(60);
        Assert.Empty(lab.Right.Sas);
        var failed = Assert.Single(lab.Left.FactsOf<IkeSaFailed>());
        Assert.Equal("authentication-failed", failed.Reason);
        Assert.Contains(reason, failed.Detail, StringComparison.Ordinal);
        Assert.Equal("authentication-failed", Assert.Single(lab.Right.FactsOf<IkeSaFailed>()).Reason);
        lab.AssertNoFault();
    }

    [Fact]
    public void Of_two_connections_that_fit_the_one_whose_authority_stands_behind_the_peer_is_taken()
    {
        var other = TestPki.Root("C=CH, O=Lab, CN=Other", TestKey.Of("p256 other"));
        using var lab = Meet(Root.Issue("C=CH, O=Lab, CN=right.lab", TestKey.Of("p256 right"), For("right.lab")), prepare: lab =>
        {
            lab.Left.Credentials.Know("other", other);
            lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab"), Pubkey("right.lab") with { Cacerts = ["other"] }), "another");
        });
        ComesUp(lab);
        Assert.Equal("lab", Assert.Single(lab.Left.Sas).Connection.Value);
    }

    [Fact]
    public void Certificates_are_asked_for_when_any_connection_with_the_peer_takes_them()
    {
        using var lab = Meet(Root.Issue("C=CH, O=Lab, CN=right.lab", TestKey.Of("p256 right"), For("right.lab")), prepare: lab =>
            lab.Left.Configure(With(Lab.LeftSpec, new AuthenticationRound { Id = "left.lab" }, new AuthenticationRound { Id = "right.lab" }), "bykey"));
        ComesUp(lab);
        Assert.Equal("lab", Assert.Single(lab.Left.Sas).Connection.Value);
    }

    public static TheoryData<string, string, bool> Keys
    {
        get
        {
            var data = new TheoryData<string, string, bool>();
            foreach (var (key, scheme) in new[] { ("rsa2048", "rsa-sha256"), ("p256", "ecdsa-sha256"), ("p384", "ecdsa-sha384"), ("p521", "ecdsa-sha512"), ("ed25519", "ed25519") }) data.Add(key, scheme, true);
            foreach (var (key, scheme) in new[] { ("rsa2048", "rsa-sha1"), ("p256", "ecdsa-sha256"), ("p384", "ecdsa-sha384"), ("p521", "ecdsa-sha512") }) data.Add(key, scheme, false);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Keys))]
    [Rfc("7427", "3")]
    [Rfc("4754", "3")]
    [Rfc("8420", "3")]
    public void Every_kind_of_key_proves_its_owner_in_both_roles(string key, string scheme, bool digital)
    {
        var settings = new IkeSettings { SignatureAuthentication = digital };
        var root = TestPki.Root("C=CH, CN=Other", TestKey.Of($"{key} root"));
        foreach (var leftBegins in new[] { true, false })
        {
            using var lab = new Lab(settings, settings);
            lab.Left.Credentials.Trust(root).Own("left", root.Issue("CN=left.lab", TestKey.Of($"{key} l"), For("left.lab")));
            lab.Right.Credentials.Trust(root).Own("right", root.Issue("CN=right.lab", TestKey.Of($"{key} r"), For("right.lab")));
            lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab"), Pubkey("right.lab")));
            lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab"), Pubkey("left.lab")));
            Assert.True(leftBegins ? lab.Left.Initiate() : lab.Right.Initiate());
            lab.Deliver();
            lab.AssertUp();
            var fact = Assert.Single(lab.Left.FactsOf<IkeSaEstablished>());
            Assert.Equal((scheme, "CN=right.lab", "C=CH, CN=Other"), (fact.Authentication, fact.Certificate!.Subject, fact.Certificate.Issuer));
            // The certificate stays known when the IKE SA is rekeyed.
            Assert.True(lab.Left.Rekey());
            lab.Deliver();
            Assert.Equal("CN=right.lab", lab.Left.FactsOf<IkeSaEstablished>().Last().Certificate!.Subject);
        }
    }

    [Fact]
    [Rfc("7427", "3")]
    public void Pss_is_used_where_it_is_demanded()
    {
        using var lab = new Lab();
        foreach (var (peer, id) in new[] { (lab.Left, "left.lab"), (lab.Right, "right.lab") }) peer.Credentials.Trust(Root).Own("own", Root.Issue($"CN={id}", TestKey.Of("rsa3072 " + id), For(id)));
        lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab", "ike:rsa/pss-sha256"), Pubkey("right.lab", "ike:rsa/pss-sha256")));
        lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab", "ike:rsa/pss-sha256"), Pubkey("left.lab", "ike:rsa/pss-sha256")));
        ComesUp(lab);
        Assert.Equal("rsa/pss-sha256", Assert.Single(lab.Left.FactsOf<IkeSaEstablished>()).Authentication);
    }

    [Theory]
    [InlineData("rsa/pss-sha256", "which is not allowed")]
    [InlineData("ike:rsa-sha512", "which is not allowed")]
    [InlineData("rsa-4096", "weaker than demanded")]
    [InlineData("ecdsa-384", "weaker than demanded")]
    public void A_proof_that_does_not_hold_up_to_the_demands_is_refused(string auth, string reason)
    {
        using var lab = Meet(Root.Issue("CN=right.lab", TestKey.Of("rsa2048 r"), For("right.lab")), r => r with { Auth = Word(auth) });
        IsRefused(lab, reason);
    }

    [Fact]
    public void Strength_that_is_demanded_and_there_is_accepted()
    {
        using var lab = Meet(Root.Issue("CN=right.lab", TestKey.Of("rsa2048 r"), For("right.lab")), r => r with { Auth = Word("rsa-2048-ecdsa-256-sha256,ike:rsa-sha256") });
        ComesUp(lab);
    }

    [Fact]
    [Rfc("7296", "3.6")]
    public void An_intermediate_is_sent_and_followed()
    {
        var between = Root.Issue("CN=Between", TestKey.Of("rsa2048 between"), new CertificateShape { IsCa = true, PathLength = 0 });
        using var lab = Meet(between.Issue("CN=right.lab", TestKey.Of("p256 r"), For("right.lab")), prepare: l => l.Right.Credentials.Trust(between));
        ComesUp(lab);
    }

    [Fact]
    public void A_name_with_wildcards_takes_the_subject_of_a_certificate()
    {
        using var lab = Meet(Root.Issue("C=CH, O=Lab, CN=right.lab", TestKey.Of("p256 r"), new CertificateShape()), r => r with { Id = "C=ch, O=*, CN=*" }, "C=CH, O=Lab, CN=right.lab");
        ComesUp(lab);
        Assert.Equal("C=CH, O=Lab, CN=right.lab", lab.Left.Sas[0].RemoteId);
    }

    [Theory]
    [InlineData("right.lab")]
    [InlineData("ops@right.lab")]
    [InlineData("198.51.100.2")]
    public void Every_name_of_a_certificate_is_an_identity(string id)
    {
        using var lab = Meet(Root.Issue("CN=right", TestKey.Of("p256 r"), new CertificateShape { Dns = ["right.lab"], Mail = ["ops@right.lab"], Ip = ["198.51.100.2"] }), rightId: id);
        ComesUp(lab);
    }

    [Fact]
    public void Nobody_asks_and_certificates_are_not_sent_but_known()
    {
        var right = Root.Issue("CN=right.lab", TestKey.Of("p256 r"), For("right.lab"));
        using var lab = Meet(right, prepare: l => l.Left.Credentials.Know("peer", right));
        lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab") with { Certs = ["right"] }, Pubkey("left.lab")) with { SendCert = SendCertPolicy.Never });
        ComesUp(lab);
    }

    [Fact]
    [Rfc("7670", "3")]
    public void Raw_public_keys_do_without_certificates()
    {
        using var lab = new Lab();
        var (l, r) = (TestKey.Of("ed25519 raw l"), TestKey.Of("p256 raw r"));
        lab.Left.Credentials.Know("l", l).Know("r", r).Hold(l);
        lab.Right.Credentials.Know("l", l).Know("r", r).Hold(r);
        lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab") with { Pubkeys = ["l"] }, Pubkey("right.lab") with { Pubkeys = ["r"] }));
        lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab") with { Pubkeys = ["r"] }, Pubkey("left.lab") with { Pubkeys = ["l"] }));
        ComesUp(lab);
        Assert.Null(Assert.Single(lab.Left.FactsOf<IkeSaEstablished>()).Certificate);
    }

    [Fact]
    public void Another_raw_public_key_than_the_configured_one_is_refused()
    {
        using var lab = new Lab();
        var (l, r) = (TestKey.Of("ed25519 raw l"), TestKey.Of("p256 raw r"));
        lab.Left.Credentials.Know("l", l).Know("r", TestKey.Of("p256 raw other")).Hold(l);
        lab.Right.Credentials.Know("l", l).Know("r", r).Hold(r);
        lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab") with { Pubkeys = ["l"] }, Pubkey("right.lab") with { Pubkeys = ["r"] }));
        lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab") with { Pubkeys = ["r"] }, Pubkey("left.lab") with { Pubkeys = ["l"] }));
        IsRefused(lab, "not that of the configured public key");
    }

    [Fact]
    public void One_side_by_certificate_and_the_other_by_pre_shared_key()
    {
        using var lab = new Lab();
        lab.Left.Credentials.Trust(Root).Own("left", Root.Issue("CN=left.lab", TestKey.Of("p256 left"), For("left.lab")));
        lab.Right.Credentials.Trust(Root);
        lab.Left.Share("a very common secret", "left.lab", "right.lab");
        lab.Right.Share("a very common secret", "left.lab", "right.lab");
        lab.Left.Configure(With(Lab.LeftSpec, Pubkey("left.lab"), new AuthenticationRound { Id = "right.lab" }));
        lab.Right.Configure(With(Lab.RightSpec, new AuthenticationRound { Id = "right.lab" }, Pubkey("left.lab")));
        ComesUp(lab);
        var fact = Assert.Single(lab.Left.FactsOf<IkeSaEstablished>());
        Assert.Equal(("psk", "ecdsa-sha256"), (fact.Authentication, fact.OwnAuthentication));
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "expired", "expired on" },
        { "not yet", "is not valid before" },
        { "self-signed", "is self-signed and no trust anchor" },
        { "other authority", "no trusted authority" },
        { "other name", "is not for right.lab" },
        { "unknown critical", "has the critical extension 1.2.3.4.5" },
        { "must not sign", "must not sign" },
        { "other purpose", "is for other purposes" },
        { "issuer is no authority", "is no authority" },
        { "wrong signature", "is wrong" },
        { "path too long", "too many authorities" },
        { "name not permitted", "does not allow the name" },
        { "sha1", "which is not allowed" },
        { "expired intermediate", "expired on" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    [Rfc("5280", "6.1")]
    [Rfc("4945", "5")]
    public void A_bad_certificate_is_refused_with_its_reason(string what, string reason)
    {
        var key = TestKey.Of("p256 r");
        var good = For("right.lab");
        var between = Root.Issue("CN=Between", TestKey.Of("p256 between"), new CertificateShape
        {
            IsCa = true,
            PathLength = what == "path too long" ? 0 : null,
            PermittedDns = what == "name not permitted" ? ["other.lab"] : [],
            NotAfter = TestPki.Now.AddDays(what == "expired intermediate" ? -1 : 100),
        });
        TestCertificate[] extra = [];
        TestCertificate right;
        switch (what)
        {
            case "expired": right = Root.Issue("CN=r", key, good with { NotAfter = TestPki.Now.AddSeconds(-1) }); break;
            case "not yet": right = Root.Issue("CN=r", key, good with { NotBefore = TestPki.Now.AddSeconds(1) }); break;
            case "self-signed": right = TestPki.Make("CN=r", key, "CN=r", key, good); break;
            case "other authority": right = TestPki.Root("CN=Stranger", TestKey.Of("p256 stranger")).Issue("CN=r", key, good); break;
            case "other name": right = Root.Issue("CN=right.lab", key, For("another.lab")); break;
            case "unknown critical": right = Root.Issue("CN=r", key, good with { CriticalOid = "1.2.3.4.5" }); break;
            case "must not sign": right = Root.Issue("CN=r", key, good with { KeyUsage = [5, 0x20] }); break;
            case "other purpose": right = Root.Issue("CN=r", key, good with { Purposes = ["1.3.6.1.5.5.7.3.3"] }); break;
            case "issuer is no authority":
                var end = Root.Issue("CN=End", TestKey.Of("p256 end"), new CertificateShape());
                (right, extra) = (end.Issue("CN=r", key, good), [end]);
                break;
            case "wrong signature": right = Root.Issue("CN=r", key, good with { Spoil = der => [.. der[..^1], (byte)(der[^1] ^ 1)] }); break;
            case "path too long":
                var further = between.Issue("CN=Further", TestKey.Of("p256 further"), new CertificateShape { IsCa = true });
                (right, extra) = (further.Issue("CN=r", key, good), [between, further]);
                break;
            case "sha1":
                var rsa = Root.Issue("CN=Old", TestKey.Of("rsa2048 old"), new CertificateShape { IsCa = true });
                (right, extra) = (rsa.Issue("CN=r", key, good with { Scheme = new SignatureScheme(KeyKind.Rsa, HashKind.Sha1) }), [rsa]);
                break;
            default: (right, extra) = (between.Issue("CN=r", key, good), [between]); break;
        }

        using var lab = Meet(right, prepare: l => l.Right.Credentials.Trust(extra));
        lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab"), Pubkey("left.lab")) with { SendCert = SendCertPolicy.Always });
        if (what == "other name") lab.Right.Configure(With(Lab.RightSpec, new AuthenticationRound { Auth = Word("pubkey"), Id = "right.lab", Pubkeys = [] }, Pubkey("left.lab")));
        if (what == "other name") IsRefusedAsStranger(lab);
        else IsRefused(lab, reason);
    }

    // The peer finds no certificate for the name that it was told to have, and does not even begin.
    private static void IsRefusedAsStranger(Lab lab)
    {
        lab.Right.Initiate();
        lab.Deliver();
        Assert.Empty(lab.Left.Installed);
        Assert.Contains("no certificate", Assert.Single(lab.Right.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_for_another_name_is_refused_also_when_its_signature_is_right()
    {
        // A peer that lies: its own configuration calls it right.lab by a raw key, and it shows a certificate for another name over the same key.
        var key = TestKey.Of("p256 liar");
        using var lab = Meet(Root.Issue("CN=another", key, For("another.lab")), prepare: l => l.Left.Credentials.Know("peer", Root.Issue("CN=another", key, For("another.lab"))));
        lab.Right.Credentials.Know("raw", key);
        lab.Right.Configure(With(Lab.RightSpec, Pubkey("right.lab") with { Pubkeys = ["raw"] }, Pubkey("left.lab")));
        IsRefused(lab, "the peer sent no certificate");
    }

    [Fact]
    public void A_configured_certificate_is_trusted_as_it_stands()
    {
        var right = TestPki.Make("CN=right.lab", TestKey.Of("p256 r"), "CN=right.lab", TestKey.Of("p256 r"), For("right.lab"));
        using var lab = Meet(right, prepare: l => l.Left.Credentials.Know("peer", right));
        ComesUp(lab);
    }

    [Fact]
    public void Only_the_configured_certificate_and_authority_are_taken()
    {
        var right = Root.Issue("CN=right.lab", TestKey.Of("p256 r"), For("right.lab"));
        var other = Root.Issue("CN=right.lab", TestKey.Of("p256 other"), For("right.lab"));
        using (var lab = Meet(right, r => r with { Certs = ["peer"] }, prepare: l => l.Left.Credentials.Know("peer", right))) ComesUp(lab);
        using (var lab = Meet(other, r => r with { Certs = ["peer"] }, prepare: l => l.Left.Credentials.Know("peer", right))) IsRefused(lab, "not one of the configured certificates");
        using (var lab = Meet(right, r => r with { Cacerts = [Root.Dn] })) ComesUp(lab);
        var second = TestPki.Root("CN=Second", TestKey.Of("p256 second"));
        using (var lab = Meet(right, r => r with { Cacerts = [second.Dn] }, prepare: l => l.Left.Credentials.Trust(second))) IsRefused(lab, "none of the configured authorities");
        using (var lab = Meet(right, r => r with { CaId = "C=CH, O=*, CN=Root" })) ComesUp(lab);
        using (var lab = Meet(right, r => r with { CaId = "C=CH, O=*, CN=Other" })) IsRefused(lab, "has no authority");
        var shape = For("right.lab") with { Policies = ["1.2.3.9"] };
        using (var lab = Meet(Root.Issue("CN=right.lab", TestKey.Of("p256 r"), shape), r => r with { CertPolicy = ["1.2.3.9"] })) ComesUp(lab);
        using (var lab = Meet(right, r => r with { CertPolicy = ["1.2.3.9"] })) IsRefused(lab, "none of the demanded policies");
    }

    [Fact]
    public void Large_certificates_are_sent_in_fragments()
    {
        var between = Root.Issue("CN=Between", TestKey.Of("rsa3072 between"), new CertificateShape { IsCa = true });
        var settings = new IkeSettings { FragmentSize = 600 };
        using var lab = Meet(between.Issue("CN=right.lab", TestKey.Of("rsa3072 r"), For("right.lab")), leftSettings: settings, rightSettings: settings, prepare: l => l.Right.Credentials.Trust(between));
        ComesUp(lab);
        Assert.True(lab.Sent.Count(p => p.Header is { Exchange: Gateway.Ike.Wire.ExchangeType.IkeAuth }) > 4);
        Assert.All(lab.Sent.Where(p => p.Header is { Exchange: Gateway.Ike.Wire.ExchangeType.IkeAuth }), p => Assert.True(p.Payload.Length <= 572));
    }
}
