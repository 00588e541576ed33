using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>IKE_SA_INIT and IKE_AUTH between two peers.</summary>
public sealed class SetUp
{
    [Fact]
    [Rfc("7296", "1.2")]
    public void Two_peers_set_up_an_ike_sa_and_its_first_child()
    {
        using var lab = Lab.Configured();
        Assert.True(lab.Left.Initiate());

        // left --> right  IKE_SA_INIT { SA, KEi, Ni, N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP), N(FRAGMENTATION_SUPPORTED) }
        Assert.True(lab.Step());
        Assert.Equal(1, lab.Right.Engine.HalfOpen);
        // left <-- right  IKE_SA_INIT { SA, KEr, Nr, N… }
        Assert.True(lab.Step());
        // left --> right  IKE_AUTH { SK { IDi, N(INITIAL_CONTACT), IDr, AUTH, SA, TSi, TSr } }
        Assert.True(lab.Step());
        Assert.Equal(0, lab.Right.Engine.HalfOpen);
        Assert.Single(lab.Right.Installed);
        // left <-- right  IKE_AUTH { SK { IDr, AUTH, SA, TSi, TSr } }
        Assert.True(lab.Step());
        Assert.Equal(0, lab.InFlight);

        lab.AssertUp();
        var established = Assert.Single(lab.Left.FactsOf<IkeSaEstablished>());
        Assert.Equal(("left.lab", "right.lab", true, "psk"), (established.LocalId, established.RemoteId, established.Initiator, established.Authentication));
        Assert.Equal("aes128gcm16-prfsha256-x25519", established.Proposal);
        Assert.Equal("net", Assert.Single(lab.Right.FactsOf<ChildSaInstalled>()).Parameters.Child.Value);
    }

    [Fact]
    public void The_gateway_is_initiator_and_responder_alike()
    {
        using var lab = Lab.Configured();
        Assert.True(lab.Right.Initiate());
        lab.Deliver();
        lab.AssertUp();
        Assert.True(Assert.Single(lab.Right.Sas).Initiator);
    }

    [Fact]
    public void Secrets_are_stored_before_the_fact_before_the_dataplane_before_the_reply()
    {
        using var lab = Lab.Configured();
        lab.Left.Initiate();
        lab.Step();
        lab.Step();
        lab.Step();
        var kinds = lab.Right.LastOutputs.Select(o => o.GetType().Name).ToList();
        Assert.True(kinds.FindLastIndex(k => k == nameof(IkeOutput.Store)) < kinds.IndexOf(nameof(IkeOutput.Fact)), string.Join(' ', kinds));
        Assert.True(kinds.FindLastIndex(k => k == nameof(IkeOutput.Fact)) < kinds.IndexOf(nameof(IkeOutput.Install)), string.Join(' ', kinds));
        Assert.True(kinds.FindLastIndex(k => k == nameof(IkeOutput.Install)) < kinds.IndexOf(nameof(IkeOutput.Send)), string.Join(' ', kinds));
        Assert.Equal(3, kinds.Count(k => k == nameof(IkeOutput.Store)));
    }

