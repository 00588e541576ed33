using System.Net;
using Gateway.Crypto.Ciphers;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Datagrams that nobody should send, in every state.</summary>
public sealed class Hostile
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 15)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Changed_copies_of_protected_messages_stop_nothing(int seed)
    {
        var random = new Random(seed);
        using var lab = Lab.Configured(seed: seed);
        var strange = new List<Packet>();
        lab.Path = p =>
        {
            if (p.Header is { Exchange: ExchangeType.IkeSaInit }) return [p];
            strange.Add(p);
            // The change comes before the original, and so does a change of something older.
            return [Mutate(p, random), Mutate(strange[random.Next(strange.Count)], random), p];
        };
        lab.Left.Initiate();
        lab.Deliver();
        foreach (var act in new Action[] { () => lab.Left.Rekey("net"), () => lab.Right.Rekey("net"), () => lab.Left.Rekey(), () => lab.Right.Rekey(), () => lab.Right.Rekey("net") })
        {
            act();
            lab.Deliver();
            AssertSound(lab, seed);
            lab.AssertUp();
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Changed_copies_of_any_message_and_noise_harm_no_engine(int seed)
    {
        var random = new Random(seed);
        using var lab = Lab.Configured(s => s with { Keyingtries = 3 }, seed: seed, leftSettings: new IkeSettings { CookieThreshold = 3 }, rightSettings: new IkeSettings { CookieThreshold = 3 });
        lab.Path = p => [Mutate(p, random), Noise(p, random), p, Mutate(p, random)];
        for (var round = 0; round < 4; round++)
        {
            lab.Left.Initiate();
            lab.Run(10);
            lab.Right.Rekey("net");
            lab.Left.Rekey();
            lab.Run(10);
            AssertSound(lab, seed);
            lab.Left.Terminate();
            lab.Run(200);
        }

        // When the noise is over, all works.
        lab.Path = p => [p];
        lab.Run(400);
        lab.Left.Initiate();
        lab.Run(10);
        Assert.Contains(lab.Left.Sas, s => s.State == "ESTABLISHED");
        AssertSound(lab, seed);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Rfc("7296", "2.21.3")]
    public void An_authenticated_peer_that_talks_nonsense_gets_answers_and_breaks_nothing(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 6; round++)
        {
            using var lab = Lab.Up(seed: (seed * 100) + round, resumesAtEveryStep: false);
            var slot = lab.Left.Vault.Single(v => v.Value.Length > 2 && v.Value.Span[0] == 'I' && v.Value.Span[1] == 'K').Value;
            Assert.True(IkeSaSnapshot.TryDecode(slot.Span, n => lab.Left.Connections[0], out var state, out _));
            var established = Assert.IsType<IkeSaState.Established>(state);
            using var keys = established.Channel.Keys;
            using var cipher = keys.CreateCipher(fromInitiator: true);
            var iv = established.Channel.NextIv + 1000;
            var id = established.Channel.NextRequest;
            for (var i = 0; i < 20 && lab.Right.Sas.Any(s => s.ResponderSpi == established.Peering.Spis.Responder.ToString()); i++)
            {
                var exchange = random.Next(10) switch { < 5 => ExchangeType.CreateChildSa, < 9 => ExchangeType.Informational, _ => ExchangeType.IkeAuth };
                var header = new IkeHeader(established.Peering.Spis.Initiator, established.Peering.Spis.Responder, exchange, IkeFlags.Initiator, id);
                var message = SkProtection.Seal(header, Nonsense(random, lab), cipher, ref iv, new SeededEntropy(random.Next()));
                var before = lab.Sent.Count;
                lab.Arrive(new Packet(new IPEndPoint(lab.Left.Address, 500), new IPEndPoint(lab.Right.Address, 500), message));
                Assert.True(lab.Sent.Count > before, $"seed {seed}: no answer to {exchange}");
                lab.LoseAll();
                id = id.Next;
            }

            AssertSound(lab, seed);
            // Whatever it did, the books are straight.
            Assert.Equal(lab.Right.Secrets.Count + lab.Right.Sas.Count + (2 * lab.Right.Installed.Count), lab.Right.Vault.Count);
        }
    }

    [Fact]
    [Rfc("7296", "2.6")]
    public void A_flood_of_first_messages_costs_bounded_memory()
    {
        var settings = new IkeSettings { CookieThreshold = 20, HalfOpenPerSource = 5, HalfOpenLimit = 100 };
        using var lab = Lab.Configured(right: s => s with { RemoteAddrs = ["%any"] }, rightSettings: settings, resumesAtEveryStep: false);
        lab.Left.Initiate();
        var first = lab.Take();
        for (var i = 0; i < 2000; i++)
        {
            var copy = first.Payload.ToArray();
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(copy, i + 1);
            lab.Arrive(first with { From = new IPEndPoint(new IPAddress([10, 0, (byte)(i / 250), (byte)(i % 250)]), 500), Payload = copy });
        }

        Assert.Equal(20, lab.Right.Engine.HalfOpen);
        Assert.Equal(1980, lab.Right.Engine.Drops(IkeDrop.CookieRequested));
        // One who receives at its address still gets in.
        lab.LoseAll();
        lab.Run(20);
        lab.AssertNoFault();
        Assert.Contains(lab.Left.Sas, s => s.State == "ESTABLISHED");
        Assert.True(lab.Right.Facts.Count < 200);
        lab.Run(40);
        Assert.Equal(0, lab.Right.Engine.HalfOpen);
        Assert.Single(lab.Right.Sas);
    }

    [Fact]
    public void One_source_cannot_hold_more_than_its_share_of_half_open_ike_sas()
    {
        using var lab = Lab.Configured(rightSettings: new IkeSettings { HalfOpenPerSource = 5 }, resumesAtEveryStep: false);
        lab.Left.Initiate();
        var first = lab.Take();
        for (var i = 0; i < 20; i++)
        {
            var copy = first.Payload.ToArray();
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(copy, i + 1);
            lab.Arrive(first with { Payload = copy });
        }

        Assert.Equal(5, lab.Right.Engine.HalfOpen);
        Assert.Equal(15, lab.Right.Engine.Drops(IkeDrop.HalfOpenLimitOfSource));
    }

    private static void AssertSound(Lab lab, int seed)
    {
        Assert.True(lab.Left.Engine.Drops(IkeDrop.Fault) == 0 && lab.Right.Engine.Drops(IkeDrop.Fault) == 0, $"seed {seed}: a fault");
    }

    private static Packet Noise(Packet like, Random random)
    {
        var bytes = new byte[random.Next(0, 400)];
        random.NextBytes(bytes);
        // Half of it with a header that finds an IKE SA.
        if (bytes.Length > 28 && random.Next(2) == 0 && like.Payload.Length > 28)
        {
            like.Payload.AsSpan(0, 24).CopyTo(bytes);
            System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(24), bytes.Length);
        }

        return like with { Payload = bytes };
    }

    private static Packet Mutate(Packet packet, Random random)
    {
        var bytes = packet.Payload.ToArray();
        for (var i = random.Next(1, 4); i > 0 && bytes.Length > 0; i--)
        {
            switch (random.Next(5))
            {
                case 0: bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[random.Next(bytes.Length)] = (byte)random.Next(256); break;
                case 2: bytes = bytes[..random.Next(bytes.Length)]; break;
                case 3: bytes = [.. bytes, .. new byte[random.Next(1, 20)]]; break;
                default: bytes[random.Next(Math.Min(28, bytes.Length))] ^= (byte)random.Next(1, 256); break;
            }
        }

        // A length that fits again lets the change be looked at more closely.
        if (bytes.Length >= 28 && random.Next(2) == 0) System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(24), bytes.Length);
        // An unchanged copy is the network's affair, not a stranger's.
        if (bytes.AsSpan().SequenceEqual(packet.Payload)) bytes[^1] ^= 1;
        return packet with { Payload = bytes };
    }

    private static ValueList<Payload> Nonsense(Random random, Lab lab)
    {
        var all = new List<Payload>();
        for (var i = random.Next(0, 6); i > 0; i--) all.Add(One(random, lab));
        // Often enough something that is complete, so that it gets further.
        if (random.Next(2) == 0)
        {
            var child = lab.Right.Installed.Values.FirstOrDefault()?.Parameters;
            var config = lab.Left.Connections[0].Children[0];
            all.RemoveAll(p => p is SecurityAssociationPayload or NoncePayload or TrafficSelectorPayload);
            all.Add(new SecurityAssociationPayload(random.Next(3) == 0
                ? lab.Left.Connections[0].Proposals.Select(p => p with { Spi = Random(random, 8) }).ToValueList()
                : config.Proposals.Select(p => p with { Spi = Random(random, 4) }).ToValueList()));
            all.Add(new NoncePayload(Random(random, 32)));
            all.Add(new KeyExchangePayload((ushort)random.Next(30, 33), Random(random, 32)));
            all.Add(new TrafficSelectorInitiatorPayload([TrafficSelector.OfPrefix(IPAddress.Parse("10.1.0.0"), random.Next(0, 33))]));
            all.Add(new TrafficSelectorResponderPayload([TrafficSelector.OfPrefix(IPAddress.Parse("10.2.0.0"), random.Next(0, 33))]));
            if (child is not null && random.Next(2) == 0) all.Insert(0, new NotifyPayload(NotifyType.RekeySa, default, SaProtocol.Esp, SpiOctets(child.OutboundSpi)));
        }

        return all.ToValueList();
    }

    private static Payload One(Random random, Lab lab)
    {
        var known = lab.Right.Installed.Values.Select(s => s.Parameters.OutboundSpi).FirstOrDefault();
        return random.Next(9) switch
        {
            0 => new NotifyPayload((NotifyType)random.Next(1, 50), Random(random, random.Next(0, 8))),
            1 => new NotifyPayload((NotifyType)random.Next(16384, 16450), Random(random, random.Next(0, 40))),
            2 => new DeletePayload(SaProtocol.Esp, [random.Next(2) == 0 ? known : new Spi((uint)random.Next())]),
            3 => new NoncePayload(Random(random, random.Next(16, 257))),
            4 => new KeyExchangePayload((ushort)random.Next(0, 40), Random(random, random.Next(1, 100))),
            5 => new VendorIdPayload(Random(random, 16)),
            6 => new TrafficSelectorInitiatorPayload([]),
            7 => new IdInitiatorPayload(IdType.Fqdn, Random(random, 5)),
            _ => new NotifyPayload(NotifyType.RekeySa, default, SaProtocol.Esp, SpiOctets(random.Next(2) == 0 ? known : new Spi(7))),
        };
    }

    private static Octets Random(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static Octets SpiOctets(Spi spi)
    {
        var bytes = new byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, spi.Value);
        return bytes;
    }
}
