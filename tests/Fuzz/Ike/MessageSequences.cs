using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Gateway.Scenarios.Ike;
using Xunit;

namespace Gateway.Fuzz.Ike;

/// <summary>
/// Whole lives of IKE SAs with valid, repeated, damaged and made-up messages in any order and any state: strangers' ones, and such as only a peer with the keys can send, during
/// authentication and after it. No step may throw, nothing may be left behind, the journal stays true, and afterwards a set-up works. FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed class MessageSequences(ITestOutputHelper output)
{
    private const int Acts = 120;

    private static readonly int _seconds = Number("FUZZ_SECONDS") ?? 4;

    private static TestCertificate Root { get; } = TestPki.Root("C=CH, CN=Root", TestKey.Of("p256 root"));

    // The engine survives a step that throws; here it shall say which one.
    [ThreadStatic]
    private static Exception? _thrown;

    static MessageSequences() => AppDomain.CurrentDomain.FirstChanceException += (_, e) => _thrown = e.Exception is Xunit.Sdk.IAssertionException ? _thrown : e.Exception;

    public static TheoryData<string> Ways => ["psk", "certificates", "eap-mschapv2", "eap-md5", "eap-tls", "rounds", "childless", "addresses", "ppk", "half-open"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Messages_in_any_order_and_any_state_leave_both_sides_sound(string way)
    {
        var first = Number("FUZZ_SEED");
        var until = DateTime.UtcNow.AddSeconds(_seconds);
        var seed = first ?? Random.Shared.Next(1, 1_000_000_000);
        output.WriteLine($"{way}: FUZZ_SEED={seed}");
        var lives = 0;
        do
        {
            using var life = new Life(way, seed);
            try
            {
                life.Run();
            }
            catch (Exception e)
            {
                Assert.Fail($"{way}: FUZZ_SEED={seed}: {e.Message}\n{_thrown?.Message}\n{_thrown?.StackTrace}\n{string.Join('\n', life.Lab.Trace.TakeLast(60))}\n{e.StackTrace}");
            }

            lives++;
            seed++;
        }
        while (first is null && DateTime.UtcNow < until);
        output.WriteLine($"{lives} lives");
    }

    /// <summary>One seeded life.</summary>
    private sealed class Life : IDisposable
    {
        private readonly Random _random;
        private readonly string _way;
        private readonly List<Packet> _flying = [];
        private readonly List<Packet> _old = [];
        private readonly Dictionary<IkeSpiPair, IkeKeys> _keys = [];
        private readonly Dictionary<IkeSpiPair, uint> _ids = [];
        private ulong _iv = 1ul << 40;

        public Life(string way, int seed)
        {
            (_way, _random) = (way, new Random(seed));
            var settings = way == "half-open" ? new IkeSettings { CookieThreshold = 2, HalfOpenPerSource = 3 } : new IkeSettings();
            Lab = new Lab(settings, settings, seed, resumesAtEveryStep: _random.Next(2) == 0);
            foreach (var peer in new[] { Lab.Left, Lab.Right }) peer.Watch = Learn;
            Lab.Path = packet =>
            {
                _flying.Add(packet);
                return [];
            };
            Configure();
        }

        public Lab Lab { get; }

        public void Run()
        {
            for (var i = 0; i < Acts; i++)
            {
                Act();
                Lab.AssertNoFault();
            }

            // The trouble is over: what is left ends or is closed, and then a set-up works.
            _flying.Clear();
            Lab.Path = p => [p];
            Lab.Left.Terminate();
            Lab.Right.Terminate();
            Lab.Run(2000);
            Lab.AssertNoFault();
            Lab.AssertJournalsAreTrue();
            foreach (var peer in new[] { Lab.Left, Lab.Right })
                Assert.True(peer.Secrets.Count + peer.Sas.Count + (2 * peer.Installed.Count) == peer.Vault.Count, $"{peer.Name} holds {peer.Vault.Count} slots for {peer.Sas.Count} IKE SAs and {peer.Installed.Count} CHILD SAs");
            Lab.Right.Initiate();
            Lab.Run(60);
            Assert.Contains(Lab.Right.Sas, s => s.State == "ESTABLISHED");
            Lab.AssertNoFault();
        }

        public void Dispose()
        {
            Lab.Dispose();
            foreach (var keys in _keys.Values) keys.Dispose();
        }

        private void Act()
        {
            switch (_random.Next(20))
            {
                case < 8 when _flying.Count > 0:
                    // Mostly in order, now and then not.
                    var at = _random.Next(5) == 0 ? _random.Next(_flying.Count) : 0;
                    var packet = _flying[at];
                    _flying.RemoveAt(at);
                    _old.Add(packet);
                    Lab.Arrive(packet);
                    break;
                case 8 when _flying.Count > 0:
                    _flying.RemoveAt(_random.Next(_flying.Count));
                    break;
                case 9 when _old.Count > 0:
                    Lab.Arrive(_old[_random.Next(_old.Count)]);
                    break;
                case 10 or 11 when _flying.Count > 0:
                    Lab.Arrive(Damage(_flying[_random.Next(_flying.Count)]));
                    break;
                case 12 when _old.Count > 0:
                    Lab.Arrive(Damage(_old[_random.Next(_old.Count)]));
                    break;
                case 13 or 14 when _keys.Count > 0:
                    Forge();
                    break;
                case 15:
                    Lab.Run(_random.Next(4) == 0 ? _random.Next(1, 400) : _random.Next(0, 6));
                    break;
                case 16 when _random.Next(4) == 0:
                    (_random.Next(2) == 0 ? Lab.Left : Lab.Right).KillAndResume();
                    break;
                default:
                    Command(_random.Next(2) == 0 ? Lab.Left : Lab.Right);
                    break;
            }
        }

        private void Command(Peer peer)
        {
            switch (_random.Next(7))
            {
                case 0 or 1: Lab.Right.Initiate(); break;
                case 2: peer.Rekey("net"); break;
                case 3: peer.Rekey(); break;
                case 4: peer.Terminate("net"); break;
                case 5 when _random.Next(3) == 0: peer.Terminate(); break;
                default: peer.Do((now, outputs) => peer.Engine.Reauthenticate(new ConnectionName("lab"), now, outputs)); break;
            }
        }

        /// <summary>A message under the right keys that the peer with these keys should not send now, or not like that.</summary>
        private void Forge()
        {
            var (spis, keys) = _keys.ElementAt(_random.Next(_keys.Count));
            var fromInitiator = _random.Next(2) == 0;
            using var cipher = keys.CreateCipher(fromInitiator);
            var exchange = _random.Next(8) switch { < 3 => ExchangeType.IkeAuth, < 6 => ExchangeType.CreateChildSa, < 7 => ExchangeType.Informational, _ => (ExchangeType)_random.Next(30, 50) };
            var flags = (fromInitiator ? IkeFlags.Initiator : 0) | (_random.Next(2) == 0 ? IkeFlags.Response : 0);
            // The ids that the other side awaits are small numbers.
            var header = new IkeHeader(spis.Initiator, spis.Responder, exchange, flags, new MessageId((uint)_random.Next(0, 8)));
            byte[] message = SkProtection.Seal(header, Payloads(), cipher, ref _iv, new SeededEntropy(_random.Next()));
            var to = _random.Next(2) == 0 ? Lab.Left : Lab.Right;
            var from = to == Lab.Left ? Lab.Right : Lab.Left;
            var natt = _random.Next(2) == 0;
            Lab.Arrive(new Packet(
                new IPEndPoint(from.Address, natt ? 4500 : 500), new IPEndPoint(to.Address, natt ? 4500 : 500), natt ? NonEspMarker.Prepend(message).ToArray() : message));
        }

        private ValueList<Payload> Payloads()
        {
            var all = new List<Payload>();
            for (var i = _random.Next(0, 7); i > 0; i--) all.Add(One());
            return all.ToValueList();
        }

        private Payload One()
        {
            var children = Lab.Left.Installed.Values.Concat(Lab.Right.Installed.Values).Select(s => s.Parameters).ToList();
            var spi = children.Count > 0 && _random.Next(3) != 0 ? children[_random.Next(children.Count)].OutboundSpi : new Spi((uint)_random.Next());
            var config = Lab.Left.Connections[0];
            return _random.Next(19) switch
            {
                0 => new NotifyPayload((NotifyType)_random.Next(1, 50), Some(_random.Next(0, 8))),
                1 => new NotifyPayload((NotifyType)_random.Next(16384, 16450), Some(_random.Next(0, 40))),
                2 => new NotifyPayload(NotifyType.RekeySa, default, Gateway.Ike.Proposals.SaProtocol.Esp, SpiOctets(spi)),
                3 => new DeletePayload(Gateway.Ike.Proposals.SaProtocol.Esp, [spi]),
                4 => DeletePayload.IkeSa,
                5 => new NoncePayload(Some(_random.Next(16, 257))),
                6 => new KeyExchangePayload((ushort)_random.Next(0, 40), Some(_random.Next(1, 100))),
                7 => new KeyExchangePayload(31, Some(32)),
                8 => new SecurityAssociationPayload(config.Proposals.Select(p => p with { Spi = Some(8) }).ToValueList()),
                9 => new SecurityAssociationPayload(config.Children[0].Proposals.Select(p => p with { Spi = Some(4) }).ToValueList()),
                10 => new TrafficSelectorInitiatorPayload([TrafficSelector.OfPrefix(IPAddress.Parse("10.1.0.0"), _random.Next(0, 33))]),
                11 => new TrafficSelectorResponderPayload([TrafficSelector.OfPrefix(IPAddress.Parse("10.2.0.0"), _random.Next(0, 33))]),
                12 => new IdInitiatorPayload((IdType)_random.Next(0, 14), Some(_random.Next(0, 20))),
                13 => new IdResponderPayload(IdType.Fqdn, new Octets("left.lab"u8)),
                14 => new AuthenticationPayload((AuthMethod)_random.Next(0, 16), Some(_random.Next(0, 80))),
                15 => new CertificatePayload((CertificateEncoding)_random.Next(0, 16), Root.Der is var der && _random.Next(2) == 0 ? new Octets(der) : Some(_random.Next(0, 200))),
                16 => new EapPayload((EapCode)_random.Next(0, 6), (byte)_random.Next(256), _random.Next(3) == 0 ? default : EapData()),
                17 => new ConfigurationPayload((ConfigurationKind)_random.Next(0, 5), [new ConfigurationAttribute((ConfigurationAttributeType)_random.Next(0, 26), Some(_random.Next(0, 20)))]),
                _ => new VendorIdPayload(Some(_random.Next(0, 30))),
            };
        }

        // A type of method, and octets that begin as that method's do.
        private Octets EapData()
        {
            byte[] types = [1, 2, 3, 4, 13, 26, 254];
            var bytes = new byte[_random.Next(1, 120)];
            _random.NextBytes(bytes);
            bytes[0] = types[_random.Next(types.Length)];
            if (bytes.Length > 1 && _random.Next(2) == 0) bytes[1] = (byte)_random.Next(0, 8);
            return bytes;
        }

        private Packet Damage(Packet packet)
        {
            var bytes = packet.Payload.ToArray();
            for (var i = _random.Next(1, 4); i > 0 && bytes.Length > 0; i--)
            {
                switch (_random.Next(5))
                {
                    case 0: bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8)); break;
                    case 1: bytes[_random.Next(bytes.Length)] = (byte)_random.Next(256); break;
                    case 2: bytes = bytes[.._random.Next(bytes.Length)]; break;
                    case 3: bytes = [.. bytes, .. new byte[_random.Next(1, 20)]]; break;
                    default: bytes[_random.Next(Math.Min(32, bytes.Length))] ^= (byte)_random.Next(1, 256); break;
                }
            }

            var at = packet.To.Port == 500 ? 24 : 28;
            if (bytes.Length >= at + 4 && _random.Next(2) == 0) BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), bytes.Length - at + 24);
            return packet with { Payload = bytes };
        }

        // The keys of every IKE SA that there ever was, as its peer has them.
        private void Learn(IkeSaState state)
        {
            if (state.ChannelOrNull is null || _keys.ContainsKey(state.Peering.Spis) || state is IkeSaState.Gone) return;
            using var content = IkeSaSnapshot.Encode(state);
            if (IkeSaSnapshot.TryDecode(content.Span, _ => state.Peering.Connection, out var copy, out _) && copy.ChannelOrNull is { } channel) _keys[state.Peering.Spis] = channel.Keys;
        }

        private void Configure()
        {
            static AuthenticationRound Round(string auth, string id, string? eapId = null) =>
                new() { Auth = AuthenticationWord.TryParse(auth, out var word) ? word : throw new FormatException(auth), Id = id, EapId = eapId };
            foreach (var peer in new[] { Lab.Left, Lab.Right })
            {
                peer.Share("a very common secret", "left.lab", "right.lab");
                peer.Credentials.Trust(Root).Own(peer.Name, Root.Issue($"CN={peer.Name}.lab", TestKey.Of($"p256 {peer.Name}"), new CertificateShape { Dns = [$"{peer.Name}.lab"] })).Password("bob@lab", "Passw0rd!");
            }

            var (left, right) = (Lab.LeftSpec, Lab.RightSpec);
            var gateway = Round("pubkey", "left.lab");
            (left, right) = _way switch
            {
                "certificates" => (left with { Local = [gateway], Remote = [Round("pubkey", "right.lab")] }, right with { Local = [Round("pubkey", "right.lab")], Remote = [gateway] }),
                "eap-mschapv2" or "eap-md5" => (left with { Local = [gateway], Remote = [Round(_way, "bob@lab", "%any")] }, right with { Local = [Round("eap", "bob@lab", "bob@lab")], Remote = [gateway] }),
                "eap-tls" => (left with { Local = [gateway], Remote = [Round("eap-tls", "right.lab")] }, right with { Local = [Round("eap-tls", "right.lab")], Remote = [gateway] }),
                "rounds" => (
                    left with { Local = [gateway], Remote = [Round("pubkey", "right.lab"), Round("eap-mschapv2", "bob@lab", "%any")] },
                    right with { Local = [Round("pubkey", "right.lab"), Round("eap", "bob@lab", "bob@lab")], Remote = [gateway] }),
                "childless" => (left, right with { Childless = ChildlessPolicy.Force }),
                "addresses" => (
                    Lab.WithChild(left with { Pools = ["rw"] }, c => c with { RemoteTs = ["dynamic"], LocalTs = ["0.0.0.0/0"] }),
                    Lab.WithChild(right with { Vips = ["0.0.0.0"] }, c => c with { LocalTs = ["dynamic"], RemoteTs = ["0.0.0.0/0"], Inactivity = new SwanDuration(100) })),
                "ppk" => (left with { PpkId = "quantum" }, right with { PpkId = "quantum" }),
                _ => (left, right),
            };
            if (_way == "addresses") Lab.Left.Lend("rw", new PoolSpec { Addrs = "10.3.0.0/29" });
            if (_way == "ppk")
                foreach (var peer in new[] { Lab.Left, Lab.Right }) peer.Credentials.Ppk("quantum", "a key that no quantum computer knows");
            Lab.Left.Configure(left with { DpdDelay = new SwanDuration(30) });
            Lab.Right.Configure(right with { DpdDelay = new SwanDuration(40) });
        }

        private Octets Some(int length)
        {
            var bytes = new byte[length];
            _random.NextBytes(bytes);
            return bytes;
        }

        private static Octets SpiOctets(Spi spi)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, spi.Value);
            return bytes;
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