    public static TheoryData<string, string> Suites
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var group in new[] { "x25519", "ecp256", "ecp384", "modp2048", "modp3072" }) data.Add($"aes128gcm16-prfsha256-{group}", $"aes128gcm16-{group}");
            foreach (var cipher in new[] { "aes192gcm16-prfsha384", "aes256gcm16-prfsha512", "aes128-sha256", "aes192-sha384", "aes256-sha512", "chacha20poly1305-prfsha256", "aes256ccm16-prfsha256" })
                data.Add($"{cipher}-x25519", "aes256gcm16-x25519");
            data.Add("aes256-sha384-ecp521", "aes192gcm16");
            data.Add("aes128gcm16-prfsha256-x448", "aes256-sha256-modp2048");
            data.Add("aes128gcm16-prfsha256-x25519", "aes128gcm16-esn");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    [Rfc("7296", "2.14")]
    [Rfc("7296", "2.17")]
    public void Both_sides_derive_the_same_keys(string ike, string esp)
    {
        using var lab = Lab.Up(s => Lab.WithChild(s with { Proposals = [ike] }, c => c with { EspProposals = [esp] }));
        // CREATE_CHILD_SA with the same algorithms, and with the key exchange in it.
        Assert.True(lab.Left.Rekey("net"));
        lab.Deliver();
        lab.AssertUp();
        Assert.True(lab.Right.Rekey());
        lab.Deliver();
        lab.AssertUp();
        lab.AssertNoNonceTwice();
    }

    [Fact]
    [Rfc("7296", "1.2")]
    public void The_initiator_takes_the_key_exchange_method_that_the_responder_wants()
    {
        using var lab = Lab.Configured(s => s with { Proposals = ["aes128gcm16-prfsha256-x25519-ecp384"] }, s => s with { Proposals = ["aes128gcm16-prfsha256-ecp384"] });
        lab.Left.Initiate();
        // left --> right  IKE_SA_INIT { SA, KEi(x25519), Ni, … }
        lab.Step();
        Assert.Equal(0, lab.Right.Engine.Count);
        // left <-- right  IKE_SA_INIT { N(INVALID_KE_PAYLOAD, ecp384) }
        lab.Step();
        // left --> right  IKE_SA_INIT { SA, KEi(ecp384), Ni, … }
        lab.Deliver();
        lab.AssertUp();
        Assert.Contains("ecp384", lab.Left.Sas[0].Proposal);
    }

    [Fact]
    [Rfc("7296", "1.3")]
    public void A_child_takes_the_key_exchange_method_that_the_responder_wants()
    {
        using var lab = Lab.Configured(
            s => Lab.WithChild(s, c => c with { EspProposals = ["aes128gcm16-x25519-ecp256"] }),
            s => Lab.WithChild(s, c => c with { EspProposals = ["aes128gcm16-ecp256"] }));
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        // left --> right  CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, KEi(x25519), TSi, TSr }
        // left <-- right  CREATE_CHILD_SA { N(INVALID_KE_PAYLOAD, ecp256) }
        // left --> right  CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, KEi(ecp256), TSi, TSr }
        lab.Left.Rekey("net");
        lab.Deliver();
        lab.AssertUp();
        Assert.Contains("ecp256", lab.Left.Sas[0].Children[0].Proposal);
    }

    [Fact]
    [Rfc("7296", "2.6")]
    public void A_busy_responder_asks_for_a_cookie_first()
    {
        using var lab = Lab.Configured(rightSettings: new IkeSettings { CookieThreshold = 0 });
        lab.Left.Initiate();
        // left --> right  IKE_SA_INIT { SA, KEi, Ni }
        lab.Step();
        Assert.Equal(0, lab.Right.Engine.Count);
        Assert.Equal(1, lab.Right.Engine.Drops(IkeDrop.CookieRequested));
        // left <-- right  IKE_SA_INIT { N(COOKIE) }
        lab.Step();
        // left --> right  IKE_SA_INIT { N(COOKIE), SA, KEi, Ni }
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    [Rfc("7296", "2.6")]
    public void A_cookie_and_another_key_exchange_method_can_both_be_asked_for()
    {
        using var lab = Lab.Configured(
            s => s with { Proposals = ["aes128gcm16-prfsha256-x25519-ecp384"] }, s => s with { Proposals = ["aes128gcm16-prfsha256-ecp384"] },
            rightSettings: new IkeSettings { CookieThreshold = 0 });
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    [Rfc("7296", "2.21.2")]
    public void A_wrong_pre_shared_key_is_refused_and_the_fact_says_so()
    {
        using var lab = Lab.Configured();
        lab.Left.Share("another secret", "left.lab", "right.lab");
        lab.Left.Secrets.RemoveAt(0);
        lab.Left.Load();
        lab.Left.Initiate();
        // left --> right  IKE_AUTH { SK { IDi, IDr, AUTH, … } }
        // left <-- right  IKE_AUTH { SK { N(AUTHENTICATION_FAILED) } }
        lab.Deliver();
        Assert.Equal("authentication-failed", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Reason);
        var failure = Assert.Single(lab.Right.FactsOf<IkeSaFailed>());
        Assert.Equal(("authentication-failed", "left.lab"), (failure.Reason, failure.RemoteId));
        lab.Left.Vault.Remove(lab.Left.Vault.Keys.First(h => lab.Left.Secrets.TrueForAll(s => s.Handle != h)));
        lab.AssertDown();
        Assert.DoesNotContain("secret", string.Join(' ', lab.Trace), StringComparison.Ordinal);
    }

    [Fact]
    [Rfc("7296", "2.21.2")]
    public void An_initiator_that_cannot_authenticate_the_responder_tells_it()
    {
        // The right side says it is right.lab, the left expects other.lab but names nobody, so that the right side answers.
        using var lab = Lab.Configured(s => s with { Remote = [new AuthenticationRound { Id = "*.other" }] });
        lab.Left.Share("a very common secret");
        lab.Left.Initiate();
        // left <-- right  IKE_AUTH { SK { IDr, AUTH, SA, TSi, TSr } }
        // left --> right  INFORMATIONAL { SK { N(AUTHENTICATION_FAILED) } }
        lab.Deliver();
        Assert.Equal("authentication-failed", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Reason);
        Assert.Equal("authentication-failed", Assert.Single(lab.Right.FactsOf<IkeSaClosed>()).Reason);
        lab.AssertDown();
    }

    [Fact]
    public void A_peer_that_no_connection_takes_is_refused()
    {
        using var lab = Lab.Configured(right: s => s with { Remote = [new AuthenticationRound { Id = "somebody.else" }] });
        lab.Left.Initiate();
        lab.Deliver();
        Assert.Equal("authentication-failed", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Reason);
        lab.AssertDown();
    }

    [Fact]
    [Rfc("7296", "2.7")]
    public void No_proposal_in_common_ends_the_set_up_on_both_sides()
    {
        using var lab = Lab.Configured(s => s with { Proposals = ["aes256-sha512-modp2048"] });
        lab.Left.Initiate();
        // left <-- right  IKE_SA_INIT { N(NO_PROPOSAL_CHOSEN) }
        lab.Deliver();
        Assert.Equal("no-proposal-chosen", Assert.Single(lab.Left.FactsOf<IkeSaFailed>()).Reason);
        Assert.Equal("no-proposal-chosen", Assert.Single(lab.Right.FactsOf<IkeSaFailed>()).Reason);
        lab.AssertDown();
    }

    [Fact]
    [Rfc("7296", "1.2")]
    public void The_ike_sa_stands_without_a_child_when_esp_proposals_differ()
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s, c => c with { EspProposals = ["aes256gcm16"] }));
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp(children: 0);
        Assert.Equal("no-proposal-chosen", Assert.Single(lab.Left.FactsOf<ChildSaFailed>()).Reason);
        Assert.Equal("no-proposal-chosen", Assert.Single(lab.Right.FactsOf<ChildSaFailed>()).Reason);
    }

    [Fact]
    [Rfc("7296", "2.9")]
    public void The_responder_narrows_the_selectors()
    {
        using var lab = Lab.Configured(
            s => Lab.WithChild(s, c => c with { LocalTs = ["10.1.0.0/16"], RemoteTs = ["10.0.0.0/8"] }),
            s => Lab.WithChild(s, c => c with { LocalTs = ["10.2.0.0/24[tcp/80]", "10.2.7.0/24"], RemoteTs = ["10.1.0.0/24"] }));
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        var sa = Assert.Single(lab.Left.Installed.Values).Parameters;
        Assert.Equal(["10.1.0.0/24"], sa.LocalSelectors.Select(t => t.ToString()));
        Assert.Equal(["10.2.0.0/24[tcp/80]", "10.2.7.0/24"], sa.RemoteSelectors.Select(t => t.ToString()).Order());
    }

    [Fact]
    [Rfc("7296", "2.9")]
    public void Selectors_with_nothing_in_common_fail_the_child_only()
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s, c => c with { RemoteTs = ["172.16.0.0/24"] }));
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp(children: 0);
        Assert.Equal("ts-unacceptable", Assert.Single(lab.Left.FactsOf<ChildSaFailed>()).Reason);
    }

    [Fact]
    public void Dynamic_selectors_are_the_ike_addresses()
    {
        using var lab = Lab.Up(s => Lab.WithChild(s, c => c with { LocalTs = ["dynamic"], RemoteTs = ["dynamic"] }));
        var sa = Assert.Single(lab.Left.Installed.Values).Parameters;
        Assert.Equal("192.0.2.1/32", Assert.Single(sa.LocalSelectors).ToString());
        Assert.Equal("198.51.100.2/32", Assert.Single(sa.RemoteSelectors).ToString());
    }

    [Fact]
    [Rfc("6023", "3")]
    public void An_ike_sa_comes_up_alone_and_takes_children_later()
    {
        using var lab = Lab.Configured(s => s with { Children = new Dictionary<string, ChildSpec>() });
        Assert.True(lab.Left.Initiate(child: null));
        lab.Deliver();
        lab.AssertUp(children: 0);
        // right --> left  CREATE_CHILD_SA { SA, Ni, KEi, TSi, TSr }, which the left side has no child for
        lab.Right.Initiate();
        lab.Deliver();
        lab.AssertUp(children: 0);
        Assert.Equal("ts-unacceptable", Assert.Single(lab.Right.FactsOf<ChildSaFailed>()).Reason);
    }

    [Fact]
    public void Several_children_come_up_one_after_the_other()
    {
        static ConnectionSpec Two(ConnectionSpec spec)
        {
            var net = spec.Children["net"];
            var (local, remote) = net.LocalTs[0] == "10.1.0.0/24" ? ("fd01::/64", "fd02::/64") : ("fd02::/64", "fd01::/64");
            return spec with { Children = new Dictionary<string, ChildSpec> { ["net"] = net, ["net6"] = net with { LocalTs = [local], RemoteTs = [remote] } } };
        }

        using var lab = Lab.Configured(Two, Two);
        Assert.True(lab.Left.Initiate(child: null));
        lab.Deliver();
        lab.AssertUp(children: 2);
        // Asking again for what is up changes nothing.
        lab.Left.Initiate("net6");
        lab.Deliver();
        lab.AssertUp(children: 2);
    }

    [Fact]
    public void A_child_that_is_configured_later_comes_up_in_the_ike_sa_that_stands_and_one_that_is_removed_is_closed()
    {
        static ConnectionSpec More(ConnectionSpec spec, string local, string remote, StartAction start) => spec with
        {
            Children = new Dictionary<string, ChildSpec>(spec.Children) { ["more"] = spec.Children["net"] with { LocalTs = [local], RemoteTs = [remote], StartAction = start } },
        };

        using var lab = Lab.Up();
        lab.Right.Configure(More(Lab.RightSpec, "10.2.9.0/24", "10.1.9.0/24", StartAction.None));
        lab.Left.Configure(More(Lab.LeftSpec, "10.1.9.0/24", "10.2.9.0/24", StartAction.Start));
        // left --> right  CREATE_CHILD_SA { SA, Ni, KEi, TSi, TSr }
        lab.Deliver();
        lab.AssertUp(children: 2);

        lab.Left.Configure(Lab.LeftSpec);
        // left --> right  INFORMATIONAL { D(more) }
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal("configuration-removed", Assert.Single(lab.Left.FactsOf<ChildSaClosed>()).Reason);
        Assert.Single(lab.Left.FactsOf<IkeSaEstablished>());
    }

    [Fact]
    public void A_connection_whose_proposals_change_leaves_its_ike_sa_alone()
    {
        using var lab = Lab.Up();
        lab.Left.Configure(Lab.LeftSpec with { Proposals = ["aes256gcm16-prfsha384-ecp384"] });
        lab.Deliver();
        lab.AssertUp();
        lab.Left.Rekey();
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    public void A_responder_with_any_address_and_pattern_picks_the_connection_by_identity()
    {
        using var lab = Lab.Configured(right: s => s with { RemoteAddrs = ["%any"], Remote = [new AuthenticationRound { Id = "*.lab" }] });
        lab.Right.Configure(Lab.RightSpec with { RemoteAddrs = ["%any"], Remote = [new AuthenticationRound { Id = "*.elsewhere" }] }, "other");
        lab.Left.Initiate();
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal("lab", lab.Right.Sas[0].Connection.Value);
    }

    [Fact]
    public void A_peer_with_a_name_is_resolved_first()
    {
        using var lab = Lab.Configured(s => s with { RemoteAddrs = ["gate.example"] });
        lab.Left.Initiate();
        var question = Assert.IsType<IkeOutput.Ask.Resolve>(Assert.Single(lab.Left.Questions));
        Assert.Equal("gate.example", question.Name);
        lab.Left.Do((now, outputs) => lab.Left.Engine.Resolved(question.By, [lab.Right.Address], now, outputs));
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    public void A_child_with_start_action_start_comes_up_by_itself_and_one_with_trap_on_its_first_packet()
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s, c => c with { StartAction = StartAction.Start }));
        lab.Deliver();
        lab.AssertUp();

        using var trap = Lab.Configured(s => Lab.WithChild(s, c => c with { StartAction = StartAction.Trap }));
        trap.Deliver();
        Assert.Empty(trap.Left.Sas);
        for (var i = 0; i < 3; i++) trap.Left.Do((now, outputs) => trap.Left.Engine.Acquire(new("lab"), new("net"), now, outputs));
        trap.Deliver();
        trap.AssertUp();
    }

    [Fact]
    [Rfc("7296", "2.4")]
    public void Initial_contact_makes_the_peer_forget_what_the_other_has_forgotten()
    {
        using var lab = Lab.Up();
        lab.Left.Reset();
        lab.Left.Initiate();
        // left --> right  IKE_AUTH { SK { IDi, N(INITIAL_CONTACT), … } }
        lab.Deliver();
        lab.AssertUp();
        Assert.Equal("initial-contact", Assert.Single(lab.Right.FactsOf<IkeSaClosed>()).Reason);
    }

    [Theory]
    [InlineData(UniquePolicy.Never, 2)]
    [InlineData(UniquePolicy.Replace, 1)]
    [InlineData(UniquePolicy.Keep, 1)]
    public void Uniqueness_is_as_the_connection_says(UniquePolicy unique, int expected)
    {
        using var lab = Lab.Up(s => s with { Unique = unique });
        var first = lab.Right.Sas[0].Id;
        lab.Left.Reset();
        lab.Left.Initiate();
        lab.Deliver();
        lab.Run(200);
        Assert.Equal(expected, lab.Right.Sas.Count);
        if (unique == UniquePolicy.Keep) Assert.Equal(first, lab.Right.Sas[0].Id);
        if (unique == UniquePolicy.Replace) Assert.NotEqual(first, lab.Right.Sas[0].Id);
    }

    [Fact]
    public void A_half_open_ike_sa_is_forgotten_after_a_while()
    {
        using var lab = Lab.Configured(leftSettings: new IkeSettings { RetransmitTries = 0 });
        lab.Left.Initiate();
        lab.Step();
        lab.LoseAll();
        Assert.Equal(1, lab.Right.Engine.HalfOpen);
        lab.Run(31);
        Assert.Equal(0, lab.Right.Engine.HalfOpen);
        lab.AssertDown();
    }

    [Fact]
    [Rfc("7296", "2.5")]
    public void A_higher_major_version_is_told_what_we_speak()
    {
        using var lab = Lab.Configured();
        lab.Left.Initiate();
        var packet = lab.Take();
        packet.Payload[17] = 0x30;
        lab.Arrive(packet);
        var answer = lab.Take().Message;
        Assert.Equal(0x20, answer[17]);
        Assert.Equal((byte)PayloadType.Notify, answer[16]);
        Assert.Equal([0, 5], answer[34..36]);
    }
}
