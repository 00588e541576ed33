using Gateway.Ike.Certificates;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Revocation: lists of the configuration, and questions that the Host answers while others go on.</summary>
public sealed class Revocation
{
    private const string CrlUri = "http://crl.lab/root.crl";
    private const string OcspUri = "http://ocsp.lab/";

    private static TestCertificate Root { get; } = TestPki.Root("C=CH, CN=Root", TestKey.Of("p256 root"));

    private static TestCertificate Right(string? crl = null, string? ocsp = null) =>
        Root.Issue("CN=right.lab", TestKey.Of("p256 r"), new CertificateShape { Dns = ["right.lab"], Serial = 77, CrlUri = crl, OcspUri = ocsp });

    private static Lab Meet(TestCertificate right, RevocationPolicy policy, Action<Lab>? prepare = null)
    {
        var lab = new Lab();
        var pubkey = AuthenticationWord.Pubkey;
        lab.Left.Credentials.Trust(Root).Own("left", Root.Issue("CN=left.lab", TestKey.Of("p256 left"), new CertificateShape { Dns = ["left.lab"] }));
        lab.Right.Credentials.Trust(Root).Own("right", right);
        prepare?.Invoke(lab);
        lab.Left.Configure(Lab.LeftSpec with
        {
            Local = [new AuthenticationRound { Auth = pubkey, Id = "left.lab" }],
            Remote = [new AuthenticationRound { Auth = pubkey, Id = "right.lab", Revocation = policy }],
        });
        lab.Right.Configure(Lab.RightSpec with { Local = [new AuthenticationRound { Auth = pubkey, Id = "right.lab" }], Remote = [new AuthenticationRound { Auth = pubkey, Id = "left.lab" }] });
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        return lab;
    }

    private static Lookup Question(Lab lab)
    {
        var ask = Assert.IsType<IkeOutput.Ask.Fetch>(Assert.Single(lab.Left.Questions));
        lab.Left.Questions.Clear();
        return ask.Lookup;
    }

    private static void Answer(Lab lab, Lookup lookup, byte[] content)
    {
        var sa = lab.Left.Sas[0].Id;
        lab.Left.Do((now, outputs) => lab.Left.Engine.Fetched(sa, lookup.Key, content, now, outputs));
        lab.Deliver();
    }

    private static void IsRefused(Lab lab, string reason)
    {
        lab.Run(60);
        Assert.Empty(lab.Left.Sas);
        Assert.Contains(reason, Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Detail, StringComparison.Ordinal);
        Assert.Empty(lab.Right.Sas);
        lab.AssertNoFault();
    }

    [Theory]
    [InlineData(RevocationPolicy.Relaxed)]
    [InlineData(RevocationPolicy.Ifuri)]
    [InlineData(RevocationPolicy.Strict)]
    public void What_is_on_a_configured_list_is_refused(RevocationPolicy policy)
    {
        using var lab = Meet(Right(), policy, l => l.Left.Credentials.Know(Root.Revoke([5, 77])));
        IsRefused(lab, "CN=right.lab was revoked");
    }

    [Fact]
    public void An_old_list_still_says_what_is_revoked_and_no_more_what_is_not()
    {
        using (var lab = Meet(Right(), RevocationPolicy.Relaxed, l => l.Left.Credentials.Know(Root.Revoke([77], TestPki.Now.AddDays(-1))))) IsRefused(lab, "was revoked");
        using (var lab = Meet(Right(), RevocationPolicy.Strict, l => l.Left.Credentials.Know(Root.Revoke([5], TestPki.Now.AddDays(-1))))) IsRefused(lab, "is not known");
    }

    [Fact]
    public void A_list_that_another_authority_signed_says_nothing()
    {
        var other = TestPki.Root("C=CH, CN=Root", TestKey.Of("p256 impostor"));
        using var lab = Meet(Right(), RevocationPolicy.Relaxed, l => l.Left.Credentials.Know(other.Revoke([77])));
        lab.AssertUp();
    }

    [Fact]
    public void Strict_needs_to_know_and_the_others_do_not()
    {
        using (var lab = Meet(Right(), RevocationPolicy.Relaxed)) lab.AssertUp();
        using (var lab = Meet(Right(), RevocationPolicy.Ifuri)) lab.AssertUp();
        using (var lab = Meet(Right(), RevocationPolicy.Strict)) IsRefused(lab, "is not known");
        using (var lab = Meet(Right(), RevocationPolicy.Strict, l => l.Left.Credentials.Know(Root.Revoke([])))) lab.AssertUp();
    }

