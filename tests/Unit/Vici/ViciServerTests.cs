using System.Text.Json;
using Gateway.Host.Ike;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Wire;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Vici;

public sealed class ViciServerTests : IAsyncLifetime
{
    private static readonly Principal _we = new("vici", $"uid:{Id()}");

    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-vici-").FullName;
    private readonly FakeViciFace _face = new();
    private ViciServer _server = null!;

    private string Socket => Path.Combine(_folder, "test.vici");

    public ValueTask InitializeAsync()
    {
        _server = ViciServer.Start(Socket, _face, NullLogger.Instance);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.False(File.Exists(Socket));
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void The_socket_is_open_to_its_owner_alone() => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));

    [Fact]
    public void A_second_server_on_the_same_socket_is_refused() => Assert.Throws<IOException>(() => ViciServer.Start(Socket, _face, NullLogger.Instance));

    [Fact]
    public void An_unknown_command_or_event_is_named_unknown()
    {
        using var client = new ViciClient(Socket);
        Assert.Equal(ViciPacketType.UnknownCommand, client.Exchange(new ViciPacket(ViciPacketType.Request, "make-coffee", [])).Type);
        Assert.Equal(ViciPacketType.UnknownEvent, client.Register("coffee-ready"));
        Assert.Equal(ViciPacketType.Confirm, client.Register("list-sa"));
        Assert.Equal("1.2.3", client.Ask("version")["version"]);
    }

    [Fact]
    public void A_connection_becomes_a_transaction_of_the_clients_user()
    {
        using var client = new ViciClient(Socket);
        Assert.True(client.Ask("load-conn", Lab()).IsYes("success"));
        var (command, principal) = Assert.Single(_face.Commands);
        Assert.Equal(_we, principal);
        var put = Assert.Single(Assert.IsType<Command.Transaction>(command).Put);
        Assert.Equal(("connection", "lab"), (put.Kind, put.Name));
        Assert.Equal("""["10.1.0.0/24","10.1.1.0/24"]""", JsonSerializer.Serialize(put.Spec.GetProperty("children").GetProperty("net").GetProperty("local_ts")));
        Assert.Equal("left.lab", put.Spec.GetProperty("local")[0].GetProperty("id").GetString());
    }

    [Fact]
    public void What_the_gateway_cannot_take_is_said_and_changes_nothing()
    {
        using var client = new ViciClient(Socket);
        var answer = client.Ask("load-conn", new ViciSection { { "old", new ViciSection { { "version", "1" } } } });
        Assert.False(answer.IsYes("success"));
        Assert.Contains("IKEv1", answer["errmsg"], StringComparison.Ordinal);
        Assert.Empty(_face.Commands);
    }

    [Fact]
    public void A_refused_transaction_answers_with_its_sentence()
    {
        _face.Refusal = "There is no such thing.";
        using var client = new ViciClient(Socket);
        var answer = client.Ask("load-conn", Lab());
        Assert.False(answer.IsYes("success"));
        Assert.Contains(_face.Refusal, answer["errmsg"], StringComparison.Ordinal);
    }

    [Fact]
    public void Only_what_came_over_vici_is_told_as_loaded()
    {
        _face.Configure(new Principal("bus", "user:onap"));
        using var client = new ViciClient(Socket);
        Assert.Empty(client.Ask("get-conns").Texts("conns"));
        Assert.Empty(client.Ask("get-shared").Texts("keys"));
        _face.Configure(_we);
        Assert.Equal(["lab"], client.Ask("get-conns").Texts("conns"));
        Assert.Equal(["ike-lab"], client.Ask("get-shared").Texts("keys"));
    }

    [Theory]
    [InlineData("http", true)]
    [InlineData("bus", false)]
    public void What_the_same_user_put_through_the_other_socket_is_taken_over_and_nothing_else(string door, bool taken)
    {
        _face.Configure(new Principal(door, _we.Name));
        using var client = new ViciClient(Socket);
        client.Ask("load-conn", Lab());
        Assert.Equal(taken, Assert.IsType<Command.Transaction>(Assert.Single(_face.Commands).Command).TakeOwnership);
    }

    [Fact]
    public void What_passes_or_drops_is_shown_under_the_connection_that_it_came_with()
    {
        _face.Configure(_we);
        var policy = new Item(new ItemKey(ItemCatalog.Policy, "lab-to-printers"), new PolicySpec { Action = PolicyAction.Bypass, LocalTs = [Selector("10.1.0.0/24")], RemoteTs = [Selector("10.7.0.0/24")] });
        var other = new Item(new ItemKey(ItemCatalog.Policy, "elsewhere-x"), new PolicySpec { Action = PolicyAction.Discard, LocalTs = [Selector("10.1.0.0/24")], RemoteTs = [Selector("10.8.0.0/24")] });
        _face.Running = _face.Running.With([new ItemChange(policy.Key, policy), new ItemChange(other.Key, other)], 2);
        using var client = new ViciClient(Socket);
        client.Register("list-policy");
        client.Ask("list-policies");
        Assert.Equal(["elsewhere-x DROP ", "lab/to-printers PASS lab"], client.Events.Select(e => Assert.IsType<ViciEntry.Section>(Assert.Single(e.Message))).Select(s => $"{s.Name} {s.Content["mode"]} {s.Content["ike"]}"));
        client.Events.Clear();
        client.Register("list-conn");
        client.Ask("list-conns");
        var connection = Assert.Single(client.Events).Message.Section("lab")!;
        Assert.Equal("PASS", connection.Section("children")!.Section("to-printers")!["mode"]);
        Assert.Equal("none", connection.Section("children")!.Section("net")!["dpd_action"]);
        Assert.Equal("pre-shared key", connection.Section("local-1")!["class"]);
    }

    [Fact]
    public void A_pool_in_use_leaves_its_connections()
    {
        _face.Configure(_we);
        var connection = _face.Running.OfKind(ItemCatalog.Connection).Single();
        var pool = new Item(new ItemKey(ItemCatalog.Pool, "rw"), new PoolSpec { Addrs = "10.3.0.0/28" });
        var user = connection with { Spec = (ConnectionSpec)connection.Spec with { Pools = ["rw", "rw6"] } };
        _face.Running = _face.Running.With([new ItemChange(pool.Key, pool), new ItemChange(user.Key, user)], 2);
        using var client = new ViciClient(Socket);
        Assert.True(client.Ask("unload-pool", new ViciSection { { "name", "rw" } }).IsYes("success"));
        var transaction = Assert.IsType<Command.Transaction>(Assert.Single(_face.Commands).Command);
        Assert.Equal("rw", Assert.Single(transaction.Delete).Name);
        Assert.Equal("""["rw6"]""", JsonSerializer.Serialize(Assert.Single(transaction.Put).Spec.GetProperty("pools")));
    }

    [Fact]
    public void A_secret_goes_in_and_is_never_shown()
    {
        using var client = new ViciClient(Socket);
        Assert.True(client.Ask("load-shared", new ViciSection { { "id", "ike-1" }, { "type", "IKE" }, { "data", [0, 255, 7] }, { "owners", ["left.lab", "right.lab"] } }).IsYes("success"));
        var put = Assert.Single(Assert.IsType<Command.Transaction>(Assert.Single(_face.Commands).Command).Put);
        Assert.Equal(("secret", "ike-1", "0x00ff07"), (put.Kind, put.Name, put.Spec.GetProperty("secret").GetString()));
        Assert.Equal(["left.lab", "right.lab"], put.Spec.GetProperty("ids").EnumerateArray().Select(e => e.GetString()));
    }

    [Fact]
    public void Initiate_waits_for_the_child_and_tells_what_happens_meanwhile()
    {
        _face.Configure(_we);
        _face.OnCommand = _ => Task.Run(() =>
        {
            _face.Happen(FakeViciFace.Established(1));
            _face.Happen(new ChildSaInstalled(FakeViciFace.Child(1), "aes128gcm16"));
            _face.IkeSas = [FakeViciFace.View(1, child: FakeViciFace.Child(1))];
        });
        using var client = new ViciClient(Socket);
        client.Register("control-log");
        Assert.True(client.Ask("initiate", new ViciSection { { "child", "net" }, { "timeout", 20_000 } }).IsYes("success"));
        var sa = Assert.IsType<Command.Sa>(Assert.Single(_face.Commands).Command);
        Assert.Equal((SaVerb.Initiate, "lab", "net"), (sa.Verb, sa.Connection, sa.Child));
        Assert.Contains(client.Events, e => e.Message["msg"]!.StartsWith("IKE_SA lab[1] established", StringComparison.Ordinal));
        Assert.Contains(client.Events, e => e.Message["msg"]!.Contains("TS 10.1.0.0/24 === 10.2.0.0/24", StringComparison.Ordinal));
        Assert.Equal(2, _face.Following); // events and counters; the waiting is over
    }

    [Fact]
    public void Initiate_fails_with_the_notify_that_the_peer_sent()
    {
        _face.Configure(_we);
        _face.OnCommand = _ => Task.Run(() => _face.Happen(new IkeSaFailed(new ConnectionName("lab"), true, System.Net.IPAddress.Loopback, null, "authentication-failed", "")));
        using var client = new ViciClient(Socket);
        var answer = client.Ask("initiate", new ViciSection { { "child", "net" } });
        Assert.False(answer.IsYes("success"));
        Assert.Contains("AUTHENTICATION_FAILED", answer["errmsg"], StringComparison.Ordinal);
    }

    [Fact]
    public void Initiate_of_nothing_is_refused_without_a_command()
    {
        using var client = new ViciClient(Socket);
        Assert.Contains("'net' not found", client.Ask("initiate", new ViciSection { { "child", "net" } })["errmsg"], StringComparison.Ordinal);
        Assert.Empty(_face.Commands);
    }

    [Fact]
    public void Terminate_by_number_means_that_SA_alone()
    {
        _face.Configure(_we);
        _face.IkeSas = [FakeViciFace.View(1, child: FakeViciFace.Child(7)), FakeViciFace.View(2, child: FakeViciFace.Child(8))];
        _face.OnCommand = _ => _face.IkeSas = [_face.IkeSas[0]];
        using var client = new ViciClient(Socket);
        var answer = client.Ask("terminate", new ViciSection { { "ike-id", "2" }, { "timeout", 20_000 } });
        Assert.Equal(("yes", "1", "1"), (answer["success"], answer["matches"], answer["terminated"]));
        var sa = Assert.IsType<Command.Sa>(Assert.Single(_face.Commands).Command);
        Assert.Equal((SaVerb.Terminate, "lab", null, 2ul), (sa.Verb, sa.Connection, sa.Child, sa.Number));
        Assert.Equal("no matching SAs to terminate found", client.Ask("terminate", new ViciSection { { "ike-id", "3" } })["errmsg"]);
    }

    [Fact]
    public void Rekey_with_reauth_means_the_ike_sa_also_of_a_child()
    {
        _face.Configure(_we);
        _face.IkeSas = [FakeViciFace.View(1, child: FakeViciFace.Child(7)), FakeViciFace.View(2, child: FakeViciFace.Child(8))];
        using var client = new ViciClient(Socket);
        var answer = client.Ask("rekey", new ViciSection { { "child-id", "8" }, { "reauth", "yes" } });
        Assert.Equal(("yes", "1"), (answer["success"], answer["matches"]));
        var sa = Assert.IsType<Command.Sa>(Assert.Single(_face.Commands).Command);
        Assert.Equal((SaVerb.Rekey, "lab", null, 2ul, true), (sa.Verb, sa.Connection, sa.Child, sa.Number, sa.Reauth));
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData("x509_crl", 1)]
    [InlineData("x509", 0)]
    public void Flush_certs_forgets_what_was_learned_of_revocation(string? type, int forgotten)
    {
        using var client = new ViciClient(Socket);
        var request = new ViciSection();
        request.Add("type", type);
        Assert.Equal("yes", client.Ask("flush-certs", request)["success"]);
        Assert.Equal(forgotten, _face.Forgotten);
    }

    [Fact]
    public void What_proved_a_peer_is_shown_with_its_ike_sa()
    {
        _face.IkeSas = [FakeViciFace.View(3) with { EapId = "road@lab", PpkId = "quantum", ReauthIn = TimeSpan.FromMinutes(2) }];
        using var client = new ViciClient(Socket);
        client.Register("list-sa");
        client.Ask("list-sas");
        var sa = Assert.Single(client.Events).Message.Section("lab")!;
        Assert.Equal(("road@lab", "yes", "120"), (sa["remote-eap-id"], sa["ppk"], sa["reauth-time"]));
    }

    [Fact]
    public void SAs_are_streamed_in_strongSwans_words()
    {
        _face.IkeSas = [FakeViciFace.View(3, child: FakeViciFace.Child(7, 3))];
        using var client = new ViciClient(Socket);
        client.Register("list-sa");
        client.Ask("list-sas");
        var sa = Assert.Single(client.Events).Message.Section("lab")!;
        Assert.Equal(("3", "2", "ESTABLISHED", "yes", "AES_CBC", "256", "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256", "MODP_2048"),
            (sa["uniqueid"], sa["version"], sa["state"], sa["nat-remote"], sa["encr-alg"], sa["encr-keysize"], sa["integ-alg"], sa["prf-alg"], sa["dh-group"]));
        Assert.Null(sa["nat-local"]);
        var child = sa.Section("child-sas")!.Section("net-7")!;
        Assert.Equal(("net", "TUNNEL", "ESP", "000000c1", "AES_GCM_16", "128", "CURVE_25519", "1", "3600"),
            (child["name"], child["mode"], child["protocol"], child["spi-in"], child["encr-alg"], child["encr-keysize"], child["dh-group"], child["esn"], child["rekey-time"]));
        Assert.Equal(["10.1.0.0/24"], child.Texts("local-ts"));
    }

    [Fact]
    public void Events_tell_of_SAs_that_come_go_and_are_rekeyed()
    {
        using var client = new ViciClient(Socket);
        foreach (var name in (string[])["ike-updown", "ike-rekey", "child-updown", "child-rekey"]) Assert.Equal(ViciPacketType.Confirm, client.Register(name));
        _face.Happen(FakeViciFace.Established(1));
        _face.Happen(new ChildSaInstalled(FakeViciFace.Child(1), "aes128gcm16"));
        _face.Happen(new ChildSaInstalled(FakeViciFace.Child(2), "aes128gcm16", new ChildSaId(1)));
        _face.Happen(new ChildSaClosed(new ChildSaId(1), new IkeSaId(1), new ConnectionName("lab"), new ChildName("net"), "rekeyed"));
        _face.Happen(FakeViciFace.Established(2, new IkeSaId(1)));
        _face.Happen(new ChildSasInherited(new IkeSaId(1), new IkeSaId(2)));
        _face.Happen(new IkeSaClosed(new IkeSaId(1), new ConnectionName("lab"), "rekeyed"));
        _face.Happen(new ChildSaClosed(new ChildSaId(2), new IkeSaId(2), new ConnectionName("lab"), new ChildName("net"), "terminated"));
        _face.Happen(new IkeSaClosed(new IkeSaId(2), new ConnectionName("lab"), "terminated"));
        var events = Enumerable.Range(0, 6).Select(_ => client.Event()).ToList();
        Assert.Equal(["ike-updown", "child-updown", "child-rekey", "ike-rekey", "child-updown", "ike-updown"], events.Select(e => e.Name));
        Assert.Equal(["yes", "yes", null, null, null, null], events.Select(e => e.Message["up"]));
        var rekey = events[2].Message.Section("lab")!.Section("child-sas")!.Section("net")!;
        Assert.Equal(("1", "2"), (rekey.Section("old")!["uniqueid"], rekey.Section("new")!["uniqueid"]));
        Assert.Equal("2", events[5].Message.Section("lab")!["uniqueid"]);
    }

    [Fact]
    public void A_rekeyed_child_keeps_its_reqid_and_other_selectors_have_another()
    {
        var other = FakeViciFace.Child(2) with { LocalSelectors = [TrafficSelector.OfPrefix(System.Net.IPAddress.Parse("10.3.0.0"), 24)] };
        _face.Happen(FakeViciFace.Established(1));
        _face.Happen(new ChildSaInstalled(FakeViciFace.Child(1), "aes128gcm16"));
        _face.Happen(new ChildSaInstalled(other, "aes128gcm16"));
        // Narrowed otherwise than before: it is the same tunnel all the same.
        var rekeyed = FakeViciFace.Child(3) with { RemoteSelectors = [TrafficSelector.OfPrefix(System.Net.IPAddress.Parse("10.2.0.0"), 25)] };
        using var client = new ViciClient(Socket);
        client.Register("child-rekey");
        client.Register("child-updown");
        _face.Happen(new ChildSaInstalled(rekeyed, "aes128gcm16", new ChildSaId(1)));
        _face.Happen(new ChildSaClosed(new ChildSaId(1), new IkeSaId(1), new ConnectionName("lab"), new ChildName("net"), "rekeyed"));
        _face.Happen(new ChildSaClosed(new ChildSaId(3), new IkeSaId(1), new ConnectionName("lab"), new ChildName("net"), "terminated"));
        _face.Happen(new ChildSaInstalled(FakeViciFace.Child(4), "aes128gcm16"));
        var (rekey, down, up) = (Children(client.Event()).Section("net")!, Children(client.Event()), Children(client.Event()));
        Assert.Equal(("1", "1"), (rekey.Section("old")!["reqid"], rekey.Section("new")!["reqid"]));
        Assert.Equal(("1", "3"), (down.Section("net-3")!["reqid"], up.Section("net-4")!["reqid"]));
        _face.IkeSas = [FakeViciFace.View(1, child: other)];
        client.Register("list-sa");
        client.Ask("list-sas");
        Assert.Equal("2", Children(Assert.Single(client.Events)).Section("net-2")!["reqid"]);

        static ViciSection Children(ViciPacket packet) => packet.Message.Section("lab")!.Section("child-sas")!;
    }

    [Fact]
    public void Messages_are_counted_for_all_together_and_for_each_connection_and_each_begins_anew_by_itself()
    {
        var (lab, branch) = (new ConnectionName("lab"), new ConnectionName("branch"));
        byte[] request = Message(IkeFlags.Initiator), response = Message(IkeFlags.Initiator | IkeFlags.Response);
        foreach (var (connection, message, inbound) in new[] { (lab, request, true), (lab, response, false), (branch, request, false) })
        {
            _face.Messages.Count(message, inbound);
            // On the port of NAT traversal four octets of zero stand in front (RFC 3948 §2.2).
            _face.Messages.Count(connection, connection == branch ? [0, 0, 0, 0, .. message] : message, inbound);
        }

        _face.Happen(FakeViciFace.Established(1));
        _face.Happen(new ChildSaInstalled(FakeViciFace.Child(2), "aes128gcm16", new ChildSaId(1)));
        using var client = new ViciClient(Socket);
        Assert.Equal(["1", "1", "0", "1", "1"], Of("", new ViciSection()));
        Assert.Equal(["1", "0", "0", "1", "1"], Of("lab", new ViciSection { { "name", "lab" } }));
        Assert.Equal(["0", "1", "0", "0", "0"], Of("branch", new ViciSection { { "all", "yes" } }));

        Assert.True(client.Ask("reset-counters", new ViciSection { { "name", "lab" } }).IsYes("success"));
        Assert.Equal(["0", "0", "0", "0", "0"], Of("lab", new ViciSection { { "name", "lab" } }));
        Assert.Equal(["0", "1", "0", "0", "0"], Of("branch", new ViciSection { { "name", "branch" } }));
        Assert.Equal(["1", "1", "0", "1", "1"], Of("", new ViciSection()));

        string[] Of(string name, ViciSection ask)
        {
            var section = client.Ask("get-counters", ask).Section("counters")!.Section(name)!;
            return [section["info-in-req"]!, section["info-out-req"]!, section["info-in-resp"]!, section["info-out-resp"]!, section["child-rekey"]!];
        }

        static byte[] Message(IkeFlags flags)
        {
            var message = new byte[IkeHeader.Size];
            (message[0], message[8], message[17], message[18], message[19], message[27]) = (1, 2, 0x20, (byte)ExchangeType.Informational, (byte)flags, IkeHeader.Size);
            return message;
        }
    }

    [Fact]
    public void Messages_are_traced_while_somebody_reads_the_log()
    {
        Assert.False(_face.Traces);
        using (var client = new ViciClient(Socket))
        {
            client.Register("log");
            Assert.True(_face.Traces);
            _face.OnMessage(new MessageSeen(new IkeSaId(1), new ConnectionName("lab"), new MessageTrace.Whole(true, ExchangeType.CreateChildSa, true, new MessageId(2),
                [new NotifyPayload(NotifyType.RekeySa), new NoncePayload(new byte[32])]), null, true));
            var line = client.Event().Message;
            Assert.Equal(("ENC", "lab", "parsed CREATE_CHILD_SA request 2 [ N(REKEY_SA) No ]"), (line["group"], line["ikesa-name"], line["msg"]));
        }

        Assert.True(SpinWait.SpinUntil(() => !_face.Traces, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Installing_a_trap_is_a_change_of_the_child()
    {
        _face.Configure(_we);
        using var client = new ViciClient(Socket);
        Assert.True(client.Ask("install", new ViciSection { { "child", "net" } }).IsYes("success"));
        var put = Assert.Single(Assert.IsType<Command.Transaction>(Assert.Single(_face.Commands).Command).Put);
        Assert.Equal("trap", put.Spec.GetProperty("children").GetProperty("net").GetProperty("start_action").GetString());
        Assert.False(client.Ask("uninstall", new ViciSection { { "child", "net" } }).IsYes("success"));
        _face.Configure(_we, StartAction.Trap);
        Assert.True(client.Ask("uninstall", new ViciSection { { "child", "net" } }).IsYes("success"));
    }

    [Fact]
    public void Who_may_not_read_gets_no_lists_and_no_events()
    {
        _face.Rights = Rights.None;
        using var client = new ViciClient(Socket);
        Assert.False(client.Ask("list-sas").IsYes("success"));
        Assert.Equal(ViciPacketType.UnknownEvent, client.Register("log"));
        Assert.Equal("gateway", client.Ask("version")["daemon"]);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0 }, "an empty packet")]
    [InlineData(new byte[] { 0, 8, 0, 1 }, "a packet beyond the limit")]
    [InlineData(new byte[] { 0, 0, 0, 2, 9, 9 }, "no packet")]
    [InlineData(new byte[] { 0, 0, 0, 1, 5 }, "a packet that clients do not send")]
    public void Who_sends_rubbish_is_put_off_and_nobody_else(byte[] octets, string what)
    {
        using var other = new ViciClient(Socket);
        using var client = new ViciClient(Socket);
        client.Send(octets);
        Assert.True(client.Receive() is null, what);
        Assert.Equal("1.2.3", other.Ask("version")["version"]);
    }

    [Fact]
    public void A_client_that_does_not_read_holds_up_nobody()
    {
        using var lazy = new ViciClient(Socket);
        lazy.Register("ike-updown");
        using var client = new ViciClient(Socket);
        for (ulong i = 1; i <= 20_000; i++) _face.Happen(FakeViciFace.Established(i));
        Assert.Equal("1.2.3", client.Ask("version")["version"]);
    }

    private static string Id() => File.ReadLines("/proc/self/status").First(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2];

    private static TrafficSelector Selector(string text) => TrafficSelector.TryParse(text, out var selector) ? selector : throw new FormatException(text);

    private static ViciSection Lab() => new()
    {
        {
            "lab", new ViciSection
            {
                { "version", "2" }, { "local_addrs", ["198.51.100.1"] }, { "remote_addrs", ["203.0.113.2"] }, { "proposals", ["aes128gcm16-prfsha256-x25519"] },
                { "local-1", new ViciSection { { "auth", "psk" }, { "id", "left.lab" } } },
                { "remote-1", new ViciSection { { "auth", "psk" }, { "id", "right.lab" } } },
                { "children", new ViciSection { { "net", new ViciSection { { "local_ts", ["10.1.0.0/24", "10.1.1.0/24"] }, { "remote_ts", ["10.2.0.0/24"] }, { "esp_proposals", ["aes128gcm16-x25519"] } } } } },
            }
        },
    };
}
