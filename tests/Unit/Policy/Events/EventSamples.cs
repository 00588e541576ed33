using System.Net;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Unit.Policy.Events;

/// <summary>One event of each stored name with every member set, as the frozen files in Samples hold it.</summary>
internal static class EventSamples
{
    private static readonly KeyHandle _slot = new(new UInt128(0x0011223344556677, 0x8899aabbccddeeff));

    public static IReadOnlyDictionary<string, GatewayEvent> ByName { get; } = All().ToDictionary(EventCatalog.NameOf);

    private static IEnumerable<GatewayEvent> All()
    {
        foreach (var item in Items())
        {
            yield return new ItemPut(item.Key, item.Spec);
            yield return new ItemDeleted(item.Key);
        }

        yield return new TransactionCommitted(7, 3, "a new branch");
        yield return new ItemApplied(new ItemKey("interface", "wan"), 7);
        yield return new ItemPending(new ItemKey("route", "default"), 7, "interface/wan");
        yield return new ItemRemoved(new ItemKey("interface", "wan"), 7);
        yield return new CommandRejected(["interface/wan"], [new RejectionNote("interface/wan", "$.put[0].spec.mtu", "out-of-range")], 3);
        yield return new SaCommandAccepted("initiate", "branch", "net", "maintenance is over");
        yield return new GatewayStarted("0.2.0", "5c2f6a90-8a1e-4a62-9a0f-0d8f6c0e7f01");
        yield return new GatewayStopped("signal");
        yield return new SigningKeyMade(Octets.FromHex("0a0b0c0d0e0f"), Octets.FromHex("3059301306072a8648ce3d0201"));
        yield return new IkeSaEstablished
        {
            Id = new IkeSaId(12),
            Connection = new ConnectionName("branch"),
            Initiator = false,
            InitiatorSpi = "0102030405060708",
            ResponderSpi = "1112131415161718",
            LocalAddress = IPAddress.Parse("198.51.100.1"),
            LocalPort = 4500,
            RemoteAddress = IPAddress.Parse("203.0.113.2"),
            RemotePort = 61000,
            LocalId = "left.lab",
            RemoteId = "right.lab",
            Proposal = "aes128gcm16-prfsha256-x25519",
            Authentication = "psk",
            NatLocal = false,
            NatRemote = true,
            Slot = _slot,
            Replaces = new IkeSaId(11),
        };
        yield return new IkeSaClosed(new IkeSaId(12), new ConnectionName("branch"), "deleted-by-peer");
        yield return new IkeSaFailed(new ConnectionName("branch"), true, IPAddress.Parse("2001:db8::2"), "right.lab", "authentication-failed", "The peer's proof does not match.", 4);
        yield return new IkeSaEndpointChanged(new IkeSaId(12), IPAddress.Parse("198.51.100.1"), 4500, IPAddress.Parse("203.0.113.9"), 4500);
        yield return new SaLost(new IkeSaId(12), "no slot in the vault");
        yield return new ChildSaInstalled(
            new ChildSaParameters
            {
                Id = new ChildSaId(31),
                IkeSa = new IkeSaId(12),
                Connection = new ConnectionName("branch"),
                Child = new ChildName("net"),
                InboundSpi = new Spi(0xc0000001),
                OutboundSpi = new Spi(0xc0000002),
                LocalAddress = IPAddress.Parse("198.51.100.1"),
                RemoteAddress = IPAddress.Parse("203.0.113.2"),
                Encapsulation = new UdpEncapsulation(4500, 61000),
                Mode = SaMode.Transport,
                Transforms = new EspTransforms(12, 256, 12),
                InboundKey = _slot,
                OutboundKey = new KeyHandle(1),
                LocalSelectors = [Selector("10.1.0.0/24")],
                RemoteSelectors = [Selector("10.2.0.0/24"), Selector("10.3.0.1-10.3.0.9[udp/53]")],
                Esn = true,
                ReplayWindow = 0,
                Lifetime = new SaLifetime(1000, 2000, 10, 20),
                CopyDf = false,
                CopyEcn = false,
                CopyDscpOut = false,
            },
            "aes256-sha256-x25519",
            new ChildSaId(30));
        yield return new ChildSaClosed(new ChildSaId(31), new IkeSaId(12), new ConnectionName("branch"), new ChildName("net"), "rekeyed", 1, 2, 3, 4);
        yield return new ChildSaFailed(new IkeSaId(12), new ConnectionName("branch"), new ChildName("net"), "ts-unacceptable", "Nothing is in common with 10.9.0.0/16.");
        yield return new ChildSasInherited(new IkeSaId(11), new IkeSaId(12));
        yield return new LeaseGranted("rw", IPAddress.Parse("10.3.0.1"), "right.lab", new ConnectionName("branch"), new IkeSaId(12));
        yield return new LeaseReleased("rw", IPAddress.Parse("10.3.0.1"), "right.lab");
        yield return new LeaseRefused(new ConnectionName("branch"), new IkeSaId(12), "right.lab", IPAddress.Parse("10.3.0.9"), "exhausted");
        yield return new VirtualAddressesReceived(new IkeSaId(12), new ConnectionName("branch"), [IPAddress.Parse("10.3.0.1")], [IPAddress.Parse("10.1.0.53")], [Selector("10.1.0.0/24")]);
        yield return new SessionsCleared(IPAddress.Parse("10.1.0.2"), "out", "blue", "a host was renumbered");
        yield return new NatBlockAssigned("out", IPAddress.Parse("10.1.0.2"), IPAddress.Parse("198.51.100.48"), 4608, 5119, "blue");
        yield return new NatBlockReleased("out", IPAddress.Parse("10.1.0.2"), IPAddress.Parse("198.51.100.48"), 4608, 5119, new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), "idle", "blue");
    }

    private static IEnumerable<Item> Items()
    {
        yield return new(new("vrf", "blue"), new VrfSpec { Description = "customer blue" });
        yield return new(new("interface", "wan"), new InterfaceSpec
        {
            Type = InterfaceType.Tap,
            Device = "tap0",
            Addresses = [new(IPAddress.Parse("198.51.100.1"), 24), new(IPAddress.Parse("2001:db8:1::1"), 64)],
            Mtu = 1400,
            Mac = Mac("02:00:00:00:00:01"),
            Enabled = false,
            TakeOver = true,
        });
        yield return new(new("bridge", "lan"), new BridgeSpec
        {
            Members = [new BridgeMember { Interface = "lan1", SplitHorizonGroup = 1, Learn = false, MacLimit = 100, FloodRate = 1000 }, new BridgeMember { Interface = "lan2" }],
            Bvi = "lan0",
            MacAge = new SwanDuration(600),
            MacLimit = 1000,
            Learn = false,
            FloodUnknown = false,
            Static = [new BridgeStation { Mac = Mac("02:00:00:00:00:05"), Interface = "lan1" }],
        });
        yield return new(new("cross-connect", "line"), new CrossConnectSpec { A = "port1", B = "port2" });
        yield return new(new("span", "watch"), new SpanSpec { Source = "wan", Destination = "probe", Direction = SpanDirection.In });
        yield return new(new("policer", "line"), new PolicerSpec
        {
            Mode = PolicerMode.TwoRate,
            Rate = new(10_000_000, false),
            Burst = new(64_000, false),
            PeakRate = new(12_500_000, false),
            PeakBurst = new(1_500, false),
            ExcessRate = new(500, true),
            ExcessBurst = new(100, true),
            Conform = new(false, 10),
            Exceed = new(true, null),
            Violate = new(false, null),
            ColorAware = true,
            YellowDscp = [12],
            RedDscp = [14, 22],
        });
        yield return new(new("source-limit", "each"), new SourceLimitSpec
        {
            PacketsPerSecond = 1000,
            PacketBurst = 200,
            FlowsPerSecond = 50,
            FlowBurst = 20,
            Ipv4Prefix = 24,
            Ipv6Prefix = 56,
            Sources = 4096,
        });
        yield return new(new("mac-acl", "stations"), new MacAclSpec
        {
            Rules =
            [
                new MacAclRule
                {
                    Name = "host",
                    Action = MacAclAction.Permit,
                    From = Mac("02:00:00:00:00:05"),
                    FromMask = Mac("ff:ff:ff:ff:ff:ff"),
                    To = Mac("02:00:00:00:00:00"),
                    ToMask = Mac("ff:ff:ff:00:00:00"),
                    Ethertype = new EtherType(0x0806),
                    Vlan = 7,
                    SourceIp = [Prefix("10.1.0.5/32"), Prefix("2001:db8::5/128")],
                },
                new MacAclRule { Action = MacAclAction.Deny, Ethertype = new EtherType(0x88CC) },
            ],
        });
        yield return new(new("group", "servers"), new GroupSpec { Addresses = [new(Prefix("10.1.0.0/24"), null), new(Prefix("2001:db8::1/128"), null), new(null, "others")], Ports = [new(443, 443, null), new(1024, 65535, null), new(0, 0, "services")] });
        yield return new(new("acl", "web"), new AclSpec
        {
            Rules =
            [
                new AclRule
                {
                    Name = "browsers",
                    Action = AclAction.PermitReflect,
                    Family = IpFamily.Ipv4,
                    From = [new(Prefix("10.1.0.0/24"), null)],
                    To = [new(null, "servers")],
                    Protocol = new IpProtocol(6),
                    FromPorts = [new(1024, 65535, null)],
                    ToPorts = [new(443, 443, null), new(0, 0, "services")],
                    TcpFlags = new TcpFlags(18, 2),
                    Fragments = FragmentMatch.None,
                },
                new AclRule { Action = AclAction.Reject, Protocol = new IpProtocol(1), IcmpType = 3, IcmpCode = 4 },
                new AclRule { Action = AclAction.Deny, Protocol = new IpProtocol(200), Fragments = FragmentMatch.Later },
            ],
        });
        yield return new(new("abf-policy", "voice"), new AbfPolicySpec
        {
            Acl = "web",
            NextHops = [new RouteHop { Via = IPAddress.Parse("203.0.113.254"), Interface = "wan", Weight = 2 }],
            NextHopVrf = "blue",
            Fallback = AbfFallback.Drop,
        });
        yield return new(new("route", "default"), new RouteSpec { To = Prefix("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.254"), Interface = "wan", Blackhole = true });
        yield return new(new("route-list", "full-1"), new RouteListSpec
        {
            To = PrefixList.Of([Prefix("20.0.1.0/24"), Prefix("20.0.0.0/24"), Prefix("20.0.0.0/16")]),
            Via = IPAddress.Parse("198.51.100.254"),
            Interface = "wan",
            Blackhole = true,
            Unreachable = true,
            Prohibit = true,
            Preference = 20,
            NextHops = [new RouteHop { Via = IPAddress.Parse("203.0.113.254"), Interface = "wan", Weight = 2 }],
            Vrf = "blue",
            NextHopVrf = "default",
        });
        yield return new(new("neighbor", "hop"), new NeighborSpec { Interface = "wan", Address = IPAddress.Parse("198.51.100.254"), Mac = Mac("02:00:00:00:00:fe") });
        yield return new(new("conntrack", "all"), new ConntrackSpec
        {
            Always = true,
            AlwaysOn = ["wan"],
            TcpLoose = false,
            Max = 100_000,
            MaxPerSource = 500,
            Ipv6SourcePrefix = 56,
            TcpTimeoutSynSent = new SwanDuration(20),
            TcpTimeoutSynRecv = new SwanDuration(21),
            TcpTimeoutEstablished = new SwanDuration(7200),
            TcpTimeoutUnacknowledged = new SwanDuration(22),
            TcpTimeoutFinWait = new SwanDuration(23),
            TcpTimeoutCloseWait = new SwanDuration(24),
            TcpTimeoutLastAck = new SwanDuration(25),
            TcpTimeoutTimeWait = new SwanDuration(26),
            TcpTimeoutClose = new SwanDuration(27),
            UdpTimeout = new SwanDuration(28),
            UdpTimeoutStream = new SwanDuration(29),
            IcmpTimeout = new SwanDuration(31),
            GenericTimeout = new SwanDuration(32),
        });
        yield return new(new("nat", "out"), new NatSpec
        {
            Type = NatType.Source,
            Order = 10,
            From = [Prefix("10.1.0.0/24")],
            OutInterface = "wan",
            Addresses = [new TrafficSelector(IPAddress.Parse("198.51.100.50"), IPAddress.Parse("198.51.100.53"))],
            Exempt = true,
            FirstPort = 2000,
            LastPort = 3000,
            Protected = true,
            Outside = IPAddress.Parse("198.51.100.1"),
            Inside = IPAddress.Parse("10.1.0.2"),
            Protocol = NatProtocol.Udp,
            OutsidePort = 8080,
            InsidePort = 80,
            Backends = [new NatBackendSpec { Address = IPAddress.Parse("10.1.0.3"), Port = 80, Weight = 3 }],
            Affinity = true,
        });
        yield return new(new("limits", "box"), new LimitsSpec
        {
            IcmpErrors = 100,
            IcmpErrorBurst = 20,
            EchoReplies = 50,
            TcpResets = 10,
            NeighborRequests = 200,
            NewNeighbors = 300,
            ReassemblyPackets = 64,
            ReassemblyFragments = 8,
            ReassemblyBuffers = 512,
            ReassemblyTime = new SwanDuration(5),
        });
        yield return new(new("secret", "ike-branch"), new SecretSpec { Type = SecretType.Ike, Ids = ["left.lab", "right.lab"], Handle = _slot });
        yield return new(new("pool", "rw"), new PoolSpec
        {
            Addrs = "10.3.0.0/24",
            Dns = [IPAddress.Parse("10.1.0.53")],
            Nbns = [IPAddress.Parse("10.1.0.54")],
            Dhcp = [IPAddress.Parse("10.1.0.55")],
            Netmask = [IPAddress.Parse("255.255.255.0")],
            Subnet = [Prefix("10.1.0.0/24")],
            SplitInclude = [Prefix("10.1.0.0/24")],
            SplitExclude = [Prefix("10.9.0.0/16")],
        });
        yield return new(new("certificate", "ca-lab.crt"), new CertificateSpec { Type = CertificateType.Pubkey, Flag = CertificateFlag.Ocsp, Data = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" });
        yield return new(new("authority", "lab"), new AuthoritySpec { Cacert = "ca-lab.crt", CrlUris = ["http://crl.lab/lab.crl"], OcspUris = ["http://ocsp.lab/"] });
        yield return new(new("connection", "branch"), new ConnectionSpec
        {
            LocalAddrs = ["198.51.100.1"],
            RemoteAddrs = ["203.0.113.2"],
            LocalPort = 4500,
            RemotePort = 4501,
            Proposals = ["aes128gcm16-prfsha256-x25519"],
            Local = [new AuthenticationRound { Id = "left.lab" }],
            Remote = [new AuthenticationRound { Id = "right.lab" }],
            Encap = true,
            Mobike = false,
            Fragmentation = FragmentationPolicy.Force,
            DpdDelay = new SwanDuration(30),
            RekeyTime = new SwanDuration(0),
            OverTime = new SwanDuration(60),
            RandTime = new SwanDuration(45),
            Keyingtries = 0,
            Unique = UniquePolicy.Replace,
            Children = new Dictionary<string, ChildSpec>
            {
                ["net"] = new()
                {
                    LocalTs = ["10.1.0.0/24"],
                    RemoteTs = ["10.2.0.0/24"],
                    EspProposals = ["aes128gcm16-x25519"],
                    Mode = SaMode.Transport,
                    StartAction = StartAction.Trap,
                    DpdAction = LossAction.None,
                    CloseAction = LossAction.Start,
                    RekeyTime = new SwanDuration(0),
                    LifeTime = new SwanDuration(90),
                    RandTime = new SwanDuration(1),
                    RekeyBytes = 1,
                    LifeBytes = 2,
                    RekeyPackets = 3,
                    LifePackets = 4,
                    ReplayWindow = 0,
                    CopyDf = false,
                    CopyEcn = false,
                },
            },
        });
        yield return new(new("policy", "dns"), new PolicySpec { Action = PolicyAction.Discard, LocalTs = [Selector("10.1.0.0/24")], RemoteTs = [Selector("0.0.0.0/0[udp/53]")], Priority = 10 });
    }

    private static TrafficSelector Selector(string text) => TrafficSelector.TryParse(text, out var selector) ? selector : throw new FormatException(text);

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);

    private static MacAddress Mac(string text) => MacAddress.TryParse(text, out var mac) ? mac : throw new FormatException(text);
}