    [Fact]
    public void A_list_is_fetched_and_remembered()
    {
        using var lab = Meet(Right(crl: CrlUri), RevocationPolicy.Strict);
        var question = Question(lab);
        Assert.Equal((CrlUri, true), (question.Uri, question.Body.IsEmpty));
        // The peer repeats its request meanwhile, and nothing comes of it.
        lab.Run(5);
        Assert.Empty(lab.Left.Questions);
        Assert.Equal("CONNECTING", Assert.Single(lab.Left.Sas).State);
        Answer(lab, question, Root.Revoke([5]));
        lab.AssertUp();
        // The next set-up finds it known.
        lab.Right.Terminate();
        lab.Run(5);
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        Assert.Empty(lab.Left.Questions);
        lab.AssertUp();
    }

    [Fact]
    public void A_fetched_list_refuses_who_is_on_it()
    {
        using var lab = Meet(Right(crl: CrlUri), RevocationPolicy.Relaxed);
        Answer(lab, Question(lab), Root.Revoke([77]));
        IsRefused(lab, "was revoked");
    }

    [Fact]
    [Rfc("6960", "4.2")]
    public void Ocsp_is_asked_before_the_list()
    {
        var right = Right(CrlUri, OcspUri);
        using (var lab = Meet(right, RevocationPolicy.Strict))
        {
            var question = Question(lab);
            Assert.Equal((OcspUri, false), (question.Uri, question.Body.IsEmpty));
            Answer(lab, question, Root.Answer(right, 0x80));
            lab.AssertUp();
        }

        using (var lab = Meet(right, RevocationPolicy.Relaxed))
        {
            Answer(lab, Question(lab), Root.Answer(right, 0xa1));
            IsRefused(lab, "was revoked");
        }
    }

    [Fact]
    [Rfc("6960", "4.2.2.2")]
    public void A_responder_that_the_authority_named_may_answer_and_no_other()
    {
        var right = Right(ocsp: OcspUri);
        var named = Root.Issue("CN=Responder", TestKey.Of("p256 ocsp"), new CertificateShape { Purposes = ["1.3.6.1.5.5.7.3.9"] });
        var unnamed = Root.Issue("CN=Impostor", TestKey.Of("p256 ocsp"), new CertificateShape());
        using (var lab = Meet(right, RevocationPolicy.Strict))
        {
            Answer(lab, Question(lab), Root.Answer(right, 0x80, named));
            lab.AssertUp();
        }

        using (var lab = Meet(right, RevocationPolicy.Strict))
        {
            Answer(lab, Question(lab), Root.Answer(right, 0x80, unnamed));
            IsRefused(lab, "is not known");
        }
    }

    [Fact]
    public void An_answer_that_is_over_or_damaged_leads_to_the_next_place()
    {
        var right = Right(CrlUri, OcspUri);
        using var lab = Meet(right, RevocationPolicy.Strict);
        Answer(lab, Question(lab), Root.Answer(right, 0x80, nextUpdate: TestPki.Now.AddDays(-1)));
        var second = Question(lab);
        Assert.Equal(CrlUri, second.Uri);
        Answer(lab, second, [1, 2, 3]);
        IsRefused(lab, "is not known");
    }

    [Theory]
    [InlineData(RevocationPolicy.Relaxed, true)]
    [InlineData(RevocationPolicy.Ifuri, false)]
    [InlineData(RevocationPolicy.Strict, false)]
    public void A_silent_place_costs_its_own_set_up_time_and_no_other(RevocationPolicy policy, bool comesUp)
    {
        using var lab = Meet(Right(crl: CrlUri), policy);
        lab.Left.Questions.Clear();
        // The Host never answers: patience ends.
        lab.Run(12);
        if (comesUp) lab.AssertUp();
        else IsRefused(lab, "revoked");
    }

    [Fact]
    public void The_initiator_asks_too_and_goes_on_with_the_answer()
    {
        using var lab = new Lab();
        var right = Right(crl: CrlUri);
        var pubkey = AuthenticationWord.Pubkey;
        lab.Left.Credentials.Trust(Root).Own("left", Root.Issue("CN=left.lab", TestKey.Of("p256 left"), new CertificateShape { Dns = ["left.lab"] }));
        lab.Right.Credentials.Trust(Root).Own("right", right);
        lab.Left.Configure(Lab.LeftSpec with
        {
            Local = [new AuthenticationRound { Auth = pubkey, Id = "left.lab" }],
            Remote = [new AuthenticationRound { Auth = pubkey, Id = "right.lab", Revocation = RevocationPolicy.Strict }],
        });
        lab.Right.Configure(Lab.RightSpec with { Local = [new AuthenticationRound { Auth = pubkey, Id = "right.lab" }], Remote = [new AuthenticationRound { Auth = pubkey, Id = "left.lab" }] });
        Assert.True(lab.Left.Initiate());
        lab.Deliver();
        Assert.Equal("CONNECTING", Assert.Single(lab.Left.Sas).State);
        Answer(lab, Question(lab), Root.Revoke([]));
        lab.AssertUp();
    }
}
